import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap
from statsmodels.stats.weightstats import DescrStatsW

from harness.statistics import bootstrap as module
from harness.statistics import paired_bootstrap

CREDIT = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0])
PAIRS = st.lists(st.tuples(CREDIT, CREDIT), min_size=2, max_size=80).filter(
    lambda pairs: len({two - one for one, two in pairs}) > 1
)


def columns(pairs):
    return [one for one, _ in pairs], [two for _, two in pairs]


@settings(max_examples=40, deadline=None)
@given(PAIRS, st.floats(0.5, 0.99), st.integers(0, 2**32 - 1))
def test_interval_and_p_value_are_those_of_scipys_resamples(pairs, confidence, seed):
    first, second = columns(pairs)
    differences = np.sort(np.array(second) - np.array(first))
    expected = bootstrap(
        (differences,),
        np.mean,
        n_resamples=999,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    result = paired_bootstrap(first, second, confidence, resamples=999, seed=seed)
    low, high = expected.confidence_interval
    assert (result.interval.low, result.interval.high) == pytest.approx((low, high), abs=1e-12)
    drawn = expected.bootstrap_distribution.round(12)
    assert result.p_two_sided == min(1.0, 2 * (min((drawn <= 0).sum(), (drawn >= 0).sum()) + 1) / 1000)


@settings(max_examples=20, deadline=None)
@given(st.integers(15, 60), st.integers(15, 60), st.integers(0, 300))
def test_for_many_flips_the_p_value_is_that_of_statsmodels_t_test(wins, losses, ties):
    first = [0.0] * wins + [1.0] * losses + [1.0] * ties
    second = [1.0] * wins + [0.0] * losses + [1.0] * ties
    _, p, _ = DescrStatsW(np.array(second) - np.array(first)).ttest_mean(0)
    # One flip more or less is a step in p that the t-test does not take.
    step = 1 / np.sqrt(wins + losses)
    assert paired_bootstrap(first, second, resamples=4000).p_two_sided == pytest.approx(p, abs=step)


@settings(max_examples=30, deadline=None)
@given(PAIRS, st.randoms())
def test_the_order_of_the_questions_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert paired_bootstrap(*columns(pairs), resamples=200) == paired_bootstrap(*columns(shuffled), resamples=200)


def test_the_seed_decides_every_digit():
    first, second = [0.0, 1.0, 0.0, 0.0] * 30, [1.0, 0.0, 0.0, 0.0] * 30
    second[0] = 0.5
    assert paired_bootstrap(first, second, seed=1) == paired_bootstrap(first, second, seed=1)
    assert paired_bootstrap(first, second, seed=1) != paired_bootstrap(first, second, seed=2)


def test_blocks_bound_the_memory_and_leave_the_digits(monkeypatch):
    first, second = [0.0, 1.0, 0.0] * 40, [1.0, 1.0, 0.0] * 40
    whole = paired_bootstrap(first, second, resamples=1000)
    monkeypatch.setattr(module, "BLOCK_CELLS", 1000)
    drawn, sizes = np.random.default_rng, []

    class Recorder:
        def __init__(self, seed):
            self.generator = drawn(seed)

        def integers(self, low, high, shape):
            sizes.append(shape[0] * shape[1])
            return self.generator.integers(low, high, shape)

    monkeypatch.setattr(np.random, "default_rng", Recorder)
    assert paired_bootstrap(first, second, resamples=1000) == whole
    assert len(sizes) == 125
    assert max(sizes) <= 1000


def test_identical_systems_do_not_differ():
    result = paired_bootstrap([1.0, 0.0] * 20, [1.0, 0.0] * 20)
    assert (result.difference, result.interval.low, result.interval.high, result.p_two_sided) == (0.0, 0.0, 0.0, 1.0)


def test_few_flips_are_warned_of():
    first = [0.0] * 20
    assert "only 9 questions differ" in paired_bootstrap(first, [1.0] * 9 + [0.0] * 11).interval.warning
    assert paired_bootstrap(first, [1.0] * 10 + [0.0] * 10).interval.warning == ""


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_p_value_is_never_smaller_than_the_resamples_can_tell(ahead):
    answers = [[0.0] * 50, [1.0] * 50]
    result = paired_bootstrap(answers[1 - ahead], answers[ahead], resamples=999)
    assert result.p_two_sided == 2 / 1000
    assert result.difference == (1.0 if ahead else -1.0)


def test_no_question_says_nothing():
    result = paired_bootstrap([], [])
    assert (result.difference, result.interval.low, result.interval.high, result.p_two_sided) == (0.0, -1.0, 1.0, 1.0)


def test_sequences_of_different_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        paired_bootstrap([1.0, 0.0], [1.0])
