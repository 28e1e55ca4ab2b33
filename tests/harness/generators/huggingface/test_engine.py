"""The engine that shares prefixes, against transformers' own loop."""

import random

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import AutoModelForCausalLM

from harness.errors import ModelError
from harness.generators.huggingface import shared
from harness.generators.huggingface.attention import DecodeAttention
from harness.generators.huggingface.bank import Bank, Geometry
from harness.generators.huggingface.body import Body, unsupported
from harness.generators.huggingface.rows import Request, Row
from harness.generators.huggingface.session import Session
from harness.generators.huggingface.shared import _measure_cells
from harness.generators.huggingface.steps import Batch, decode, load_prefix, load_suffixes
from harness.types import Prompt

pytestmark = pytest.mark.torch

KINDS = [
    ("Llama", {}),
    ("Llama", {"head_dim": 16, "num_key_value_heads": 1}),
    ("Qwen2", {}),
    ("Qwen2", {"use_sliding_window": True, "sliding_window": 20, "max_window_layers": 1}),
    ("Qwen3", {"head_dim": 8}),
    ("Mistral", {"sliding_window": 16}),
    ("Starcoder2", {"use_bias": True}),
    ("Starcoder2", {"sliding_window": 30}),
]
WORDS = ["SELECT", "a", "b", "FROM", "t", ";", "WHERE", "=", "1", "Q"]


def make_prompts(count, seed=1):
    """Prompts behind three prefixes of different length, and a few behind none that another has."""
    chance = random.Random(seed)

    def words(most):
        return " ".join(chance.choice(WORDS) for _ in range(1 + chance.randrange(most)))

    lonely = [Prompt(count + index, words(20) + " Q" * index + " ", words(8)) for index in range(7)]
    shared_ = [Prompt(index, "SELECT a FROM t " * (2 + index % 3 * 9), words(8)) for index in range(count)]
    return shared_ + lonely


def answers(generator, prompts):
    return {
        (one.index, one.sample): (one.text, one.finish_reason, one.completion_tokens, one.prompt_tokens)
        for one in generator.generate(prompts)
    }


@pytest.mark.parametrize(("kind", "sizes"), KINDS)
def test_answers_are_those_of_plain_generation(make_model, make_generator, kind, sizes):
    folder, prompts = make_model(kind, **sizes), make_prompts(30)
    options = {"batch_size": 8, "stop_early": False}
    found = answers(make_generator(folder, **options), prompts)
    assert found == answers(make_generator(folder, engine="generate", **options), prompts)
    assert len(set(found.values())) > 10


@pytest.mark.parametrize("samples", [1, 3, 5])
def test_samples_are_those_of_plain_generation(make_generator, folder, samples):
    prompts = make_prompts(8)
    options = {"samples": samples, "temperature": 1.0, "seed": 4, "stop_early": False}
    found = answers(make_generator(folder, batch_size=16, **options), prompts)
    assert found == answers(make_generator(folder, batch_size=7, engine="generate", **options), prompts)
    assert len(found) == samples * len(prompts)
    assert len(set(found.values())) > len(prompts) * samples * 0.7
    assert found != answers(make_generator(folder, batch_size=16, **{**options, "seed": 5}), prompts)


def test_a_sample_tells_how_likely_it_was(make_generator, folder):
    prompts = make_prompts(6)
    options = {"samples": 2, "stop_early": False}
    one = {(c.index, c.sample): c.logprob for c in make_generator(folder, **options).generate(prompts)}
    plain = make_generator(folder, engine="generate", **options).generate(prompts)
    assert one == pytest.approx({(c.index, c.sample): c.logprob for c in plain}, abs=1e-4)
    assert all(value < 0 for value in one.values())
    assert all(c.logprob is None for c in make_generator(folder).generate(prompts))


