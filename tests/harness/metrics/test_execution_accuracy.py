"""BIRD's official EX."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.execution_accuracy import ExecutionAccuracy
from harness.types import Completion, Example, Execution, Extraction, Prediction, Schema, Status


def judge(predicted, *golds):
    example = Example(0, "db", "?", "SELECT 1", alternative_gold_sql=("SELECT 2",) * (len(golds) - 1))
    prediction = Prediction(example, Schema("db", ()), Completion(0, ""), Extraction("SELECT"), predicted, golds)
    return ExecutionAccuracy().score(prediction)


def rows(*values):
    return Execution(Status.OK, ("a",), values)


@pytest.mark.parametrize(
    ("predicted", "gold", "value"),
    [
        ([(1,), (2,)], [(2,), (1,)], 1.0),
        ([(1,), (1,)], [(1,)], 1.0),
        ([(1,)], [(1.0,)], 1.0),
        ([("1",)], [(1,)], 0.0),
        ([(None,)], [(None,)], 1.0),
        ([], [], 1.0),
        ([(1, 2)], [(2, 1)], 0.0),
        ([(b"a",)], [("a",)], 0.0),
    ],
)
def test_sets_of_rows_are_compared_as_python_compares_them(predicted, gold, value):
    assert judge(rows(*predicted), rows(*gold)).value == value


CELLS = st.one_of(st.none(), st.integers(-2, 2), st.sampled_from([0.0, 1.0, 1.5]), st.sampled_from(["1", "a", ""]))
RESULTS = st.lists(st.tuples(CELLS, CELLS), max_size=4)


@given(RESULTS, RESULTS)
def test_the_verdict_is_the_official_arithmetic_and_symmetric(first, second):
    verdict = judge(rows(*first), rows(*second)).value
    assert verdict == float(set(first) == set(second))
    assert verdict == judge(rows(*second), rows(*first)).value


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.OK])
def test_a_prediction_that_does_not_run_scores_zero_and_says_why(status):
    score = judge(Execution(status, error="because"), rows((1,)))
    assert (score.value, "because" in score.reason) == (0.0, True)


def test_a_failed_gold_scores_zero_as_officially():
    score = judge(rows((1,)), Execution(Status.ERROR, error="no such table"))
    assert (score.value, score.reason) == (0.0, "gold failed: no such table")


def test_any_of_several_golds_is_right():
    assert judge(rows((2,)), rows((1,)), rows((2,))).value == 1.0
    assert judge(rows((2,)), Execution(Status.ERROR), rows((2,))).value == 1.0
