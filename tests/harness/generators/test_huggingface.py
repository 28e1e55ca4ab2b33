"""Completions from a transformers model; the model is tiny and random, the arithmetic real."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from harness.datasets import load
from harness.errors import ConfigError, ModelError, UsageError
from harness.generators.base import pending_prompts
from harness.generators.huggingface import HuggingFace
from harness.generators.huggingface.rows import Decoding, Request, Row
from harness.generators.huggingface.stopping import Stopping
from harness.types import Prompt

pytestmark = pytest.mark.torch

PROMPTS = [Prompt(index, "SELECT a FROM t " * 2, "Q " * (index + 1)) for index in range(5)]
ENGINES = ("shared", "generate")


def texts(completions):
    return {one.index: one.text for one in completions}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_prompt_gets_its_own_completion_whatever_the_batch(make_generator, folder, engine):
    alone = texts(make_generator(folder, batch_size=1, engine=engine).generate(PROMPTS))
    together = texts(make_generator(folder, batch_size=3, engine=engine).generate(PROMPTS))
    assert sorted(together) == [0, 1, 2, 3, 4]
    assert together == alone
    assert len(set(together.values())) > 1


def test_a_resumed_run_of_the_plain_engine_computes_the_same_batches(make_generator, folder):
    model = make_generator(folder, batch_size=2, engine="generate")
    batches = model.batches(PROMPTS)
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert model.batches(batches[0] + batches[2]) == [batches[0], batches[2]]
    lengths = [len(one.suffix) for batch in batches for one in batch]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_tokens_and_reasons_are_counted(make_generator, folder, engine):
    completions = list(make_generator(folder, engine=engine).generate(PROMPTS))
    for one in completions:
        assert one.prompt_tokens == 8 + one.index + 1
        assert one.completion_tokens <= 12
        assert one.finish_reason == "stop" or (one.finish_reason, one.completion_tokens) == ("length", 12)
        assert one.latency_s > 0


@pytest.fixture
def reader(make_generator, folder):
    def read(ids, **decoding):
        stopping = Stopping(make_generator(folder).tokenizer, frozenset({0}), Decoding(max_new_tokens=6, **decoding))
        row = Row(Request(PROMPTS[0], (), (1,)))
        for token in ids:
            if not row.finished:
                stopping.accept(row, token)
        text, reason, tokens = stopping.read(row)
        return row.finished, text.split(), reason, tokens

    return read


def test_a_row_ends_behind_its_statement_unless_told_to_go_on(reader):
    assert reader([1, 2, 6, 4, 5]) == (True, ["SELECT", "a", ";"], "stop", 3)
    assert reader([1, 2, 6, 4, 0, 5], stop_early=False) == (True, ["SELECT", "a", ";", "FROM"], "stop", 5)


def test_a_row_goes_on_until_its_statement_its_end_token_or_the_limit(reader):
    assert reader([1, 2, 3])[0] is False
    assert reader([6, 2, 3])[0] is False
    assert reader([1, 9, 6, 10])[0] is False
    assert reader([1, 2, 0]) == (True, ["SELECT", "a"], "stop", 3)
    assert reader([1, 2, 2, 2, 2, 2]) == (True, ["SELECT", *"aaaaa"], "length", 6)


def test_the_manifest_names_the_adapter_that_is_loaded(make_generator, folder, tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    before = make_generator(folder, adapter=str(tmp_path)).manifest["adapter"]
    (tmp_path / "adapter_config.json").write_text('{"r": 8}')
    after = make_generator(folder, adapter=str(tmp_path)).manifest["adapter"]
    assert set(before) == set(after) == {"adapter_config.json"}
    assert before != after


def test_the_manifest_names_weights_engine_and_decoding(make_generator, folder):
    about = make_generator(folder).manifest
    assert about["weights"]["ref"] == str(folder)
    assert len(about["weights"]["sha256"]) == 64
    assert (about["engine"], about["precision"], about["decoding"]) == ("shared", "fp32", "greedy")
    drawn = make_generator(folder, samples=3, seed=5).manifest["decoding"]
    assert (drawn["samples"], drawn["temperature"], drawn["top_p"], drawn["seed"]) == (3, 0.8, 0.95, 5)
    assert json.dumps([about, drawn])


def test_the_usage_says_what_the_engine_did(make_generator, folder):
    model = make_generator(folder, batch_size=4)
    list(model.generate(PROMPTS))
    usage = model.usage
    assert (usage["engine"], usage["slots"], usage["prefix_tokens"], usage["suffix_tokens"]) == ("shared", 4, 8, 15)
    assert usage["cuda_graphs"] == "off"
    assert json.dumps(usage)


def test_options_that_cannot_be_are_named_together(folder):
    with pytest.raises(ConfigError) as caught:
        HuggingFace(str(folder), samples=0, batch_size=0, top_p=1.5, temperature=-1)
    assert len(caught.value.problems) == 4
    with pytest.raises(ConfigError, match="samples = 1 or raise"):
        HuggingFace(str(folder), samples=2, temperature=0)


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.gguf"):
        list(HuggingFace(str(tmp_path / "nothing.gguf"), device="cpu").generate(PROMPTS))


def test_a_model_without_chat_template_says_so(make_generator, folder):
    with pytest.raises(ModelError, match="plain"):
        make_generator(folder).chat("hello")


def test_a_constraint_without_schemas_is_refused(make_generator, folder):
    with pytest.raises(UsageError, match="bind"):
        list(make_generator(folder, constraint="schema").generate(PROMPTS))


def test_a_bound_generator_is_the_same_but_for_its_schemas(folder):
    plain = HuggingFace(str(folder))
    assert plain.bind(load("mini", "dev", limit=2)) == plain
    assert replace(plain, seed=1).bind(load("mini", "dev", limit=2)).seed == 1


def test_nothing_is_loaded_for_nothing(tmp_path, make_generator, folder):
    model = make_generator(folder)
    assert list(model.generate(pending_prompts(model, PROMPTS, frozenset(range(5))))) == []
    assert "loaded" not in vars(model)
