import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm, t
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.proportion import proportion_confint

from harness.statistics import clustered_difference, clustered_interval, wilson

CLUSTERED = st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefg")), min_size=4, max_size=80).filter(
    lambda pairs: len({name for _, name in pairs}) > 1 and 0 < sum(value for value, _ in pairs) < len(pairs)
)


def table(seed, clusters, spread, size=40):
    """Return scores in {0, 1} and the names of their clusters, whose rates differ by about `spread`."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(size // 2, size * 2, clusters)
    rates = np.clip(generator.normal(0.6, spread, clusters), 0.05, 0.95)
    values = [float(one) for rate, n in zip(rates, sizes, strict=True) for one in generator.random(n) < rate]
    return values, [f"db{index:03}" for index, n in enumerate(sizes) for _ in range(n)]


def scipys_error(values, clusters, resamples, seed):
    names = sorted(set(clusters))
    groups = [[value for value, cluster in zip(values, clusters, strict=True) if cluster == name] for name in names]
    drawn = bootstrap(
        (np.array([sum(group) for group in groups], dtype=float), np.array([len(group) for group in groups])),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return drawn.standard_error * math.sqrt(len(names) / (len(names) - 1))


@settings(max_examples=40, deadline=None)
# Above 95 %, Student's quantile for two clusters is no normal quantile that statsmodels could be asked for.
@given(CLUSTERED, st.floats(0.5, 0.95), st.integers(0, 2**32 - 1))
def test_the_interval_is_statsmodels_wilson_of_scipys_resampled_databases(pairs, confidence, seed):
    values, clusters = [float(value) for value, _ in pairs], [name for _, name in pairs]
    result = clustered_interval(values, clusters, confidence, resamples=300, seed=seed)
    error, n, mean = scipys_error(values, clusters, 300, seed), len(values), sum(values) / len(values)
    effective = min(n, mean * (1 - mean) / error**2) if error else n
    alpha = 2 * norm.sf(t.ppf(0.5 + confidence / 2, len(set(clusters)) - 1))
    expected = proportion_confint(mean * effective, effective, alpha=alpha, method="wilson")
    assert (result.low, result.high) == pytest.approx(expected, abs=1e-9)
    assert result.clusters == len(set(clusters))


@pytest.mark.parametrize(("clusters", "spread"), [(30, 0.2), (69, 0.15), (200, 0.1)])
@pytest.mark.parametrize("seed", range(4))
def test_a_clustered_difference_is_statsmodels_regression_with_cluster_robust_errors(clusters, spread, seed):
    first, names = table(seed, clusters, spread)
    flips = table(seed + 100, clusters, spread)[0]
    second = [one if keep else 1.0 - one for one, keep in zip(first, flips + [1.0] * len(first), strict=False)]
    result = clustered_difference(first, second, names, resamples=40_000)
    codes = np.unique(names, return_inverse=True)[1]
    differences = np.array(second) - np.array(first)
    fit = OLS(differences, np.ones(len(first))).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    low, high = fit.conf_int()[0]
    assert result.difference == pytest.approx(fit.params[0], abs=1e-12)
    assert result.interval.high - result.interval.low == pytest.approx(high - low, rel=0.03)
    assert result.p_two_sided == pytest.approx(max(fit.pvalues[0], 1 / 40_001), abs=0.01)


@settings(max_examples=40, deadline=None)
@given(CLUSTERED)
def test_the_interval_holds_wilsons_and_stays_within_zero_and_one(pairs):
    values, clusters = [float(value) for value, _ in pairs], [name for _, name in pairs]
    low, high = wilson(sum(values), len(values))
    result = clustered_interval(values, clusters, resamples=100)
    assert 0 <= result.low <= low + 1e-12
    assert high - 1e-12 <= result.high <= 1


@settings(max_examples=30, deadline=None)
@given(CLUSTERED, st.randoms())
def test_the_order_of_the_questions_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    split = [([float(value) for value, _ in some], [name for _, name in some]) for some in (pairs, shuffled)]
    assert clustered_interval(*split[0], resamples=100) == clustered_interval(*split[1], resamples=100)
    differences = [clustered_difference([0.0] * len(values), values, names, resamples=100) for values, names in split]
    assert differences[0] == differences[1]


def test_databases_that_differ_widen_the_interval():
    alike = clustered_interval([1.0, 0.0] * 200, [str(index // 20) for index in range(400)])
    unlike = clustered_interval([1.0] * 200 + [0.0] * 200, [str(index // 20) for index in range(400)])
    assert unlike.high - unlike.low > 3 * (alike.high - alike.low)


@pytest.mark.parametrize(
    ("clusters", "warning"), [(1, "nothing shows"), (4, "only 4 clusters"), (19, "only 19"), (20, "")]
)
def test_few_clusters_are_warned_of(clusters, warning):
    values, names = [1.0, 0.0] * clusters, [str(index // 2) for index in range(2 * clusters)]
    for interval in (
        clustered_interval(values, names, resamples=50),
        clustered_difference(values, values[::-1], names, resamples=50).interval,
    ):
        assert interval.clusters == clusters
        assert (warning in interval.warning) if warning else interval.warning == ""


def test_one_cluster_bounds_nothing():
    assert clustered_interval([1.0, 0.5], ["a", "a"]).low == 0.0
    assert clustered_interval([1.0, 1.5], ["a", "a"]).high == math.inf
    result = clustered_difference([0.0, 0.0], [1.0, 1.0], ["a", "a"])
    assert (result.difference, result.interval.low, result.interval.high, result.p_two_sided) == (1.0, -1.0, 1.0, 1.0)
    assert clustered_difference([], [], []).interval.clusters == 0


def test_databases_that_look_alike_by_luck_prove_no_more_than_their_questions():
    first, second = [0.0] * 40, ([1.0] + [0.0] * 9) * 4
    result = clustered_difference(first, second, [str(index // 10) for index in range(40)])
    assert result.interval.low < 0.1 < result.interval.high
    assert result.p_two_sided > 0.05


def test_systems_that_never_differ_do_not_differ():
    result = clustered_difference([1.0, 0.0] * 10, [1.0, 0.0] * 10, [str(index // 5) for index in range(20)])
    assert (result.difference, result.p_two_sided) == (0.0, 1.0)


def test_scores_that_pass_one_have_an_interval_too():
    values, names = [0.0, 1.3, 1.1, 0.9] * 30, [str(index // 10) for index in range(120)]
    interval = clustered_interval(values, names, resamples=20_000)
    fit = OLS(np.array(values), np.ones(120)).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(names, dtype=int)}, use_t=True
    )
    assert (interval.low, interval.high) == pytest.approx(tuple(fit.conf_int()[0]), rel=0.02)


def test_sequences_of_different_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        clustered_interval([1.0, 0.0], ["a"])
    with pytest.raises(ValueError, match="longer"):
        clustered_difference([1.0], [1.0], ["a", "b"])
