"""Two systems on the same questions: the exact test, its correction for several tests, what n can detect.

Holm's correction is ours because scipy has none (`false_discovery_control` controls another error), and so is the
detectable difference; the exact test is scipy's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

__all__ = ["PairedTest", "detectable_difference", "holm", "mcnemar"]


@dataclass(frozen=True, slots=True)
class PairedTest:
    """How a second system compares with a first one, question by question.

    `wins` counts the questions on which the second is better, `losses` those on which it is worse, `ties` the
    rest. `p_two_sided` asks whether they differ at all, `p_one_sided_drop` whether the second is worse and
    `p_one_sided_gain` whether it is better.
    """

    wins: int
    losses: int
    ties: int
    p_two_sided: float
    p_one_sided_drop: float
    p_one_sided_gain: float

    @property
    def n(self) -> int:
        """How many questions were compared."""
        return self.wins + self.losses + self.ties

    @property
    def discordance(self) -> float:
        """The share of questions on which the two differ; 0.0 for no question."""
        return (self.wins + self.losses) / self.n if self.n else 0.0


def mcnemar(first: Sequence[float], second: Sequence[float]) -> PairedTest:
    """Compare two systems on the same questions with McNemar's exact test.

    `first[i]` and `second[i]` are the scores of question i, booleans or fractions; for fractions this is the
    sign test, which McNemar's is a case of. Every p-value is 1.0 where no question tells the two apart. Raises
    `ValueError` for sequences of different length. Source: Q. McNemar, Psychometrika 12 (1947), with the exact
    binomial distribution of `scipy.stats.binomtest`.
    """
    pairs = list(zip(first, second, strict=True))
    wins = sum(one < other for one, other in pairs)
    losses = sum(one > other for one, other in pairs)
    return PairedTest(
        wins=wins,
        losses=losses,
        ties=len(pairs) - wins - losses,
        p_two_sided=_fair_coin(losses, wins + losses, "two-sided"),
        p_one_sided_drop=_fair_coin(losses, wins + losses, "greater"),
        p_one_sided_gain=_fair_coin(losses, wins + losses, "less"),
    )


def _fair_coin(heads: int, tosses: int, alternative: str) -> float:
    if not tosses:
        return 1.0
    from scipy.stats import binomtest  # noqa: PLC0415 - a second of start-up that only a test needs

    return min(1.0, float(binomtest(heads, tosses, 0.5, alternative=alternative).pvalue))


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
