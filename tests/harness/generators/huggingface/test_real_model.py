"""A real model on the CPU: the `.gguf` file that $T2S_TEST_GGUF names."""

import os
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from harness.config import PromptConfig
from harness.datasets import load
from harness.generators.huggingface import HuggingFace
from harness.prompts import PromptBuilder

pytestmark = pytest.mark.torch

QUESTIONS = 64


@pytest.mark.timeout(1800)
def test_both_engines_give_the_same_answers_in_fp32():
    weights = Path(os.environ.get("T2S_TEST_GGUF", ""))
    if not weights.is_file():
        pytest.skip("T2S_TEST_GGUF names no .gguf file")
    dataset = load("mini", "dev", limit=QUESTIONS)
    found = []
    for engine in ("shared", "generate"):
        options = {"precision": "fp32", "device": "cpu", "batch_size": 16, "max_new_tokens": 64}
        generator = HuggingFace(str(weights), engine=engine, **options)
        builder = PromptBuilder(PromptConfig(), generator.count_tokens)
        prompts = [builder.build(index, one, dataset.schemas[one.db_id]) for index, one in enumerate(dataset.examples)]
        completions = generator.generate(prompts)
        found.append({one.index: (one.text, one.finish_reason, one.completion_tokens) for one in completions})
    assert len(found[0]) == QUESTIONS
    assert found[0] == found[1]
