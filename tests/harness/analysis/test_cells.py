import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.cells import agree_rounded, plain


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (None, None),
        (3, 3.0),
        (2.5, 2.5),
        ("3", 3.0),
        (" -2.50 ", -2.5),
        ("1,234.5", 1234.5),
        ("$1,000", 1000.0),
        ("45 %", 45.0),
        ("1e3", 1000.0),
        (b"3", 3.0),
        (2**53 + 1, "9007199254740993"),
        ("9,007,199,254,740,993", "9007199254740993"),
        ("+9007199254740993", "9007199254740993"),
        (b"\xff", "\ufffd"),
        ("1,23", "1,23"),
        ("", ""),
        ("$", "$"),
        ("-", "-"),
        ("e5", "e5"),
        ("  Two   Words\n", "two words"),
        ("2019-01-05", "2019-01-05"),
        ("2019/1/5", "2019-01-05"),
        ("2019-01-05 00:00:00", "2019-01-05"),
        ("2019-01-05T00:00:00.000", "2019-01-05"),
        ("1/5/2019", "2019-01-05"),
        ("2019-01-05 10:30:00", "2019-01-05 10:30:00"),
    ],
)
def test_a_cell_loses_its_format(cell, value):
    assert plain(cell) == value


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        ([3.14159], [3.14], True),
        ([44.31486880466473], [44.315], True),
        ([0.125], [0.13], True),
        ([-0.125], [-0.13], True),
        ([2.675], [2.68], True),
        ([0.0476], [0.05], True),
        ([50.3], [50.0], True),
        ([5.3], [5.0], False),
        ([0.54], [0.5], False),
        ([1.0, 2.346], [1.0, 2.35], True),
        ([1.0, 2.346], [1.0, 2.36], False),
        ([None, "a"], [None, "a"], True),
        ([1e300], [1e300], True),
        ([float("inf")], [1.5], False),
    ],
)
def test_numbers_agree_once_rounded_to_the_coarser_column(first, second, agree):
    left, right = agree_rounded(first, second)
    assert (left == right) is agree
    right, left = agree_rounded(second, first)
    assert (left == right) is agree


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.integers(2, 6))
def test_a_rounded_column_agrees_with_its_original(column, digits):
    rounded = [float(f"{cell:.{digits}f}") for cell in column]
    left, right = agree_rounded(column, rounded)
    assert all(abs(one - other) <= 1.01 * 10**-digits for one, other in zip(left, right, strict=True))


@given(st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary())
def test_any_cell_has_a_plain_form_and_keeps_it(cell):
    once = plain(cell)
    assert plain(once) == once
