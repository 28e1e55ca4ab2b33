"""What a constraint costs: compiling the grammar of a schema, and the mask of one token, on one core.

`$T2S_BENCH_TOKENIZER_49K` and `$T2S_BENCH_TOKENIZER_152K` name folders with tokenisers of that size, such as
SmolLM2's and Qwen2.5's; a size without a folder is skipped. Statements are the golds of `mini`, or of
`$T2S_BENCH_GOLDS` (a data folder).
"""

import os
import statistics
import time

import numpy as np
import pytest

from harness.datasets import load
from harness.decoding.grammar import check, render_grammar
from harness.decoding.matching import compile_grammar

SIZES = ("49K", "152K")
ROUNDS = 200
"""How many golds a mask benchmark writes."""


@pytest.fixture(scope="module", params=SIZES)
def tokenizer(request):
    folder = os.environ.get(f"T2S_BENCH_TOKENIZER_{request.param}")
    if not folder:
        pytest.skip(f"T2S_BENCH_TOKENIZER_{request.param} is not set")
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def dataset():
    return load(os.environ.get("T2S_BENCH_GOLDS", "mini"), "dev")


@pytest.fixture(scope="module")
def constraints(tokenizer):
    from harness.decoding.constraint import build_constraint

    return {level: build_constraint(tokenizer, level) for level in ("syntax", "schema")}


@pytest.mark.parametrize("level", ["syntax", "schema"])
def test_compile(benchmark, constraints, dataset, level):
    benchmark.group = "grammar: compile one schema"
    tokenizer = constraints[level]._tokenizer
    schemas = list(dataset.schemas.values())

    def compile_one():
        schema = schemas[compile_one.count % len(schemas)]
        compile_one.count += 1
        return compile_grammar(render_grammar(schema, level), tokenizer)

    compile_one.count = 0
    benchmark.pedantic(compile_one, rounds=2 * len(schemas))
    benchmark.extra_info["vocabulary"] = tokenizer.vocab_size


@pytest.mark.parametrize("level", ["syntax", "schema"])
def test_mask(benchmark, constraints, tokenizer, dataset, level):
    """A round writes golds token by token; `extra_info` has the milliseconds of each mask, those after it aside."""
    benchmark.group = "grammar: masks of golds"
    constraint = constraints[level]
    golds = [one for one in dataset.examples if check(dataset.schemas[one.db_id], one.gold_sql, level).accepted][
        :ROUNDS
    ]
    for schema in dataset.schemas.values():
        constraint.start(schema)
    passes = []

    def write_all():
        passes.append(
            [ms for one in golds for ms in _write(constraint, tokenizer, dataset.schemas[one.db_id], one.gold_sql)]
        )

    benchmark.pedantic(write_all, rounds=2)
    for name, taken in zip(("first", "second"), passes, strict=True):
        benchmark.extra_info[f"{name} pass, ms"] = {
            "tokens": len(taken),
            "mean": round(statistics.fmean(taken), 3),
            **{f"p{share}": round(float(np.percentile(taken, share)), 3) for share in (50, 95, 99)},
        }
    benchmark.extra_info["vocabulary"] = constraint.vocabulary


def _write(constraint, tokenizer, schema, sql):
    track = constraint.start(schema)
    row = np.zeros(-(-constraint.vocabulary // 32), dtype=np.uint32)
    for token in tokenizer(sql.strip().rstrip(";"), add_special_tokens=False)["input_ids"]:
        begin = time.perf_counter()
        track.fill(row)
        yield 1000 * (time.perf_counter() - begin)
        assert track.advance(token), sql
