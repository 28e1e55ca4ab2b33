"""How sure a number is: intervals of rates, paired tests of two systems, the difference that n can show.

Everything here is exact or in closed form, so that it needs no numerical library and gives the same digits
everywhere. Not covered: ratios of timings, see `harness.metrics`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

__all__ = ["PairedTest", "detectable_difference", "holm", "mcnemar", "wilson"]


@dataclass(frozen=True, slots=True)
class PairedTest:
    """How a second system compares with a first one, question by question.

    `wins` counts the questions on which the second is better, `losses` those on which it is worse, `ties` the
    rest. `p_two_sided` asks whether they differ at all, `p_one_sided_drop` whether the second is worse.
    """

    wins: int
    losses: int
    ties: int
    p_two_sided: float
    p_one_sided_drop: float

    @property
    def n(self) -> int:
        """How many questions were compared."""
        return self.wins + self.losses + self.ties

    @property
    def discordance(self) -> float:
        """The share of questions on which the two differ; 0.0 for no question."""
        return (self.wins + self.losses) / self.n if self.n else 0.0


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of the rate `successes / n`, as fractions; all of [0, 1] when n is 0.

    Fractional successes (a mean of partial credits) go into the same formula, which is then conservative: no
    variable within [0, 1] varies more than a coin of the same mean. Source: E. B. Wilson, JASA 22 (1927),
    without continuity correction.
    """
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def mcnemar(first: Sequence[float], second: Sequence[float]) -> PairedTest:
    """Compare two systems on the same questions with McNemar's exact test.

    `first[i]` and `second[i]` are the scores of question i, booleans or fractions; for fractions this is the
    sign test, which McNemar's is a case of. Both p-values are 1.0 where no question tells the two apart. Raises
    `ValueError` for sequences of different length. Source: Q. McNemar, Psychometrika 12 (1947), with the exact
    binomial distribution.
    """
    pairs = list(zip(first, second, strict=True))
    wins = sum(one < other for one, other in pairs)
    losses = sum(one > other for one, other in pairs)
    discordant = wins + losses
    return PairedTest(
        wins=wins,
        losses=losses,
        ties=len(pairs) - discordant,
        p_two_sided=min(1.0, 2 * _fair_coin_tail(max(wins, losses), discordant)),
        p_one_sided_drop=_fair_coin_tail(losses, discordant),
    )


def _fair_coin_tail(heads: int, tosses: int) -> float:
    """Return the probability of at least `heads` heads, by whole numbers until the last division."""
    ways = total = math.comb(tosses, heads)
    for count in range(heads, tosses):
        ways = ways * (tosses - count) // (count + 1)
        total += ways
    return float(total / 2**tosses)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values corrected for asking several questions at once, in the same order.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda one: p_values[one])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def detectable_difference(n: int, discordance: float, confidence: float = 0.95, power: float = 0.8) -> float:
    """Return the smallest difference of two rates, as a fraction, that a paired test of n questions can show.

    `discordance` is the share of questions on which exactly one system is right; `power` is the probability of
    noticing a difference of this size. 1.0 when n is 0. Source: the normal approximation to McNemar's test
    (J. Lachin, Statistics in Medicine 11 (1992)), variance as under no difference.
    """
    if n == 0:
        return 1.0
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2) + normal.inv_cdf(power)
    return min(1.0, z * math.sqrt(discordance / n))
