"""pass@k."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics import pass_at


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_it_is_the_share_of_all_choices_of_k_tries_that_hold_a_right_one(numbers):
    n, right, k = numbers
    choices = list(combinations([True] * right + [False] * (n - right), k))
    assert pass_at(k, right, n) == pytest.approx(sum(map(any, choices)) / len(choices))


def test_one_try_is_the_share_that_was_right_and_all_tries_need_one():
    assert pass_at(1, 3, 8) == pytest.approx(3 / 8)
    assert (pass_at(8, 0, 8), pass_at(8, 1, 8)) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "right", "n"), [(0, 1, 2), (3, 1, 2), (1, 3, 2), (1, -1, 2)])
def test_numbers_that_mean_nothing_are_refused(k, right, n):
    with pytest.raises(ValueError, match="means nothing"):
        pass_at(k, right, n)
