"""The interval of a rate.

A closed form of our own: scipy's `binomtest(…).proportion_ci` takes whole successes only, and every summary needs
this without the second that scipy takes to import.
"""

import math
from statistics import NormalDist

__all__ = ["score_interval", "wilson"]


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of the rate `successes / n`, as fractions; all of [0, 1] when n is 0.

    Fractional successes (a mean of partial credits) go into the same formula, which is then conservative: no
    variable within [0, 1] varies more than a coin of the same mean. Source: E. B. Wilson, JASA 22 (1927),
    without continuity correction.
    """
    if n == 0:
        return 0.0, 1.0
    low, high = score_interval(successes / n, n, NormalDist().inv_cdf(0.5 + confidence / 2))
    return 0.0 if successes == 0 else low, 1.0 if successes == n else high


def score_interval(rate: float, n: float, z: float) -> tuple[float, float]:
    """Return the rates that a score test with the quantile `z` does not tell from `rate`; n may be fractional."""
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
