import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower

from harness.statistics import detectable_difference, holm, mcnemar

BOOLEANS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)
COUNT = st.integers(0, 400)


def answers(both, first_only, second_only, neither):
    """Return the verdicts of two systems with these counts."""
    pairs = [(1.0, 1.0)] * both + [(1.0, 0.0)] * first_only + [(0.0, 1.0)] * second_only + [(0.0, 0.0)] * neither
    return [one for one, _ in pairs], [two for _, two in pairs]


@given(COUNT, COUNT, COUNT, COUNT)
def test_mcnemar_equals_statsmodels_and_scipy(both, first_only, second_only, neither):
    result = mcnemar(*answers(both, first_only, second_only, neither))
    expected = statsmodels_mcnemar([[both, first_only], [second_only, neither]], exact=True)
    assert (result.wins, result.losses, result.ties) == (second_only, first_only, both + neither)
    if first_only + second_only:
        assert result.p_two_sided == pytest.approx(min(1.0, expected.pvalue), rel=1e-9)
        for p, alternative in ((result.p_one_sided_drop, "greater"), (result.p_one_sided_gain, "less")):
            assert p == binomtest(first_only, first_only + second_only, alternative=alternative).pvalue


def test_mcnemar_sees_no_difference_without_discordant_pairs():
    result = mcnemar([True, False], [True, False])
    assert (result.p_two_sided, result.p_one_sided_drop, result.p_one_sided_gain, result.ties) == (1.0, 1.0, 1.0, 2)


@given(BOOLEANS)
def test_mcnemar_two_sided_does_not_care_which_system_comes_first(pairs):
    first, second = [one for one, _ in pairs], [two for _, two in pairs]
    there, back = mcnemar(first, second), mcnemar(second, first)
    assert there.p_two_sided == pytest.approx(back.p_two_sided, rel=1e-12)
    assert there.p_one_sided_drop == pytest.approx(back.p_one_sided_gain, rel=1e-12)


def test_mcnemar_of_fractions_is_the_sign_test():
    result = mcnemar([0.5, 0.2, 0.9, 1.0], [0.4, 0.1, 0.8, 1.0])
    assert (result.wins, result.losses, result.ties) == (0, 3, 1)
    assert result.p_one_sided_drop == pytest.approx(1 / 8)


def test_mcnemar_refuses_sequences_of_different_length():
    with pytest.raises(ValueError, match="shorter"):
        mcnemar([1.0, 0.0], [1.0])


def test_mcnemar_of_thousands_of_discordant_pairs_is_exact():
    tail = sum(math.comb(5000, heads) for heads in range(2600, 5001))
    assert mcnemar(*answers(0, 2600, 2400, 0)).p_two_sided == pytest.approx(float(2 * tail / 2**5000), rel=1e-9)


@pytest.mark.parametrize(("n", "points"), [(500, 4.7), (1534, 2.7)])
def test_the_detectable_difference_at_14_percent_discordance_is_the_published_one(n, points):
    assert round(100 * detectable_difference(n, 0.14), 1) == points


@given(st.integers(20, 5000), st.floats(0.02, 0.5), st.floats(0.8, 0.99), st.floats(0.6, 0.95))
def test_the_detectable_difference_is_found_with_the_power_that_statsmodels_computes(n, discordance, confidence, power):
    difference = detectable_difference(n, discordance, confidence, power)
    if difference < 1:
        effect = difference / math.sqrt(discordance)
        # Half the level, one-sided: a significant difference in the wrong direction is no discovery.
        found = NormalIndPower().power(effect, n, (1 - confidence) / 2, ratio=0, alternative="larger")
        assert found == pytest.approx(power, abs=1e-9)


def test_more_questions_detect_smaller_differences():
    assert detectable_difference(0, 0.14) == 1.0
    assert detectable_difference(1000, 0.14) < detectable_difference(100, 0.14) < detectable_difference(10, 0.14)


def test_holm_corrects_the_example_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


@settings(max_examples=30, deadline=None)  # statsmodels takes 20 ms for each
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(tuple(multipletests(p_values, method="holm")[1]), abs=1e-12)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_p_values_and_keeps_their_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= new <= 1 for p, new in zip(p_values, adjusted, strict=True))
    in_order = [adjusted[index] for index in sorted(range(len(p_values)), key=lambda one: p_values[one])]
    assert in_order == sorted(in_order)
