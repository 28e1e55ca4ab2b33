"""Completions from a transformers model; the model is tiny and random, the arithmetic real."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from harness.errors import ModelError
from harness.generators.huggingface import HuggingFace, _StatementEnd
from harness.types import Prompt

pytestmark = pytest.mark.torch

WORDS = ["<end>", "SELECT", "a", "b", "FROM", "t", ";", "WHERE", "=", "'x", "y'", "1", "Q", "\n"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model whose tokens are words, with random weights."""
    path = tmp_path_factory.mktemp("model")
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        eos_token_id=0,
        bos_token_id=None,
        initializer_range=0.5,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return path


def generator(folder, **options):
    return HuggingFace(str(folder), precision="fp32", device="cpu", max_new_tokens=12, **options)


PROMPTS = [Prompt(index, "SELECT a FROM t " * 2, "Q " * (index + 1)) for index in range(5)]


def texts(completions):
    return {one.index: one.text for one in completions}


def test_every_prompt_gets_its_own_completion_whatever_the_batch(folder):
    alone = texts(generator(folder, batch_size=1).generate(PROMPTS))
    together = texts(generator(folder, batch_size=3).generate(PROMPTS))
    assert sorted(together) == [0, 1, 2, 3, 4]
    assert together == alone
    assert len(set(together.values())) > 1


def test_a_resumed_run_computes_the_same_batches(folder):
    model = generator(folder, batch_size=2)
    batches = model.batches(PROMPTS)
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert model.batches(batches[0] + batches[2]) == [batches[0], batches[2]]
    lengths = [len(one.suffix) for batch in batches for one in batch]
    assert lengths == sorted(lengths, reverse=True)


def test_tokens_and_reasons_are_counted(folder):
    completions = list(generator(folder).generate(PROMPTS))
    for one in completions:
        assert one.prompt_tokens == 8 + one.index + 1
        assert one.completion_tokens <= 12
        assert one.finish_reason == "stop" or (one.finish_reason, one.completion_tokens) == ("length", 12)
        assert one.latency_s > 0


def test_a_row_ends_behind_its_statement_unless_told_to_go_on(folder):
    stopping = generator(folder)
    text, reason, tokens = stopping._read([1, 2, 6, 4, 5])
    assert (text.split(), reason, tokens) == (["SELECT", "a", ";"], "stop", 3)
    whole, reason, tokens = generator(folder, stop_early=False)._read([1, 2, 6, 4, 0, 5])
    assert (whole.split(), reason, tokens) == (["SELECT", "a", ";", "FROM"], "stop", 5)


def test_a_row_is_marked_as_soon_as_its_statement_is_complete_and_stays_so(folder):
    stop = _StatementEnd(generator(folder).tokenizer, prompt_width=2)
    rows = torch.tensor([[1, 2, 1, 2, 6], [1, 2, 1, 2, 3], [1, 6, 2, 3, 3]])
    assert stop(rows, None).tolist() == [True, False, False]
    later = torch.cat([rows, torch.tensor([[0], [6], [0]])], dim=1)
    assert stop(later, None).tolist() == [True, True, False]


def test_the_manifest_names_the_adapter_that_is_loaded(folder, tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    before = generator(folder, adapter=str(tmp_path)).manifest["adapter"]
    (tmp_path / "adapter_config.json").write_text('{"r": 8}')
    after = generator(folder, adapter=str(tmp_path)).manifest["adapter"]
    assert set(before) == set(after) == {"adapter_config.json"}
    assert before != after


def test_the_manifest_names_the_weights(folder):
    about = generator(folder).manifest
    assert about["weights"]["ref"] == str(folder)
    assert len(about["weights"]["sha256"]) == 64
    assert json.dumps(about)


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.gguf"):
        list(generator(tmp_path / "nothing.gguf").generate(PROMPTS))


def test_a_model_without_chat_template_says_so(folder):
    with pytest.raises(ModelError, match="plain"):
        generator(folder).chat("hello")
