import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.differences import DIFFERENCES, classify_difference
from harness.types import Execution, Status

MIRRORED = {"extra_columns": "missing_columns", "missing_columns": "extra_columns"}


def result(*rows, columns=None):
    columns = columns or tuple("abcdefghijklmnopqrstuvwxyz"[: len(rows[0])])
    return Execution(Status.OK, columns, rows)


@pytest.mark.parametrize(
    ("predicted", "gold", "label"),
    [
        (result((1, 2), (3, 4)), result((2,), (4,)), "extra_columns"),
        (result((1, 1), (1, 2)), result((1,)), "extra_columns"),
        (result((1, 2), (2, 1)), result((1, 1), (2, 2)), "wrong_columns"),
        (result((1, 2), (2, 1)), result((1, 3), (2, 4)), "wrong_columns"),
        (result((1, 2)), result((1, 3)), "wrong_rows"),
        (result((1, 9), (1, 9), (2, 9)), result((1,), (2,), (2,)), "wrong_columns"),
        (result((1, "a"), (2, "b")), result((1, "b"), (2, "a")), "wrong_columns"),
        (result((1, 2, 3)), result((1, 9)), "wrong_columns"),
        (result((1, 2, 3)), result((1, 1)), "wrong_columns"),
        (result(("1",)), result((1,)), "type_or_format"),
        (result((1,)), result((1.0,)), "order"),
        (result((None,)), result(("",)), "wrong_rows"),
        (result((2,), (1,)), result((1,), (2,)), "order"),
        (result((2,), (2,)), result((2,)), "duplicates"),
    ],
)
def test_a_difference_has_its_label(predicted, gold, label):
    assert classify_difference(predicted, gold) == label


@pytest.mark.parametrize(
    ("names", "columns", "label"),
    [
        (("name",), ("full_name",), "wrong_columns"),
        (("Name",), ("name",), "wrong_rows"),
        (("count(*)",), ("name",), "wrong_rows"),
    ],
)
def test_other_columns_of_the_database_are_another_selection(names, columns, label):
    known = frozenset({"name", "full_name"})
    found = classify_difference(result(("a",), columns=names), result(("b",), columns=columns), known)
    assert found == label


def test_many_columns_alike_are_no_search_without_end():
    wide = result(*[(value,) * 20 for value in range(50)], columns=("a",) * 20)
    narrow = result(*[(value,) * 19 for value in range(1, 51)], columns=("a",) * 19)
    same = result(*[(value,) * 19 for value in range(50)], columns=("a",) * 19)
    assert classify_difference(wide, narrow) == "wrong_columns"
    assert classify_difference(wide, same) == "extra_columns"
    twins = result(*[(*[value] * 20, "x") for value in range(50)], columns=("a",) * 21)
    triplets = result(*[(value,) * 21 for value in range(50)], columns=("a",) * 21)
    assert classify_difference(twins, triplets) == "wrong_columns"
    # The same values in every column, but never in these rows: all selections would have to be tried.
    shuffled = result(*[(value, *[(value + 1) % 50] * 9) for value in range(50)], columns=("a",) * 10)
    assert classify_difference(wide, shuffled) == "wrong_columns"


cells = st.none() | st.integers(0, 2) | st.sampled_from(["1", "x"])
widths = st.integers(1, 3)


@st.composite
def results(draw):
    width = draw(widths)
    return Execution(Status.OK, tuple("abc"[:width]), tuple(draw(st.lists(st.tuples(*[cells] * width), max_size=4))))


@given(results(), results())
def test_exchanging_the_two_results_exchanges_extra_and_missing(first, second):
    label = classify_difference(first, second)
    assert label in DIFFERENCES
    if first.rows and second.rows:
        assert classify_difference(second, first) == MIRRORED.get(label, label)


@given(results(), st.data())
def test_dropping_columns_is_seen_as_missing_columns(gold, data):
    width = len(gold.columns)
    places = data.draw(st.lists(st.sampled_from(range(width)), min_size=1, unique=True))
    rows = tuple(tuple(row[place] for place in places) for row in gold.rows)
    predicted = Execution(Status.OK, tuple(gold.columns[place] for place in places), rows)
    if gold.rows and len(places) < width:
        assert classify_difference(predicted, gold) == "missing_columns"
