"""BIRD's Soft-F1, against its definition written down again."""

from functools import reduce
from operator import add

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics.judging import EMPTY_MATCH
from harness.metrics.soft_f1 import SoftF1, compute_soft_f1
from harness.types import Completion, Example, Execution, Extraction, Prediction, Schema, Status

CELLS = st.one_of(
    st.none(), st.integers(-2, 2), st.sampled_from([0.0, 1.0, 1.5, "1", "a", "", b"a", 2**53 + 1, float(2**53)])
)


def results(width):
    return st.lists(st.tuples(*[CELLS] * width), max_size=6)


ANY = st.integers(1, 4).flatmap(results)


def define(predicted, gold):
    """The official arithmetic, list by list."""
    if not predicted and not gold:
        return 1.0
    predicted, gold = list(dict.fromkeys(predicted)), list(dict.fromkeys(gold))
    match, only_predicted, only_gold = [], [], []
    for place, row in enumerate(gold):
        if place >= len(predicted):
            match.append(0)
            only_gold.append(1)
            continue
        ours = predicted[place]
        match.append(sum(1 for cell in ours if cell in row) / len(row))
        only_predicted.append(sum(1 for cell in ours if cell not in row) / len(row))
        only_gold.append(sum(1 for cell in row if cell not in ours) / len(row))
    for _ in range(len(predicted) - len(gold)):
        match.append(0)
        only_predicted.append(1)
        only_gold.append(0)
    tp, fp, fn = (reduce(add, numbers, 0) for numbers in (match, only_predicted, only_gold))
    precision = tp / (tp + fp) if tp + fp > 0 else 0
    recall = tp / (tp + fn) if tp + fn > 0 else 0
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0


@settings(deadline=None)
@given(ANY, ANY)
def test_it_is_the_official_arithmetic_to_the_last_bit(predicted, gold):
    value = compute_soft_f1(predicted, gold)
    assert value.hex() == float(define(predicted, gold)).hex()
    assert 0.0 <= value <= 1.0


@settings(deadline=None)
@given(ANY)
def test_a_result_has_f1_one_against_itself(rows):
    assert compute_soft_f1(rows, rows) == 1.0


def test_the_readme_example_gives_what_the_code_computes_not_what_the_readme_says():
    # bird-bench/mini_dev's README counts 4 cells matched, 1 predicted only and 1 gold only: 0.8. Its code also counts
    # the NULLs that the README leaves blank, and divides by the number of columns: tp 2, fp 1, fn 1.
    gold = [("Apple", 325), ("Orange", None), ("Banana", 119)]
    predicted = [(325, "Apple"), (191, "Orange"), (None, "Banana")]
    assert round(compute_soft_f1(predicted, gold), 3) == 0.667


@pytest.mark.parametrize(
    ("predicted", "gold", "value"),
    [
        ([], [], 1.0),
        ([], [(1,)], 0.0),
        ([(1,)], [], 0.0),
        ([(1,)], [(1,)], 1.0),
        ([(1,), (1,)], [(1,)], 1.0),
        ([(2, 1)], [(1, 2)], 1.0),
        ([(1, 1)], [(1, 2)], 0.8),
        ([(1,)], [(1, 2)], 2 / 3),
        ([(9,), (1,), (2,)], [(1,), (2,)], 0.0),
        ([(1,), (2,)], [(2,), (1,)], 0.0),
        ([("1",)], [(1,)], 0.0),
        ([(1.0,)], [(1,)], 1.0),
    ],
)
def test_known_values(predicted, gold, value):
    assert compute_soft_f1(predicted, gold) == pytest.approx(value, abs=1e-15)


def judge(predicted, *golds):
    example = Example(0, "db", "?", "SELECT 1", alternative_gold_sql=("SELECT 2",) * (len(golds) - 1))
    prediction = Prediction(example, Schema("db", ()), Completion(0, ""), Extraction("SELECT"), predicted, golds)
    return SoftF1().score(prediction)


def result(*rows):
    return Execution(Status.OK, ("a",), rows)


def test_failures_score_zero_on_either_side():
    broken = Execution(Status.ERROR, error="because")
    assert (judge(broken, result((1,))).value, judge(result(), broken).value) == (0.0, 0.0)
    assert "because" in judge(broken, result()).reason
    assert judge(result(), broken).reason == "gold failed: because"


def test_the_best_of_several_golds_counts():
    assert judge(result((1,)), result((2,)), result((1,))).value == 1.0
    assert judge(result((1,)), Execution(Status.ERROR), result((1,))).value == 1.0


def test_two_empty_results_are_marked():
    score = judge(result(), result())
    assert (score.value, score.reason) == (1.0, EMPTY_MATCH)
