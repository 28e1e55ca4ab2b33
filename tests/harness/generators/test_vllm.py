"""The vllm generator against a stand-in that takes what the releases of vLLM take, and has what they have.

`vllm_signatures.json` is read from their source by `scripts/generation/vllm_signatures.py`.
"""

import gc
import inspect
import itertools
import json
import math
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import tokenizers
import transformers

from harness import store
from harness.config import EvalConfig, build
from harness.datasets import load
from harness.decoding.grammar import render_grammar
from harness.errors import ConfigError, MissingDependency, ModelError, RunError, UsageError
from harness.extraction import statement_end
from harness.generators.base import pending_prompts
from harness.generators.cache import identity_of
from harness.generators.huggingface import stopping
from harness.generators.vllm import VLLM
from harness.generators.vllm_engine import ENVIRONMENT, MARKS, TAIL_TOKENS
from harness.run import Place, evaluate_config
from harness.types import Prompt

pytestmark = pytest.mark.torch

SIGNATURES = json.loads((Path(__file__).parent / "vllm_signatures.json").read_text())
NEWEST = list(SIGNATURES)[-1]
MODULES = ("vllm", "vllm.lora", "vllm.lora.request", "vllm.sampling_params")
STEP = -0.25
"""The log-probability of every token that the stand-in draws."""


class Fake:
    """A `vllm` package: `answer` writes, `piece` characters to a token; what was asked for and read is kept.

    `answer` may also give the tokens. `refuses` is what loading raises, `breaks` what a step raises; `denies` says of a
    prompt why it is not taken, `breaks_off` how it ends where that is no end.
    """

    def __init__(self, version=NEWEST, piece=3):
        self.version, self.piece = version, piece
        self.calls, self.attributes = SIGNATURES[version]["calls"], SIGNATURES[version]["attributes"]
        self.answer = lambda text, _params: f"SELECT {len(text)};"
        self.llms, self.requests, self.events, self.used = [], [], [], set()
        self.breaks, self.refuses, self.length, self.falls_silent = None, None, 4096, False
        self.denies = self.breaks_off = lambda _text: ""
        self.holds_blocks, self.dtype = False, "torch.bfloat16"

    def bind(self, name, *values, **given):
        """Return arguments by name; raises `TypeError` where the release does not take them, or misses one."""
        about, parameter = self.calls[name], inspect.Parameter
        kinds = {"positional": parameter.POSITIONAL_OR_KEYWORD, "keyword": parameter.KEYWORD_ONLY}
        parameters = [
            parameter(one, kind, default=parameter.empty if one in about["required"] else None)
            for group, kind in kinds.items()
            for one in about[group]
        ]
        self.used.add(name)
        return inspect.Signature(parameters).bind(*values, **given).arguments

    def record(self, name):
        """Return a class whose objects hold what they were made with."""

        def init(one, *values, **given):
            vars(one).update(self.bind(name, *values, **given))

        return type(name, (), {"__init__": init})

    def install(self, monkeypatch):
        modules = {name: ModuleType(name) for name in MODULES}
        modules["vllm"].__spec__ = ModuleSpec("vllm", None)
        modules["vllm"].__version__ = self.version
        modules["vllm"].LLM = lambda *values, **given: FakeLLM(self, *values, **given)
        modules["vllm.sampling_params"].SamplingParams = self.record("SamplingParams")
        modules["vllm.sampling_params"].StructuredOutputsParams = self.record("StructuredOutputsParams")
        modules["vllm.lora.request"].LoRARequest = self.record("LoRARequest")
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        return self


def called(name):
    """Return a decorator: the method is handed the arguments by name, as far as the release takes them."""

    def decorate(method):
        def call(self, *values, **given):
            return method(self, **self._fake.bind(name, *values, **given))

        return call

    return decorate


class Held:
    """An object of vLLM's, with the attributes that its release has; which of them are read is kept."""

    def __init__(self, fake, kind, **values):
        self._fake, self._kind, self._values = fake, kind, values

    def __getattr__(self, name):
        if f"{self._kind}.{name}" not in self._fake.attributes:
            raise AttributeError(f"{self._kind} of vllm {self._fake.version} has no {name}")
        self._fake.used.add(f"{self._kind}.{name}")
        return self._values[name]


class FakeLLM(Held):
    def __init__(self, fake, *values, **given):
        own = fake.calls["LLM.__init__"]
        ours = {name: value for name, value in given.items() if name in own["positional"] + own["keyword"]}
        options = dict(fake.bind("LLM.__init__", *values, **ours))
        options |= fake.bind("EngineArgs", **{name: value for name, value in given.items() if name not in ours})
        if fake.refuses:
            raise fake.refuses
        fake.llms.append(options)
        super().__init__(fake, "LLM", llm_engine=FakeEngine(fake, options))

    @called("LLM.reset_prefix_cache")
    def reset_prefix_cache(self):
        self._fake.events.append("reset")
        tells = self._fake.calls["LLM.reset_prefix_cache"]["returns"] == "bool"
        return not self._fake.holds_blocks if tells else None