@pytest.mark.parametrize(("kind", "sizes"), KINDS)
def test_logits_behind_a_shared_prefix_are_those_of_a_separate_pass(make_model, kind, sizes):
    model = AutoModelForCausalLM.from_pretrained(make_model(kind, **sizes), attn_implementation="sdpa").eval().double()
    body = Body(model)
    chance = random.Random(2)
    prefixes = [tuple(chance.randrange(14) for _ in range(length)) for length in (23, 9)]
    suffixes = [
        [tuple(chance.randrange(14) for _ in range(length)) for length in lengths] for lengths in ((5, 1), (8,))
    ]
    bank = Bank(Geometry(2, 2, 32, 32, 2), _measure_cells(body))
    bank.hold([0, 1])
    windows = body.windows
    written, slots = {}, [[0, 1], [2]]
    with torch.inference_mode():
        for place, prefix in enumerate(prefixes):
            load_prefix(body, bank, place, prefix, windows)
            rows = [Row(Request(Prompt(0, "", ""), prefix, suffix)) for suffix in suffixes[place]]
            seats = tuple(zip(slots[place], rows, strict=True))
            logits = load_suffixes(body, bank, place, Batch(seats), windows)
            tokens = logits.argmax(-1)
            bank.seat(slots[place], tokens, [(len(row.request.suffix), len(prefix), 0) for row in rows])
            for line, (slot, row) in enumerate(seats):
                written[slot] = [*prefix, *row.request.suffix]
                assert torch.allclose(logits[line], separately(model, written[slot]), atol=1e-5)
                written[slot].append(int(tokens[line]))
        for _ in range(12):
            attention = DecodeAttention(bank, 2, 32, bank.holders[:2], windows)
            logits = decode(body, bank, attention, 4)
            bank.tokens.copy_(logits.argmax(-1))
            for slot, ids in written.items():
                assert torch.allclose(logits[slot], separately(model, ids), atol=1e-5)
                ids.append(int(bank.tokens[slot]))


def separately(model, ids):
    return model(input_ids=torch.tensor([ids])).logits[0, -1]


def test_the_model_is_left_as_it_was(make_generator, folder):
    generator = make_generator(folder)
    list(generator.generate(make_prompts(4)))
    assert generator.loaded.config._attn_implementation == "sdpa"


def test_every_prefix_is_computed_once_and_slots_are_refilled(make_generator, folder, monkeypatch):
    prompts = [prompt for prompt in make_prompts(30) if prompt.index < 30]
    generator = make_generator(folder, batch_size=8, stop_early=False)
    monkeypatch.setattr(type(generator), "_unit_size", 30)
    list(generator.generate(prompts))
    usage = generator.usage
    assert usage["prefix_tokens"] == sum(len(prefix.split()) for prefix in {prompt.prefix for prompt in prompts})
    assert usage["suffix_tokens"] == sum(len(prompt.suffix.split()) for prompt in prompts)
    assert usage["rows_per_step"] > 5
    assert usage["slots"] == 8


def test_reading_a_step_behind_changes_no_answer(make_generator, folder, monkeypatch):
    prompts = make_prompts(30)
    options = {"batch_size": 16, "samples": 2, "stop_early": False}
    wanted = answers(make_generator(folder, **options), prompts)
    read_late(monkeypatch)
    assert answers(make_generator(folder, **options), prompts) == wanted


def read_late(monkeypatch):
    plan = shared.Plan
    monkeypatch.setattr(shared, "Plan", lambda *fields: plan(*fields[:-2], True, False))


def test_what_is_stopped_early_is_what_stands_before_the_end(make_generator, folder, monkeypatch):
    prompts = make_prompts(30)
    wanted = answers(make_generator(folder, engine="generate"), prompts)
    assert {reason for _, reason, *_ in wanted.values()} == {"stop", "length"}
    assert answers(make_generator(folder), prompts) == wanted
    read_late(monkeypatch)
    assert answers(make_generator(folder), prompts) == wanted


