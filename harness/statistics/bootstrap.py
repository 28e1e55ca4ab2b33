"""Pairs of answers, resampled.

Resamples are drawn by numpy as `scipy.stats.bootstrap` draws them (the same seed gives the same digits), in blocks, so
that memory does not grow with their number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["RESAMPLES", "Interval", "PairedDifference", "difference_range", "paired_bootstrap", "resample_means"]

RESAMPLES = 10_000
FEW_FLIPS = 10
"""Below this many questions that differ, a bootstrap knows too few outcomes."""
ROUNDING = 1e-12
BLOCK_CELLS = 2_000_000
"""How many drawn numbers are held at once: 16 MB of them, and as much again of what they point at."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval and what it rests on; a bound that nothing limits is infinite.

    `clusters` counts the units that were resampled: databases, or questions where each stands for itself. `warning`
    is `""` or says why the interval deserves little trust.
    """

    low: float
    high: float
    clusters: int
    warning: str = ""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of the second minus mean of the first, as a fraction, its interval and the p-value that it is zero."""

    difference: float
    interval: Interval
    p_two_sided: float


def paired_bootstrap(
    first: Sequence[float],
    second: Sequence[float],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedDifference:
    """Return how much better the second system is on the same questions, each question standing for itself.

    The interval is the bootstrap's percentile interval; the p-value is the level at which such an interval would
    just reach zero, at least 1 / (resamples + 1). The order of the questions does not matter. Raises `ValueError` for
    sequences of different length. Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993),
    chapters 13 and 15.
    """
    differences = sorted(two - one for one, two in zip(first, second, strict=True))
    flips = sum(map(bool, differences))
    warning = f"only {flips} questions differ: trust the exact test" if flips < FEW_FLIPS else ""
    if not differences:
        return PairedDifference(0.0, Interval(*difference_range(first, second), 0, warning), 1.0)
    import numpy as np  # noqa: PLC0415 - only who resamples needs it

    drawn = resample_means(np.array(differences, dtype=float), None, resamples, seed)
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2])
    # What sums to zero on paper may miss it by a rounding error.
    tiny = ROUNDING * max(map(abs, differences))
    tail = min(np.count_nonzero(drawn <= tiny), np.count_nonzero(drawn >= -tiny))
    return PairedDifference(
        difference=math.fsum(differences) / len(differences),
        interval=Interval(float(low), float(high), len(differences), warning),
        p_two_sided=min(1.0, 2 * (int(tail) + 1) / (resamples + 1)),
    )


def difference_range(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return what a difference of such scores cannot leave: [-1, 1] for fractions, nothing for others."""
    fractions = all(0 <= value <= 1 for values in (first, second) for value in values)
    return (-1.0, 1.0) if fractions else (-math.inf, math.inf)


def resample_means(sums: Any, sizes: Any, resamples: int, seed: int) -> Any:
    """Return `resamples` means over units drawn with replacement, as an array of numpy.

    `sums` is an array with the total of each unit, `sizes` one with their numbers of questions, None for units of one.
    """
    import numpy as np  # noqa: PLC0415

    generator = np.random.default_rng(seed)
    units = len(sums)
    block = max(1, BLOCK_CELLS // units)
    means = np.empty(resamples)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        picks = generator.integers(0, units, (stop - start, units))
        weights = units if sizes is None else sizes[picks].sum(axis=1)
        means[start:stop] = sums[picks].sum(axis=1) / weights
    return means
