"""BIRD's set equality, also when the same gold is met again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.comparison import GoldRows, equal_official, equal_typed, recall
from harness.comparison.official import _KEPT_GOLDS, _KEPT_ROWS, _MEMORY

BIG = 2**53
CELLS = st.one_of(
    st.none(),
    st.integers(-2, 2),
    st.sampled_from([0.0, -0.0, 1.0, 1.5, float("inf"), float(BIG), BIG, BIG + 1]),
    st.sampled_from(["1", "a", "", "1.0"]),
    st.sampled_from([b"a", b"", b"\xff"]),
)
RESULTS = st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=5)).map(tuple)


@settings(deadline=None)
@given(RESULTS, RESULTS)
def test_equal_official_is_equality_of_sets(predicted, gold):
    expected = set(predicted) == set(gold)
    assert equal_official(predicted, gold) == expected
    assert equal_official(list(predicted), list(gold)) == expected
    assert GoldRows(gold).equal_official(predicted) == expected
    assert equal_official(predicted, gold) == equal_official(gold, predicted)


@settings(deadline=None)
@given(RESULTS, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_count_officially(rows, random):
    repeated = [*rows, *random.choices(rows, k=3)] if rows else []
    random.shuffle(repeated)
    assert equal_official(tuple(repeated), rows)
    assert equal_typed(tuple(repeated), rows) == (len(repeated) == len(rows))


@settings(deadline=None)
@given(RESULTS, RESULTS)
def test_typed_equality_is_that_of_bags_and_symmetric(predicted, gold):
    def key(row):
        # Independent of Python's int-float equality: numbers by exact value, everything else by type.
        return tuple(
            ("number", cell.as_integer_ratio() if cell != float("inf") else "inf")
            if isinstance(cell, int | float)
            else (type(cell).__name__, cell)
            for cell in row
        )

    expected = sorted(map(repr, map(key, predicted))) == sorted(map(repr, map(key, gold)))
    assert equal_typed(predicted, gold) == expected
    assert equal_typed(gold, predicted) == expected
    if expected:
        assert equal_official(predicted, gold)


@pytest.mark.parametrize("size", [2, 64, 200, 5_000])
@pytest.mark.parametrize("position", [0, 1, -1])
def test_one_strange_row_is_found_wherever_it_stands(size, position):
    gold = tuple((number, "x") for number in range(size))
    reversed_rows = gold[::-1]
    assert equal_official(reversed_rows, gold)
    assert equal_typed(reversed_rows, gold)
    strange = list(reversed_rows)
    strange[position] = (position, "y")
    assert not equal_official(tuple(strange), gold)
    assert not equal_typed(tuple(strange), gold)
    missing = (*reversed_rows[:-1], reversed_rows[0])
    assert not equal_official(missing, gold)
    assert not equal_typed(missing, gold)


def test_comparison_stops_shortly_behind_the_first_difference():
    class Rows(tuple):
        __slots__ = ()
        touched = 0

        def __getitem__(self, key):
            found = super().__getitem__(key)
            Rows.touched += len(found) if isinstance(key, slice) else 1
            return found

    gold = GoldRows(tuple((number,) for number in range(10_000)))
    rows = Rows([(-1,), *gold.rows[1:]])
    assert not gold.equal_official(rows)
    assert 0 < Rows.touched <= 64
    Rows.touched = 0
    assert not gold.equal_bag(rows)
    assert 0 < Rows.touched <= 64


def test_the_same_gold_is_hashed_once():
    rows = tuple((number,) for number in range(100))
    first = recall(rows)
    assert recall(rows) is first
    assert recall(rows).distinct is first.distinct
    assert recall((*rows[:50], *rows[50:])) is not first
    assert recall(list(rows)) is not recall(list(rows))


def test_remembered_golds_stay_within_their_bounds():
    golds = [tuple((number, copy) for number in range(2_000)) for copy in range(300)]
    assert all(equal_official(gold[::-1], gold) for gold in golds)
    assert len(_MEMORY._golds) <= _KEPT_GOLDS
    assert sum(len(gold.rows) for gold in _MEMORY._golds.values()) == _MEMORY._rows <= _KEPT_ROWS


def test_a_changed_list_is_compared_anew():
    gold = [(1,), (2,)]
    assert equal_official([(2,), (1,)], gold)
    gold.append((3,))
    assert not equal_official([(2,), (1,)], gold)


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (1, 1.0, True),
        (0.0, -0.0, True),
        (BIG, float(BIG), True),
        (BIG + 1, float(BIG), False),
        ("1", 1, False),
        ("1", b"1", False),
        (1, b"1", False),
        (None, None, True),
        (None, 0, False),
        (None, "", False),
        (float("inf"), float("inf"), True),
    ],
)
def test_cells_are_typed(first, second, equal):
    assert equal_typed([(first,)], [(second,)]) == equal
    assert equal_official([(first,)], [(second,)]) == equal
