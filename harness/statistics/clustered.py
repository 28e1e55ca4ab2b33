"""Questions of one database stand or fall together: intervals from resampling whole databases.

Percentile intervals of so few units cover far less than they say (80 % instead of 95 % at four databases), so the
bootstrap gives the standard error here, and Student's distribution the quantile; `docs/statistics.md` has the
measurements.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.statistics.bootstrap import RESAMPLES, Interval, PairedDifference, difference_range, resample_means
from harness.statistics.rates import score_interval

__all__ = ["FEW_CLUSTERS", "clustered_difference", "clustered_interval"]

FEW_CLUSTERS = 20
"""Below this many clusters, how much they differ is itself hardly known."""


@dataclass(frozen=True, slots=True)
class _Clusters:
    """What resampling needs of each cluster, in the order of their names, so that the questions' order is no matter."""

    sums: tuple[float, ...]
    sizes: tuple[int, ...]

    @property
    def mean(self) -> float:
        return math.fsum(self.sums) / sum(self.sizes) if self.sizes else 0.0

    @property
    def warning(self) -> str:
        count = len(self.sizes)
        if count < 2:  # noqa: PLR2004
            return f"{count} cluster{'' if count else 's'}: nothing shows how much clusters differ"
        return f"only {count} clusters: below {FEW_CLUSTERS}, a rough interval" if count < FEW_CLUSTERS else ""


def clustered_interval(
    values: Sequence[float],
    clusters: Sequence[str],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return an interval of the mean of `values` that allows for questions of one cluster resembling each other.

    `clusters[i]` names the database of question i. Whole databases are resampled; the spread of the resampled means,
    times sqrt(k / (k - 1)) for k clusters, is the standard error. It tells how many independent questions the n real
    ones are worth, n at most; that number goes into Wilson's formula with Student's quantile of k - 1 degrees of
    freedom, so that the interval is never narrower than Wilson's. Values outside [0, 1] get mean ± quantile × error.
    Fewer than two clusters bound nothing. Raises `ValueError` for sequences of different length. Sources:
    T. Hesterberg, The American Statistician 69 (2015); N. Dean and M. Pagano, Journal of Survey Statistics and
    Methodology 3 (2015).
    """
    found = _group(values, clusters)
    count = len(found.sizes)
    fractions = all(0 <= value <= 1 for value in values)
    if count < 2:  # noqa: PLR2004 - one cluster does not show how clusters differ
        bounds = (0.0, 1.0) if fractions else (-math.inf, math.inf)
    elif fractions:
        effective = _effective_questions(found, _standard_error(found, resamples, seed))
        bounds = score_interval(min(1.0, found.mean), effective, _quantile(count, confidence))
    else:
        half = _quantile(count, confidence) * _standard_error(found, resamples, seed)
        bounds = (found.mean - half, found.mean + half)
    return Interval(*bounds, count, found.warning)


def _effective_questions(found: _Clusters, error: float) -> float:
    """Return how many independent questions would give this error; few clusters may look alike by luck, hence n."""
    n = sum(found.sizes)
    variance = found.mean * (1 - found.mean)
    return n if variance >= n * error**2 else variance / error**2


def clustered_difference(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[str],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedDifference:
    """Return how much better the second system is, allowing for questions of one database resembling each other.

    As `clustered_interval`, for differences: mean ± Student's quantile × the standard error of resampled databases, or
    of questions where that is larger; the p-value is Student's, at least 1 / (resamples + 1), and 1.0 for fewer than
    two clusters. Raises `ValueError` for sequences of different length.
    """
    differences = [two - one for one, two in zip(first, second, strict=True)]
    found = _group(differences, clusters)
    count = len(found.sizes)
    low, high = difference_range(first, second)
    if count < 2:  # noqa: PLR2004
        return PairedDifference(found.mean, Interval(low, high, count, found.warning), 1.0)
    error = max(_standard_error(found, resamples, seed), _error_of_questions(differences, found.mean))
    half = _quantile(count, confidence) * error
    bounds = max(low, found.mean - half), min(high, found.mean + half)
    p = max(_student_p(found.mean, error, count), 1 / (resamples + 1))
    return PairedDifference(found.mean, Interval(*bounds, count, found.warning), p)


def _group(values: Sequence[float], clusters: Sequence[str]) -> _Clusters:
    members: dict[str, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(value)
    groups = [members[name] for name in sorted(members)]
    return _Clusters(tuple(math.fsum(group) for group in groups), tuple(len(group) for group in groups))


def _standard_error(found: _Clusters, resamples: int, seed: int) -> float:
    import numpy as np  # noqa: PLC0415 - only who resamples needs it

    count = len(found.sizes)
    drawn = resample_means(np.array(found.sums), np.array(found.sizes, dtype=float), resamples, seed)
    # Resampled clusters vary by (k - 1) / k too little, as any sample's variance with divisor k does.
    return float(drawn.std(ddof=1)) * math.sqrt(count / (count - 1))


def _error_of_questions(values: Sequence[float], mean: float) -> float:
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def _quantile(clusters: int, confidence: float) -> float:
    from scipy.stats import t  # noqa: PLC0415 - a second of start-up that only a test needs

    return float(t.ppf(0.5 + confidence / 2, clusters - 1))


def _student_p(mean: float, error: float, clusters: int) -> float:
    from scipy.stats import t  # noqa: PLC0415

    if error == 0:
        return float(mean == 0)
    return 2 * float(t.sf(abs(mean) / error, clusters - 1))
