"""Strict verdicts on the golds of BIRD and Spider: right against themselves, and in any order that they leave open."""

import os
from collections import Counter
from pathlib import Path

import pytest

from harness import datasets
from harness.analysis.ordering import Ties, find_ties, is_limited, is_ordered
from harness.analysis.verdicts import TIED, judge_lenient, judge_strict
from harness.execution import Executor

pytestmark = pytest.mark.shared_data


@pytest.fixture(params=["bird", "spider"])
def dataset(request):
    folder = os.environ.get("T2S_SHARED_DATA")
    if not folder:
        pytest.skip("T2S_SHARED_DATA is not set")
    return datasets.load(Path(folder) / request.param, "dev")


@pytest.fixture
def executor(dataset):
    with Executor(dataset.databases, workers=1) as made:
        yield made


def ask(executor, example):
    return lambda sql: executor.execute(example.db_id, sql)


def sample(dataset):
    return dataset.examples[:: 4 if dataset.name == "spider" else 1]


def test_golds_are_right_against_themselves_and_in_reverse_but_for_sums_of_floats(dataset, executor):
    counts, float_sums = Counter(), []
    for example in sample(dataset):
        run = ask(executor, example)
        gold = run(example.gold_sql)
        assert gold.ok, example
        assert judge_strict(example.gold_sql, gold, gold, run).equal
        reversed_gold = executor.execute_reversed(example.db_id, example.gold_sql)
        verdict = judge_strict(example.gold_sql, gold, reversed_gold, run)
        counts["equal" if verdict.equal else verdict.cause] += 1
        counts["tied"] += verdict.note == TIED
        if not verdict.equal:
            float_sums.append(example.gold_sql.upper())
            assert judge_lenient(gold, reversed_gold, verdict).equal
    # What SQLite adds up in another order differs in the last digit; nothing else may.
    assert set(counts) <= {"equal", "tied", "float"}
    assert all("AVG(" in sql or "SUM(" in sql for sql in float_sums)
    assert counts["float"] <= 10
    assert counts["equal"] + counts["float"] == len(sample(dataset))
    if dataset.name == "bird":
        assert counts["tied"] >= 1


def test_the_ties_of_every_gold_can_be_told_where_they_are_defined(dataset, executor):
    told = 0
    for example in sample(dataset):
        if not (is_ordered(example.gold_sql) or is_limited(example.gold_sql)):
            continue
        run = ask(executor, example)
        ties = find_ties(example.gold_sql, run(example.gold_sql), run)
        told += isinstance(ties, Ties)
        if isinstance(ties, str):
            # SELECT DISTINCT a … ORDER BY b: SQLite sorts by whichever b it met first.
            assert "DISTINCT" in ties
            assert example.question_id == 1209
    assert told >= 50
