"""Lenient equality, against trying everything."""

import math
import time
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.comparison import Relaxation, equal_relaxed, equal_typed
from harness.comparison.pairing import Budget, can_pair

COARSE = Relaxation(relative=0.0, absolute=0.5)
EXACT = Relaxation(numeric_text=False, relative=0.0, absolute=0.0)
CELLS = st.sampled_from([None, "a", "b", b"a", 0, 1, 2, "1", "1.0", 0.25, 0.5, 1.25, 1.0, "1.5", 1.75])
RESULTS = st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=4)).map(tuple)


def read(cell):
    try:
        return float(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell


def try_everything(predicted, gold, relaxation):
    """The definition: some permutation of columns, some pairing of rows, all cells equal."""
    if len(predicted) != len(gold) or not gold:
        return len(predicted) == len(gold)
    if len(predicted[0]) != len(gold[0]):
        return False
    if relaxation.numeric_text:
        predicted, gold = ([tuple(map(read, row)) for row in rows] for rows in (predicted, gold))
    orders = permutations(range(len(gold[0]))) if relaxation.permuted else [tuple(range(len(gold[0])))]
    return any(
        pair_rows([tuple(row[place] for place in order) for row in predicted], gold, relaxation) for order in orders
    )


def pair_rows(predicted, gold, relaxation):
    def fractional(rows, column):
        return any(isinstance(row[column], float) and row[column] % 1 for row in rows)

    tolerant = [fractional(predicted, column) or fractional(gold, column) for column in range(len(gold[0]))]

    def equal(first, second, column):
        if isinstance(first, int | float) and isinstance(second, int | float) and tolerant[column]:
            return math.isclose(first, second, rel_tol=relaxation.relative, abs_tol=relaxation.absolute)
        return (type(first) is type(second) and first == second) or (
            isinstance(first, int | float) and isinstance(second, int | float) and first == second
        )

    return any(
        all(
            equal(first, second, column)
            for ours, theirs in zip(order, gold, strict=True)
            for column, (first, second) in enumerate(zip(ours, theirs, strict=True))
        )
        for order in permutations(predicted)
    )


@settings(max_examples=400, deadline=None)
@given(RESULTS, RESULTS, st.sampled_from([COARSE, EXACT, Relaxation(permuted=False, absolute=0.5, relative=0.0)]))
@example(((0.25, 1.0), (1.25, 0.5)), ((0.5, 1.25), (1.0, 0.25)), COARSE)
def test_the_search_agrees_with_trying_everything(predicted, gold, relaxation):
    assert equal_relaxed(predicted, gold, relaxation) == try_everything(predicted, gold, relaxation)


@settings(deadline=None)
@given(RESULTS, st.randoms(use_true_random=False))
def test_shuffled_rows_and_columns_are_equal(gold, random):
    rows = list(gold)
    random.shuffle(rows)
    order = list(range(len(rows[0]))) if rows else []
    random.shuffle(order)
    predicted = [tuple(row[place] for place in order) for row in rows]
    assert equal_relaxed(predicted, gold, EXACT)
    assert equal_relaxed(predicted, gold, Relaxation())


@settings(deadline=None)
@given(RESULTS, RESULTS)
def test_what_is_equal_typed_is_equal_relaxed_and_symmetry_holds(predicted, gold):
    if equal_typed(predicted, gold) and len({len(row) for row in (*predicted, *gold)}) < 2:
        assert equal_relaxed(predicted, gold, Relaxation())
    assert equal_relaxed(predicted, gold, COARSE) == equal_relaxed(gold, predicted, COARSE)


@pytest.mark.parametrize(
    ("predicted", "gold", "equal"),
    [
        ([("1", "x")], [("x", 1)], True),
        ([("1e2",)], [(100,)], True),
        ([(" 1",)], [(1,)], False),
        ([("1_0",)], [(10,)], False),
        ([("٣",)], [(3,)], False),
        ([("nan",)], [("nan",)], True),
        ([("inf",)], [(float("inf"),)], False),
        ([("1e999",)], [(float("inf"),)], True),
        ([("9" * 400,)], [(1.5,)], False),
        ([(b"1",)], [(1,)], False),
        ([(0.1 + 0.2,)], [(0.3,)], True),
        ([(33.33,)], [(33.3333,)], False),
        ([(1_000_000,)], [(1_000_001,)], False),
        ([(1_000_000.5,)], [(1_000_000,)], True),
        ([(None,)], [(0.0,)], False),
        ([(1,), (1,)], [(1,)], False),
        ([(1, 1), (2, 2)], [(1, 2), (2, 1)], False),
        ([(1, 2), (1, 2)], [(2, 1), (2, 1)], True),
        ([(1, 2), (2, 1)], [(1, 2), (1, 2)], False),
        ([(1, 2, 1)], [(1, 2, 2)], False),
    ],
)
def test_what_counts_as_equal(predicted, gold, equal):
    assert equal_relaxed(predicted, gold, Relaxation()) == equal


def test_a_tolerance_that_is_not_transitive_takes_no_greedy_choice():
    close = Relaxation(relative=0.0, absolute=0.45)
    gold = [(1.0, 0.5), (1.4, 0.9)]
    # The first predicted row is close to both golds, the second to the first only.
    predicted = [(1.2, 0.7), (0.9, 0.3)]
    assert equal_relaxed(predicted, gold, close)
    assert equal_relaxed(predicted[::-1], gold, close)
    assert not equal_relaxed([(1.2, 0.7), (1.9, 0.3)], gold, close)


def test_rows_must_match_as_a_whole_within_the_tolerance_too():
    gold = [(1.5, 0.25), (2.5, 9.75)]
    assert equal_relaxed([(2.5, 9.75), (1.5, 0.25)], gold, Relaxation())
    assert not equal_relaxed([(1.5, 9.75), (2.5, 0.25)], gold, Relaxation())


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=5), st.data())
def test_pairing_finds_a_partner_for_all_or_says_no(first, data):
    second = data.draw(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=len(first), max_size=len(first))
    )

    def close(a, b):
        return abs(a - b) <= 2

    expected = any(
        all(close(a, b) for ours, theirs in zip(first, order, strict=True) for a, b in zip(ours, theirs, strict=True))
        for order in permutations(second)
    )
    assert can_pair(first, second, close, Budget(10_000)) == expected


