import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from harness.statistics import wilson

COUNTS = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CREDITS = st.lists(st.floats(0, 1), min_size=1, max_size=50)


@given(COUNTS, st.floats(0.5, 0.999))
def test_wilson_equals_scipy(counts, confidence):
    successes, n = counts
    expected = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    assert wilson(successes, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(CREDITS, st.floats(0.5, 0.999))
def test_wilson_of_partial_credits_equals_statsmodels(values, confidence):
    total, n = math.fsum(values), len(values)
    expected = proportion_confint(total, n, alpha=1 - confidence, method="wilson")
    assert wilson(total, n, confidence) == pytest.approx(expected, abs=1e-9)


def test_wilson_knows_nothing_of_no_question():
    assert wilson(0, 0) == (0.0, 1.0)


@given(CREDITS)
def test_wilson_of_partial_credits_holds_their_mean_and_stays_within_zero_and_one(values):
    total = math.fsum(values)
    low, high = wilson(total, len(values))
    assert 0 <= low <= total / len(values) + 1e-12
    assert total / len(values) - 1e-12 <= high <= 1
