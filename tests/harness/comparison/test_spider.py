"""Spider's equality of results, against its definition."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.comparison import equal_spider

CELLS = st.sampled_from([None, 0, 1, 1.0, 10, 10.0, 10.5, "1", "a", "10/", b"a"])
RESULTS = st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=4))


def define(first, second, ordered):
    """The official steps, with every permutation tried."""
    if not first and not second:
        return True
    if len(first) != len(second) or len(first[0]) != len(second[0]):
        return False

    def loosen(rows):
        return [tuple(sorted(row, key=lambda cell: str(cell) + str(type(cell)))) for row in rows]

    if ordered and loosen(first) != loosen(second):
        return False
    if not ordered and set(loosen(first)) != set(loosen(second)):
        return False
    for order in permutations(range(len(first[0]))):
        moved = [tuple(row[place] for place in order) for row in second]
        if first == moved or (not ordered and Counter(first) == Counter(moved)):
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(RESULTS, RESULTS, st.booleans())
def test_it_is_the_official_arithmetic(predicted, gold, ordered):
    assert equal_spider(predicted, gold, ordered=ordered) == define(gold, predicted, ordered)


@settings(max_examples=300, deadline=None)
@given(RESULTS, st.randoms(use_true_random=False), st.booleans())
def test_it_is_the_official_arithmetic_on_results_that_are_nearly_equal(gold, random, ordered):
    rows = list(gold)
    if random.random() < 0.5:
        random.shuffle(rows)
    order = list(range(len(gold[0]))) if gold else []
    random.shuffle(order)
    swap = {1: 1.0, 10: 10.0}
    predicted = [
        tuple(swap.get(row[place], row[place]) if random.random() < 0.3 else row[place] for place in order)
        for row in rows
    ]
    assert equal_spider(predicted, gold, ordered=ordered) == define(gold, predicted, ordered)


@pytest.mark.parametrize(
    ("predicted", "gold", "ordered", "equal"),
    [
        ([(1, "a"), (2, "b")], [("b", 2), ("a", 1)], False, True),
        ([(1, "a"), (2, "b")], [("b", 2), ("a", 1)], True, False),
        ([(1, "a"), (2, "b")], [("a", 1), ("b", 2)], True, True),
        ([(1,), (1,)], [(1,)], False, False),
        ([(1, 2), (2, 1)], [(1, 2), (1, 2)], False, False),
        ([(1, 2), (1, 2)], [(1, 2), (2, 1)], True, False),
        ([(1.0,)], [(1,)], False, True),
        ([("1",)], [(1,)], False, False),
        ([(10.0, 10.5)], [(10, 10.5)], False, False),
    ],
)
def test_known_values(predicted, gold, ordered, equal):
    assert equal_spider(predicted, gold, ordered=ordered) == equal