class FakeCore:
    def __init__(self, fake):
        self._fake = fake

    @called("InprocClient.shutdown")
    def shutdown(self):
        self._fake.events.append("shutdown")


class FakeEngine(Held):
    """Steps as vLLM does: a token for every row that has a place, those in front first."""

    def __init__(self, fake, options):
        self._options, self._live = options, {}
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(options["model"])
        self._most = options.get("max_model_len") or fake.length
        about = Held(fake, "ModelConfig", max_model_len=self._most, dtype=fake.dtype)
        super().__init__(fake, "LLMEngine", model_config=about, engine_core=FakeCore(fake))

    @called("LLMEngine.add_request")
    def add_request(self, request_id, prompt, params, **given):
        assert isinstance(request_id, str)
        assert prompt["type"] == "token"
        assert request_id not in self._live
        ids = prompt["prompt_token_ids"]
        if not 0 < len(ids) < self._most:
            raise ValueError(f"the prompt has {len(ids)} tokens")
        text = self._tokenizer.decode(ids)
        if why := self._fake.denies(text):
            raise ValueError(why)
        self._fake.requests.append(SimpleNamespace(text=text, params=params, **given))
        answer, size = self._fake.answer(text, params), self._fake.piece
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)] if isinstance(answer, str) else answer
        row = SimpleNamespace(ids=ids, params=params, pieces=pieces, done=0, breaks_off=self._fake.breaks_off(text))
        self._live[request_id] = row

    @called("LLMEngine.has_unfinished_requests")
    def has_unfinished_requests(self):
        return bool(self._live) and not self._fake.falls_silent

    @called("LLMEngine.step")
    def step(self):
        if self._fake.breaks:
            raise self._fake.breaks
        seated = list(self._live)[: self._options["max_num_seqs"]]
        self._fake.events.append(len(seated))
        return [self._step(name, self._live[name]) for name in seated]

    def _step(self, name, row):
        row.done += 1
        over = row.done > len(row.pieces)  # the end token
        reason = "stop" if over else "length" if row.done == row.params.max_tokens else None
        if reason:
            del self._live[name]
        answer = {
            "text": "".join(row.pieces[: row.done]),
            "token_ids": list(range(row.done)),
            "cumulative_logprob": STEP * row.done if hasattr(row.params, "logprobs") else None,
            "finish_reason": reason and (row.breaks_off or reason),
        }
        whole = {"request_id": name, "finished": bool(reason), "num_cached_tokens": len(row.ids) // 2}
        return Held(self._fake, "RequestOutput", **whole, outputs=[Held(self._fake, "CompletionOutput", **answer)])

    @called("LLMEngine.abort_request")
    def abort_request(self, request_ids):
        for name in request_ids:
            if self._live.pop(name, None):
                self._fake.events.append(f"abort {name}")

    @called("LLMEngine.add_lora")
    def add_lora(self, lora_request):
        if not (Path(lora_request.lora_path) / "adapter_model.safetensors").is_file():
            raise ValueError(f"{lora_request.lora_path} doesn't contain tensors\n(and here is\na long story)")
        self._fake.events.append(f"lora {lora_request.lora_int_id}")
        return True


@pytest.fixture(scope="module", autouse=True)
def _nothing_leaks():
    before = dict(os.environ)
    yield
    assert {name: os.environ.get(name) for name in ENVIRONMENT} == {name: before.get(name) for name in ENVIRONMENT}


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ENVIRONMENT:  # deleting what is not there would not be undone
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A folder with a tokeniser of bytes and something that is called weights."""
    path = tmp_path_factory.mktemp("weights")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    bytewise = tokenizers.Tokenizer(
        tokenizers.models.BPE({**{one: at for at, one in enumerate(alphabet)}, "<end>": len(alphabet)}, [])
    )
    bytewise.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytewise.decoder = tokenizers.decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=bytewise, eos_token="<end>")
    fast.save_pretrained(path)
    (path / "config.json").write_text('{"model_type": "llama"}')
    (path / "model.safetensors").write_bytes(b"weights")
    return path


@pytest.fixture
def fake(monkeypatch):
    return Fake().install(monkeypatch)


@pytest.fixture
def adapter(tmp_path):
    def make(r=24, tensors=True, **more):
        folder = tmp_path / f"adapter-{r}"
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps({"r": r, **more}))
        if tensors:
            (folder / "adapter_model.safetensors").write_bytes(b"tensors")
        return folder

    return make


def prompts(count=1):
    return [
        Prompt(index, f"-- schema {index % 3}\n" * (1 + index % 3), f"-- Question: {index}\n") for index in range(count)
    ]


def ask(generator, count=1):
    return sorted(generator.generate(prompts(count)), key=lambda one: (one.index, one.sample))


def answering(text):
    return lambda _prompt, _params: text


# A whole run


def config(model, out, **generator):
    options = {"name": "vllm", "model": str(model), **generator}
    content = {"data": {"path": "mini", "split": "dev"}, "generator": options, "output": {"path": str(out)}}
    return build(EvalConfig, content, "test")


def golds(limit):
    """Return an `answer` that knows the gold of each question, and does not know where to stop."""
    by_question = {one.question: one.gold_sql for one in load("mini", "dev", limit=limit).examples}

    def answer(text, _params):
        (gold,) = [sql for question, sql in by_question.items() if text.endswith(f"-- Question: {question}\n-- SQL:\n")]
        return f"{gold};\n\n-- Question: And who else?\n-- SQL:\nSELECT 1;"

    return answer


def written(run):
    return {record.question_id: record.completion for record in run.records}


@pytest.mark.parametrize("version", SIGNATURES)
@pytest.mark.parametrize("constraint", ["off", "schema"])
def test_a_run_over_golds_is_right(model, tmp_path, monkeypatch, adapter, version, constraint):
    fake = Fake(version).install(monkeypatch)
    fake.answer = golds(12)
    options = {"adapter": str(adapter()), "constraint": constraint, "samples": 2, "max_model_len": 4000}
    run = evaluate_config(config(model, tmp_path / "runs", batch_size=4, **options), Place(limit=12))
    assert run.summary["metrics"]["execution_accuracy"]["value"] == 1.0
    assert {record.finish_reason for record in run.records} == {"stop"}
    assert not any("And who else" in record.completion for record in run.records)
    usage = run.summary["usage"]
    assert (usage["engine"], usage["dtype"], usage["units"]) == (f"vllm {version}", "bfloat16", 2)
    assert (usage["too_long"], usage["refused"], usage["kept_prefix_caches"]) == (0, 0, 0)
    assert usage["cached_tokens"] == pytest.approx(usage["prompt_tokens"] / 2, abs=24)
    generator = store.load(run.path).manifest["generator"]
    assert (generator["engine"], generator["decoding"]) == ("vllm", "vote of 2")
    assert generator["sampling"]["constraint"] == ("off" if constraint == "off" else "schema (grammar only)")
    assert len(fake.llms) == 1


def test_prompts_are_shortened_with_the_models_own_tokeniser(model, tmp_path, fake):
    fake.answer = answering("SELECT 1;")
    whole = config(model, tmp_path / "runs")
    run = evaluate_config(whole, Place(limit=3))
    longest = run.summary["prompts"]["longest_tokens"]
    assert longest == max(len(one.text.encode()) for one in fake.requests)
    tight = build(
        EvalConfig,
        {
            "data": {"path": "mini"},
            "generator": whole.generator,
            "prompt": {"max_tokens": 600},
            "output": {"path": str(tmp_path / "tight")},
        },
        "test",
    )
    assert longest > 600 >= evaluate_config(tight, Place(limit=3)).summary["prompts"]["longest_tokens"]


def test_a_cache_answers_the_second_run(model, tmp_path, fake):
    fake.answer = golds(6)
    options = {"cache": str(tmp_path / "cache"), "batch_size": 1, "precision": "bf16"}
    first = evaluate_config(config(model, tmp_path / "a", **options), Place(limit=6))
    asked = len(fake.requests)
    second = evaluate_config(config(model, tmp_path / "b", **options), Place(limit=6))
    assert len(fake.requests) == asked == 6
    assert (first.summary["usage"]["cache_misses"], second.summary["usage"]["cache_hits"]) == (6, 6)
    assert written(second) == written(first)
    assert len(fake.llms) == 1  # nothing was loaded for nothing


def test_a_cache_is_refused_where_the_card_chooses_the_precision(model, tmp_path, fake):
    with pytest.raises(ConfigError, match=r'generator\.precision = "auto"'):
        evaluate_config(config(model, tmp_path / "runs", cache=str(tmp_path / "cache")), Place(limit=2))
    assert not (tmp_path / "runs").exists()
    assert fake.llms == []


def test_a_second_try_goes_through_the_same_engine(model, tmp_path, fake):
    fake.answer = lambda text, _: "SELECT 1;" if "SQLite refuses" in text else "SELECT nothing FROM nowhere;"
    run = evaluate_config(config(model, tmp_path / "runs", repair=1), Place(limit=4))
    assert [one.sql for one in run.records] == ["SELECT 1"] * 4
    assert len(fake.llms) == 1


# Where an answer ends

TEXTS = (
    "SELECT a FROM t WHERE b = 'x;y'; SELECT 2;",
    "SELECT a\nFROM t\n\n-- Question: next",
    "SELECT a\nFROM t\n \t\nand so on",
    "Sure: here it is.\n\n-- Question: which?\n-- SQL:\nSELECT a; done",
    "```sql\nSELECT 'é;' AS \";\" FROM t;\n```",
    "SELECT a FROM t -- SQL: again\nSELECT b;",
    "SELECT a FROM t",
    "no statement; at all\n\nreally",
    "",
)


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
@pytest.mark.parametrize("text", TEXTS)
def test_an_answer_ends_where_the_other_back_ends_end_it(model, fake, text, piece):
    fake.piece, fake.answer = piece, answering(text)
    (one,) = ask(VLLM(str(model), temperature=1.0))
    end = statement_end(text)
    assert (one.text, one.finish_reason) == (text[:end], "stop")
    whole_tokens = math.ceil(len(text) / piece)
    written = whole_tokens + 1 if end is None else max(1, math.ceil(_seen(text, piece) / piece))
    assert one.logprob == pytest.approx(STEP * written)
    assert one.completion_tokens == (written if end is None else len(text[:end].encode()))
    aborted = [event for event in fake.events if str(event).startswith("abort")]
    assert aborted == ([] if end is None else ["abort 0"])


def _seen(text, piece):
    """Return how many characters must be there for the end to be seen, in whole tokens."""
    return next(at for at in (*range(piece, len(text), piece), len(text)) if statement_end(text[:at]) is not None)


def test_a_mark_in_the_last_few_tokens_may_end_a_statement_as_well(model, fake):
    fake.answer = lambda _text, _params: ["WITH\n\n", " q", " AS", " (", "SELECT", " 1", ")"]
    (one,) = ask(VLLM(str(model), temperature=1.0))
    assert (one.text, one.logprob) == ("WITH", 3 * STEP)  # the third token says that the first had ended it
    assert (TAIL_TOKENS, MARKS) == (stopping.TAIL_TOKENS, stopping.MARKS)


def test_everything_up_to_the_end_token_is_taken_where_that_is_asked_for(model, fake):
    fake.answer = answering(TEXTS[0])
    (one,) = ask(VLLM(str(model), stop_early=False))
    assert (one.text, one.finish_reason, one.completion_tokens) == (TEXTS[0], "stop", math.ceil(len(TEXTS[0]) / 3) + 1)


def test_the_token_limit_is_said_and_a_statement_that_ends_there_is_whole(model, fake):
    fake.answer = answering("SELECT 1;")
    cut, whole = (ask(VLLM(str(model), max_new_tokens=most))[0] for most in (2, 3))
    assert (cut.text, cut.finish_reason, cut.completion_tokens) == ("SELECT", "length", 2)
    assert (whole.text, whole.finish_reason) == ("SELECT 1;", "stop")


@pytest.mark.parametrize("how", ["error", "abort"])
def test_an_answer_that_vllm_breaks_off_is_none(model, fake, how):
    fake.answer, fake.breaks_off = answering("SELECT a"), lambda text: how if "Question: 1" in text else ""
    completions = VLLM(str(model)).generate(prompts(4))
    # All four end in the same step.
    assert sorted((one.index, one.text) for one in itertools.islice(completions, 3)) == [
        (index, "SELECT a") for index in (0, 2, 3)
    ]
    with pytest.raises(RunError, match=rf"question 1: {how}; .*--resume"):
        next(completions)


def test_an_answer_that_vllm_breaks_off_is_not_stored_and_asked_for_again(model, tmp_path, fake):
    fake.answer = golds(6)
    options = {"cache": str(tmp_path / "cache"), "precision": "bf16"}
    undisturbed = evaluate_config(config(model, tmp_path / "a"), Place(limit=6))
    last = load("mini", "dev", limit=6).examples[-1].question
    fake.answer = lambda text, params: ["SELECT"] if last in text else golds(6)(text, params)
    fake.breaks_off = lambda text: "error" if last in text else ""
    with pytest.raises(RunError, match="question 5: error"):
        evaluate_config(config(model, tmp_path / "b", **options), Place(limit=6))
    fake.answer, fake.breaks_off = golds(6), lambda _text: ""
    resumed = evaluate_config(config(model, tmp_path / "b", **options), Place(limit=6, resume=True))
    assert written(resumed) == written(undisturbed)


def test_prompt_tokens_and_time_are_counted(model, fake):
    completions = ask(VLLM(str(model)), 5)
    assert [one.prompt_tokens for one in completions] == [len(one.text) for one in prompts(5)]
    assert all(one.latency_s > 0 for one in completions)


def test_a_prompt_that_is_too_long_is_an_empty_answer(model, fake):
    fake.length = len(prompts(3)[2].text)  # there would be no room for a token
    generator = VLLM(str(model), samples=2)
    completions = ask(generator, 3)
    assert [(one.index, one.sample) for one in completions] == [(index, at) for index in range(3) for at in range(2)]
    assert [(one.text, one.finish_reason) for one in completions if one.index == 2] == [("", "length")] * 2
    assert all(one.text for one in completions if one.index < 2)
    assert generator.usage["too_long"] == 2


def test_a_prompt_of_nothing_has_a_token_before_its_answer(model, fake):
    assert [one.prompt_tokens for one in VLLM(str(model)).generate([Prompt(0, "", "")])] == [1]


# Draws, adapters, constraints


def test_the_likeliest_tokens_are_asked_for_without_seed_and_probabilities(model, fake):
    (one,) = ask(VLLM(str(model), seed=3))
    assert one.logprob is None
    assert vars(fake.requests[0].params) == {"max_tokens": 256, "temperature": 0.0}


def test_a_draw_depends_on_seed_question_and_sample_alone(model, fake):
    def seeds(wanted, **options):
        fake.requests.clear()
        list(VLLM(str(model), **{"samples": 3, **options}).generate(wanted))
        return {(one.text, number): one.params.seed for number, one in enumerate_samples(fake.requests)}

    def enumerate_samples(requests):
        seen = {}
        for one in requests:
            seen[one.text] = seen.get(one.text, -1) + 1
            yield seen[one.text], one

    together = seeds(prompts(6))
    alone = {key: seed for prompt in prompts(6) for key, seed in seeds([prompt]).items()}
    assert together == alone == seeds(prompts(6)[::-1], batch_size=1)
    assert len(set(together.values())) == 18
    assert all(0 <= seed < 2**63 for seed in together.values())
    assert not set(together.values()) & set(seeds(prompts(6), seed=1).values())
    assert {(one.params.temperature, one.params.top_p, one.params.logprobs) for one in fake.requests} == {
        (0.8, 0.95, 0)
    }


def test_every_row_is_written_with_the_adapter(model, fake, adapter):
    folder = adapter(24)
    ask(VLLM(str(model), adapter=str(folder), samples=2), 3)
    assert fake.events[0] == "lora 1"
    assert [one.lora_request.lora_path for one in fake.requests] == [str(folder)] * 6
    assert (fake.llms[0]["enable_lora"], fake.llms[0]["max_loras"], fake.llms[0]["max_lora_rank"]) == (True, 1, 32)


def test_without_an_adapter_none_is_asked_for(model, fake):
    ask(VLLM(str(model)))
    assert fake.requests[0].lora_request is None
    assert not [name for name in fake.llms[0] if "lora" in name]


@pytest.mark.parametrize(("r", "most"), [(1, 8), (8, 8), (9, 16), (64, 64), (65, 128), (300, 320), (512, 512)])
def test_the_rank_is_rounded_up_to_one_that_vllm_takes(model, fake, adapter, r, most):
    ask(VLLM(str(model), adapter=str(adapter(r))))
    assert fake.llms[0]["max_lora_rank"] == most


@pytest.mark.parametrize("level", ["syntax", "schema"])
def test_each_prompt_brings_the_grammar_of_its_schema(model, fake, level):
    dataset = load("mini", "dev")
    last = len(dataset.examples) - 1
    assert dataset.examples[0].db_id != dataset.examples[last].db_id
    generator = VLLM(str(model), constraint=level).bind(dataset)
    list(generator.generate([Prompt(0, "first", ""), Prompt(last, "last", "")]))
    expected = {
        name: render_grammar(dataset.schemas[dataset.examples[index].db_id], level)
        for name, index in (("first", 0), ("last", last))
    }
    assert {one.text: vars(one.params.structured_outputs) for one in fake.requests} == {
        name: {"grammar": grammar} for name, grammar in expected.items()
    }
    assert (len(set(expected.values())) == 2) == (level == "schema")
    assert fake.llms[0]["structured_outputs_config"] == {"backend": "guidance"}


def test_what_vllm_makes_of_a_grammar_is_what_the_rules_mean():
    """The same calls as `vllm.v1.structured_output.backend_guidance`, llguidance's own limits included."""
    llguidance = pytest.importorskip("llguidance")
    dataset = load("mini", "dev")
    vocabulary = llguidance.LLTokenizer("byte")
    for db_id, schema in dataset.schemas.items():
        grammar = llguidance.grammar_from("grammar", render_grammar(schema, "schema"))
        assert llguidance.LLMatcher.validate_grammar(grammar, None) == ""
        start = llguidance.LLMatcher(vocabulary, grammar, log_level=0)
        written = [_can_be_written(start.deep_copy(), one.gold_sql) for one in dataset.examples if one.db_id == db_id]
        assert sum(written) / len(written) > 0.95
        assert not _can_be_written(start.deep_copy(), "SELECT no_such_column FROM nowhere")


def _can_be_written(matcher, sql):
    text = list(sql.strip().rstrip(";").encode())
    return matcher.try_consume_tokens(text) == len(text) and matcher.is_accepting() and not matcher.is_error()


def test_without_a_constraint_nothing_of_it_is_asked_for(model, fake):
    ask(VLLM(str(model)))
    assert "structured_outputs_config" not in fake.llms[0]
    assert not hasattr(fake.requests[0].params, "structured_outputs")


def test_a_constraint_without_schemas_is_refused(model, fake):
    with pytest.raises(UsageError, match="bind"):
        ask(VLLM(str(model), constraint="schema"))


def test_the_engine_is_told_what_the_options_say(model, fake):
    ask(VLLM(str(model), precision="bf16", memory=0.5, max_model_len=2048, batch_size=7, seed=11))
    assert fake.llms[0] == {
        "model": str(model),
        "dtype": "bfloat16",
        "seed": 11,
        "gpu_memory_utilization": 0.5,
        "max_model_len": 2048,
        "max_num_seqs": 7,
        "enable_prefix_caching": True,
    }
    ask(VLLM(str(model)))
    assert fake.llms[1]["dtype"] == "auto"
    assert "max_model_len" not in fake.llms[1]


def test_the_engine_runs_in_this_process_unless_the_user_says_otherwise(model, fake, monkeypatch):
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    ask(VLLM(str(model)))
    assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert os.environ["VLLM_LOGGING_LEVEL"] == "DEBUG"


# Units, and going on


@pytest.mark.parametrize("samples", [1, 2])
def test_wherever_a_run_is_cut_the_same_prompts_are_computed_together(model, fake, samples):
    generator = VLLM(str(model), batch_size=2, samples=samples)
    wanted = prompts(30)
    undisturbed = generator.batches(wanted)
    assert generator.batches(wanted[::-1]) == undisturbed
    prefixes = [one.prefix for unit in undisturbed for one in unit]
    assert prefixes == sorted(prefixes, key=len, reverse=True)
    assert [len(unit) for unit in undisturbed[:-1]] == [8 // samples] * (len(undisturbed) - 1)
    whole = list(generator.generate(wanted))
    assert len(whole) == 30 * samples
    for cut in (0, 1, 9, 29 * samples):
        seen = [one.index for one in whole[:cut]]
        done = frozenset(index for index in seen if seen.count(index) == samples)
        pending = pending_prompts(generator, wanted, done)
        assert {one.index for one in pending} >= {one.index for one in wanted} - done
        assert all(unit in undisturbed for unit in generator.batches(pending))
    assert len(pending) < 30


def test_units_never_meet_and_start_with_an_empty_cache(model, fake):
    generator = VLLM(str(model), batch_size=2)
    fake.answer = answering("x" * 12)
    list(generator.generate(prompts(12)))
    assert fake.events.count("reset") == generator.usage["units"] == 2
    steps = " ".join(map(str, fake.events)).split("reset")[1:]
    assert [unit.split() for unit in steps] == [["2"] * 20, ["2"] * 10]


@pytest.mark.parametrize("version", SIGNATURES)
def test_a_unit_that_finds_another_ones_prefixes_is_counted(model, monkeypatch, version):
    fake = Fake(version).install(monkeypatch)
    generator = VLLM(str(model), batch_size=2)
    ask(generator, 8)
    assert generator.usage["kept_prefix_caches"] == 0
    fake.holds_blocks = True
    ask(generator, 12)
    assert generator.usage["kept_prefix_caches"] == (0 if version == "0.11.2" else 2)  # which does not tell


def test_a_resumed_run_ends_as_an_undisturbed_one(model, tmp_path, fake):
    fake.answer = golds(20)
    options = {"batch_size": 1}  # units of four
    undisturbed = evaluate_config(config(model, tmp_path / "a", **options), Place(limit=20))

    class Died(Exception):
        pass

    def die(done, _total):
        if done == 10:
            raise Died

    with pytest.raises(Died):
        evaluate_config(config(model, tmp_path / "b", **options), Place(limit=20), die)
    fake.requests.clear()
    resumed = evaluate_config(config(model, tmp_path / "b", **options), Place(limit=20, resume=True))
    assert resumed.path.parent == tmp_path / "b"
    assert len(list((tmp_path / "b").iterdir())) == 1
    assert len(fake.requests) in (4, 8, 12, 16)  # whole units, and not those that were finished
    assert written(resumed) == written(undisturbed)


def test_what_nobody_waits_for_is_given_up(model, fake):
    generator = VLLM(str(model))
    fake.answer = lambda text, _params: "SELECT 1" if "Question: 0" in text else "SELECT 1 + 1"
    completions = generator.generate(prompts(4))
    assert next(completions).index == 0
    completions.close()
    assert sum(str(event).startswith("abort") for event in fake.events) == 3
    assert len(ask(generator, 4)) == 4
    assert len(fake.llms) == 1


def test_the_engine_goes_with_its_generator(model, fake):
    generator = VLLM(str(model), constraint="schema").bind(load("mini", "dev"))
    list(generator.generate(prompts(2)))
    assert "shutdown" not in fake.events
    gc.disable()
    try:
        del generator
        assert fake.events[-1] == "shutdown"
    finally:
        gc.enable()


def test_nothing_is_loaded_for_nothing(model, fake):
    assert list(VLLM(str(model)).generate([])) == []
    assert VLLM(str(model)).usage == {}
    assert fake.llms == []


# What can be wrong


def test_without_vllm_the_extra_is_named_and_nothing_is_written(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'text2sql-harness\[vllm\]'"):
        evaluate_config(config(model, tmp_path / "runs"), Place(limit=2))
    assert not (tmp_path / "runs").exists()
    with pytest.raises(MissingDependency, match="cannot be imported"):
        ask(VLLM(str(model)))


def test_a_gguf_file_is_refused_before_anything_is_written(tmp_path, fake):
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"huggingface"):
        evaluate_config(config(tmp_path / "m.gguf", tmp_path / "runs"), Place(limit=2))
    with pytest.raises(ModelError, match=r"huggingface"):
        VLLM(str(tmp_path)).bind(load("mini", "dev"))  # a folder with one such file
    assert not (tmp_path / "runs").exists()


def test_weights_that_are_not_there_are_named(tmp_path, fake):
    with pytest.raises(ModelError, match="nothing"):
        VLLM(str(tmp_path / "nothing")).bind(load("mini", "dev"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no adapter_config.json"),
        ("{}", "no rank"),
        ("not JSON", "no rank"),
        ('{"r": "many"}', "no rank"),
        ("[1]", "no rank"),
        ('{"r": 513}', "rank 513; vllm takes 1 to 512"),
        ('{"r": 0}', "rank 0"),
    ],
)
def test_an_adapter_that_vllm_cannot_take_is_refused_before_anything_is_written(
    model, tmp_path, fake, content, message
):
    folder = tmp_path / "adapter"
    folder.mkdir()
    if content is not None:
        (folder / "adapter_config.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        evaluate_config(config(model, tmp_path / "runs", adapter=str(folder)), Place(limit=2))
    assert not (tmp_path / "runs").exists()


def test_an_adapter_that_does_not_fit_is_found_out_before_the_first_answer(model, fake, adapter):
    folder = adapter(8, tensors=False)
    with pytest.raises(ModelError, match=r"adapter-8: vllm cannot load it: .* contain tensors \(and here is a long"):
        ask(VLLM(str(model), adapter=str(folder)))
    assert fake.requests == []


def test_a_model_that_does_not_load_is_a_model_error_with_vllms_words(model, fake):
    fake.refuses = ValueError("1 validation error for ModelConfig\n  no such architecture")
    with pytest.raises(ModelError, match="1 validation error for ModelConfig no such architecture"):
        ask(VLLM(str(model)))
    fake.refuses = RuntimeError("x" * 5000)
    with pytest.raises(ModelError, match=r"x{300}…; where memory is short"):
        ask(VLLM(str(model)))


def test_a_prompt_that_vllm_refuses_is_an_empty_answer(model, fake):
    fake.denies = lambda text: "Token id 7 is out of vocabulary" if "Question: 1" in text else ""
    generator = VLLM(str(model), samples=2, batch_size=1)
    completions = ask(generator, 3)
    assert [one.index for one in completions if not one.text] == [1, 1]
    assert {one.finish_reason for one in completions} == {"stop"}
    assert (len(completions), generator.usage["refused"]) == (6, 2)
    fake.denies = lambda _text: "Token id 7 is out of vocabulary"  # a whole unit, but not the first
    assert [one.text for one in ask(generator)] == ["", ""]
    assert generator.usage["refused"] == 4


def test_an_engine_that_takes_no_prompt_at_all_is_a_model_error(model, fake):
    fake.denies = lambda _text: "Grammar error: too big"
    with pytest.raises(ModelError, match=r"refuses every prompt, first that of question 2: Grammar error: too big"):
        ask(VLLM(str(model)), 3)


def test_an_engine_that_dies_ends_the_run_and_what_came_before_is_kept(model, fake):
    fake.answer = lambda text, _params: "SELECT 1;" if "0\n" in text else "SELECT " + "1 + " * 99
    completions = VLLM(str(model)).generate(prompts(3))
    assert next(completions).text == "SELECT 1;"
    fake.breaks = RuntimeError("CUDA error: an illegal memory access was encountered")
    with pytest.raises(RunError, match=r"illegal memory access .*--resume"):
        list(completions)


def test_an_engine_that_forgets_a_row_is_not_waited_for(model, fake):
    fake.falls_silent = True
    with pytest.raises(RunError, match="2 answers never came"):
        ask(VLLM(str(model)), 2)


def test_options_that_cannot_be_are_named_together(model):
    with pytest.raises(ConfigError) as caught:
        VLLM(
            str(model), samples=0, batch_size=0, max_new_tokens=0, max_model_len=-1, memory=1.1, top_p=0, temperature=3
        )
    assert len(caught.value.problems) == 7
    with pytest.raises(ConfigError, match="samples = 1 or raise"):
        VLLM(str(model), samples=2, temperature=0)


@pytest.mark.parametrize("temperature", [-1, 0.001, 0.0099, 2.01, math.inf, math.nan])
def test_a_temperature_that_vllm_would_refuse_or_change_is_refused(model, temperature):
    with pytest.raises(ConfigError, match=r"vllm takes 0, and 0\.01 to 2"):
        VLLM(str(model), temperature=temperature)


@pytest.mark.parametrize("temperature", [0, 0.01, 2])
def test_a_temperature_that_vllm_takes_is_handed_on(model, fake, temperature):
    ask(VLLM(str(model), temperature=temperature))
    assert fake.requests[0].params.temperature == temperature


# What is said of it


def test_the_manifest_names_weights_adapter_and_decoding(model, adapter):
    about = VLLM(str(model), hub_id="me/mine", adapter=str(adapter())).manifest
    assert (about["weights"]["ref"], about["weights"]["hub_id"]) == (str(model), "me/mine")
    assert len(about["weights"]["sha256"]) == 64
    assert set(about["adapter"]) == {"adapter_config.json", "adapter_model.safetensors"}
    assert (about["engine"], about["precision"], about["decoding"]) == ("vllm", "auto", "greedy")
    drawn = VLLM(str(model), samples=3, seed=5, constraint="syntax").manifest["decoding"]
    assert drawn.pop("constraint_version") >= 2
    assert drawn == {
        "samples": 3,
        "temperature": 0.8,
        "top_p": 0.95,
        "seed": 5,
        "max_new_tokens": 256,
        "stop_early": True,
        "constraint": "syntax (grammar only)",
    }
    assert json.dumps([about, drawn])


def test_a_stored_answer_serves_whatever_gives_the_same_answers_and_nothing_else(model, adapter, tmp_path):
    def key(**options):
        one = VLLM(**{"model": str(model), "precision": "bf16", **options})
        return json.dumps(identity_of(one, one))

    copy = tmp_path / "copy"
    copy.mkdir()
    for path in model.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    same = [
        key(),
        key(model=str(copy)),
        key(batch_size=3),
        key(memory=0.3),
        key(hub_id="me/mine"),
        key(temperature=0.0),
    ]
    assert len(set(same)) == 1
    others = {"seed": 1, "samples": 2, "temperature": 0.5, "top_p": 0.5, "precision": "fp16", "max_model_len": 999}
    more = {"constraint": "schema", "stop_early": False, "max_new_tokens": 5, "adapter": str(adapter())}
    keys = {key(**{name: value}) for name, value in {**others, **more}.items()}
    assert len(keys) == 10
    assert not keys & set(same)
    (copy / "model.safetensors").write_bytes(b"other weights")
    assert key(model=str(copy)) not in same


def test_a_bound_generator_is_the_same_but_for_its_schemas(model, fake):
    plain = VLLM(str(model), seed=4)
    assert plain.bind(load("mini", "dev", limit=2)) == plain


def test_naming_the_generator_imports_neither_vllm_nor_torch():
    code = (
        "import sys, harness.generators.vllm as one; print([name for name in ('vllm', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("version", SIGNATURES)
def test_what_is_recorded_of_a_release_is_what_is_used_of_it(model, adapter, monkeypatch, version):
    """The stand-in has nothing that is not recorded, and nothing is recorded that is not used."""
    fake = Fake(version).install(monkeypatch)
    options = {"samples": 2, "constraint": "schema", "adapter": str(adapter())}
    generator = VLLM(str(model), **options).bind(load("mini", "dev"))
    list(generator.generate(prompts(2)))
    del generator
    gc.collect()
    assert fake.used == {*fake.calls, *fake.attributes}


def test_the_stand_in_refuses_what_no_release_takes(model, fake):
    vllm, params = sys.modules["vllm"], sys.modules["vllm.sampling_params"]
    engine = vllm.LLM(model=str(model)).llm_engine
    refused = {
        "guided_decoding": lambda: params.SamplingParams(guided_decoding=1),
        "gpu_memory": lambda: vllm.LLM(model=str(model), gpu_memory=0.5),
        "model": lambda: vllm.LLM(dtype="auto"),
        "lora_rank": lambda: sys.modules["vllm.lora.request"].LoRARequest("adapter", 1, "path", lora_rank=8),
        "lora_int_id": lambda: sys.modules["vllm.lora.request"].LoRARequest("adapter"),
        "params": lambda: engine.add_request("0", {"type": "token", "prompt_token_ids": [1]}),
        "request_ids": engine.abort_request,
        "lora_request": engine.add_lora,
        "too many": lambda: engine.step(1),
        "wait": lambda: engine.engine_core.shutdown(wait=True),
    }
    for name, call in refused.items():
        with pytest.raises(TypeError, match=name):
            call()
    with pytest.raises(AttributeError, match="processor"):
        _ = engine.processor


def test_the_real_package_takes_what_is_asked_of_it(model, adapter, monkeypatch):
    """Where vLLM is installed: its own classes, with what the stand-in was given."""
    vllm = pytest.importorskip("vllm")
    from vllm.lora.request import LoRARequest  # noqa: PLC0415
    from vllm.sampling_params import SamplingParams, StructuredOutputsParams  # noqa: PLC0415
    from vllm.v1.engine.core_client import InprocClient  # noqa: PLC0415

    with monkeypatch.context() as patched:
        fake = Fake().install(patched)
        options = {"samples": 2, "constraint": "schema", "max_model_len": 512, "adapter": str(adapter())}
        list(VLLM(str(model), **options).bind(load("mini", "dev")).generate(prompts(1)))
    asked = vars(fake.requests[0].params)
    asked["structured_outputs"] = StructuredOutputsParams(**vars(asked["structured_outputs"]))
    params = SamplingParams(**asked)
    assert (params.n, params.logprobs, params.max_tokens) == (1, 0, 256)
    assert LoRARequest(**vars(fake.requests[0].lora_request)).lora_int_id == 1
    assert vllm.EngineArgs(**fake.llms[0]).max_lora_rank == 32
    calls = {"add_request": ("0", {}, params), "abort_request": (["0"],), "step": (), "has_unfinished_requests": ()}
    calls["add_lora"] = (None,)
    for name, values in calls.items():
        more = {"lora_request": None} if name == "add_request" else {}
        inspect.signature(getattr(vllm.LLMEngine, name)).bind(None, *values, **more)
    inspect.signature(vllm.LLM.reset_prefix_cache).bind(None)
    inspect.signature(InprocClient.shutdown).bind(None)