def test_forty_columns_of_bits_end_in_bounded_time():
    # Every column has as many ones: no signature tells them apart, and 40! permutations are out of reach.
    size = 40
    gold = [tuple(int((row * 7 + column * column) % size < size // 2) for column in range(size)) for row in range(size)]
    predicted = [tuple(int((row * 11 + column**3) % size < size // 2) for column in range(size)) for row in range(size)]
    started = time.monotonic()
    equal_relaxed(predicted, gold, Relaxation())
    assert equal_relaxed([tuple(reversed(row)) for row in gold], gold, Relaxation())
    assert time.monotonic() - started < 60


def test_duplicated_columns_do_not_multiply_the_search():
    gold = [tuple([row % 3] * 12 + [row]) for row in range(30)]
    predicted = [tuple([row % 3] * 12 + [(row + 1) % 30]) for row in range(30)]
    assert Counter(row[0] for row in gold) == Counter(row[0] for row in predicted)
    assert not equal_relaxed(predicted, gold, Relaxation())


def test_more_columns_than_calls_can_be_nested_are_compared_too():
    gold = tuple(tuple(row * number for number in range(1, 1_201)) for row in (1, 2))
    assert equal_relaxed(tuple(row[::-1] for row in gold), gold, Relaxation())
    assert not equal_relaxed((gold[0], (*gold[1][:-1], 0)), gold, Relaxation())