def test_latencies_add_up_to_the_time_that_generation_took(make_generator, folder, monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr("harness.generators.huggingface.generator.time.perf_counter", lambda: next(ticks))
    completions = list(make_generator(folder, batch_size=8).generate(make_prompts(10)))
    # One tick passes between every two looks at the clock: from a yield to the next finished rows.
    events = (next(ticks) - 1) // 2
    assert sum(one.latency_s for one in completions) == pytest.approx(events)
    assert 1 < events <= len(completions)


@pytest.mark.parametrize("engine", ["shared", "generate"])
def test_when_memory_is_full_it_goes_on_with_fewer_rows_and_loses_nothing(
    make_generator, folder, monkeypatch, caplog, engine
):
    prompts = make_prompts(20)
    wanted = answers(make_generator(folder), prompts)
    fail_above(monkeypatch, 4)
    generator = make_generator(folder, batch_size=16, engine=engine)
    found = list(generator.generate(prompts))
    assert len(found) == len(prompts)
    assert {(one.index, one.sample): one.text for one in found} == {key: text for key, (text, *_) in wanted.items()}
    assert generator.usage["out_of_memory"] >= 2
    assert engine == "generate" or "going on with 8" in caplog.text


@pytest.mark.parametrize("engine", ["shared", "generate"])
def test_when_not_even_one_row_fits_that_is_said(make_generator, folder, monkeypatch, engine):
    fail_above(monkeypatch, 0, at_once=True)
    with pytest.raises(ModelError, match="one row at a time"):
        list(make_generator(folder, batch_size=4, engine=engine).generate(make_prompts(5)))


def fail_above(monkeypatch, rows, *, at_once=False):
    """Let memory be full where there are more rows than that: at once, or in the turn in which the first row ends."""
    turn, start = Session.turn, Session.__init__

    def begin(self, body, plan, *more):
        start(self, body, plan, *more)
        self.fails = plan.geometry.rows > rows

    def fail(self):
        turn(self)
        if self.fails and (at_once or self._finished):
            raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(Session, "__init__", begin)
    monkeypatch.setattr(Session, "turn", fail)
    plain = "harness.generators.huggingface.plain.PlainEngine._generate"
    generate = __import__("harness.generators.huggingface.plain", fromlist=["PlainEngine"]).PlainEngine._generate

    def fail_plainly(self, batch):
        generate(self, batch)
        if len(batch) > rows:
            raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(plain, fail_plainly)


def test_other_errors_are_no_full_memory(make_generator, folder, monkeypatch):
    monkeypatch.setattr(Session, "turn", lambda _: (_ for _ in ()).throw(RuntimeError("something else")))
    with pytest.raises(RuntimeError, match="something else"):
        list(make_generator(folder).generate(make_prompts(3)))


def test_a_model_that_is_not_known_is_served_by_plain_generation(make_model, make_generator):
    folder = make_model("Phi3", pad_token_id=0, sliding_window=None)
    generator = make_generator(folder, batch_size=4)
    prompts = make_prompts(6)
    assert len(answers(generator, prompts)) == len(prompts)
    assert generator.usage["engine"] == "generate (model type phi3)"


def test_a_rotary_embedding_that_changes_with_the_length_is_not_ours(make_model):
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
    model = AutoModelForCausalLM.from_pretrained(make_model("Llama", rope_parameters=rope))
    assert unsupported(model) == "dynamic rotary embedding"


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers by a name that is going away
@pytest.mark.parametrize("merged", [True, False])
def test_an_adapter_works_live_and_merged(make_generator, folder, tmp_path, merged):
    peft = pytest.importorskip("peft")
    model = AutoModelForCausalLM.from_pretrained(folder)
    torch.manual_seed(3)
    # Weights that are not zero: an adapter that changes nothing would show nothing.
    config = peft.LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    peft.get_peft_model(model, config).save_pretrained(tmp_path)
    prompts, options = make_prompts(12), {"adapter": str(tmp_path), "merge_adapter": merged, "stop_early": False}
    found = answers(make_generator(folder, **options), prompts)
    assert found == answers(make_generator(folder, engine="generate", **options), prompts)
    assert found != answers(make_generator(folder, stop_early=False), prompts)
    generator = make_generator(folder, **options)
    assert generator.manifest["adapter_merged"] is merged
    assert hasattr(generator.loaded, "get_base_model") is not merged


def test_prompts_without_a_shared_part_or_without_an_own_one_are_answered(make_generator, folder):
    prompts = [Prompt(0, "", "SELECT a"), Prompt(1, "", "Q"), Prompt(2, "SELECT a", ""), Prompt(3, "", "")]
    found = answers(make_generator(folder, stop_early=False), prompts)
    assert found == answers(make_generator(folder, engine="generate", stop_early=False), prompts)
    assert found[0, 0][0] == found[2, 0][0]
