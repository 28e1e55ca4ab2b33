import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.statistics import detectable_difference, holm, mcnemar, wilson

BOOLEANS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_equals_scipy(counts, confidence):
    successes, n = counts
    expected = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    assert wilson(successes, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_knows_nothing_of_no_question():
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_wilson_of_partial_credits_holds_their_mean_and_stays_within_zero_and_one(values):
    total = math.fsum(values)
    low, high = wilson(total, len(values))
    assert 0 <= low <= total / len(values) + 1e-12
    assert total / len(values) - 1e-12 <= high <= 1


@given(BOOLEANS)
def test_mcnemar_equals_scipys_binomial_test_on_the_discordant_pairs(pairs):
    first, second = [one for one, _ in pairs], [two for _, two in pairs]
    result = mcnemar(first, second)
    wins = sum(not one and two for one, two in pairs)
    losses = sum(one and not two for one, two in pairs)
    assert (result.wins, result.losses, result.n) == (wins, losses, len(pairs))
    if wins + losses:
        assert result.p_two_sided == pytest.approx(binomtest(losses, wins + losses).pvalue)
        drop = binomtest(losses, wins + losses, alternative="greater").pvalue
        assert result.p_one_sided_drop == pytest.approx(drop)


def test_mcnemar_sees_no_difference_without_discordant_pairs():
    result = mcnemar([True, False], [True, False])
    assert (result.p_two_sided, result.p_one_sided_drop, result.ties) == (1.0, 1.0, 2)


@given(BOOLEANS)
def test_mcnemar_two_sided_does_not_care_which_system_comes_first(pairs):
    first, second = [one for one, _ in pairs], [two for _, two in pairs]
    assert mcnemar(first, second).p_two_sided == mcnemar(second, first).p_two_sided


def test_mcnemar_of_fractions_is_the_sign_test():
    result = mcnemar([0.5, 0.2, 0.9, 1.0], [0.4, 0.1, 0.8, 1.0])
    assert (result.wins, result.losses, result.ties) == (0, 3, 1)
    assert result.p_one_sided_drop == pytest.approx(1 / 8)


def test_mcnemar_refuses_sequences_of_different_length():
    with pytest.raises(ValueError, match="shorter"):
        mcnemar([1.0, 0.0], [1.0])


def test_mcnemar_of_thousands_of_discordant_pairs_is_exact():
    first, second = [1.0] * 2600 + [0.0] * 2400, [0.0] * 2600 + [1.0] * 2400
    assert mcnemar(first, second).p_two_sided == pytest.approx(binomtest(2600, 5000).pvalue)


@pytest.mark.parametrize(("n", "points"), [(500, 4.7), (1534, 2.7)])
def test_the_detectable_difference_at_14_percent_discordance_is_the_published_one(n, points):
    assert round(100 * detectable_difference(n, 0.14), 1) == points


def test_more_questions_detect_smaller_differences():
    assert detectable_difference(0, 0.14) == 1.0
    assert detectable_difference(1000, 0.14) < detectable_difference(100, 0.14) < detectable_difference(10, 0.14)


def test_holm_corrects_the_example_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_p_values_and_keeps_their_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= new <= 1 for p, new in zip(p_values, adjusted, strict=True))
    in_order = [adjusted[index] for index in sorted(range(len(p_values)), key=lambda one: p_values[one])]
    assert in_order == sorted(in_order)
