"""`r_ves`: BIRD mini-dev's Reward-based Valid Efficiency Score.

Source: bird-bench/mini_dev, evaluation/evaluation_ves.py. τ is that of `ves`, but the clock covers execute and fetch.
Not the same as there: connections stay open. A gold against itself has a τ around 1, so that its reward is 0.75 or 1 by
chance; `efficiency` is the careful one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.execution import Executor
from harness.metrics.timing import Race, pair_ratios, score_race
from harness.metrics.ves import time_ratio, ves_score
from harness.types import Prediction, Score

__all__ = ["RVes", "r_ves_reward", "r_ves_score"]

_REWARDS = ((2.0, 1.25), (1.0, 1.0), (0.5, 0.75), (0.25, 0.5))
_LEAST_REWARD = 0.25


def r_ves_reward(ratio: float) -> float:
    """Return the reward for τ = t_gold / t_predicted: 0 for τ = 0, else 0.25 to 1.25 in five steps."""
    if ratio == 0:
        return 0.0
    return next((reward for least, reward in _REWARDS if ratio >= least), _LEAST_REWARD)


def r_ves_score(rewards: Sequence[float]) -> float:
    """Return the official score of a run: 100 · Σ√reward / N over its questions.

    Source: `compute_ves` of evaluation_ves.py. Raises `ZeroDivisionError` without questions.
    """
    return ves_score(rewards)


@dataclass(frozen=True)
class RVes:
    """√reward as a fraction, so that 100 times the mean is the official score; 0.0 when EX is 0.

    `repeats` are cut short once they took `budget_s` seconds.
    """

    name: ClassVar[str] = "r_ves"
    needs_databases: ClassVar[bool] = True
    runs_sql: ClassVar[bool] = True
    repeats: int = 100
    budget_s: float = 60.0

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Time prediction and gold and return √reward; the reason gives τ, or what stood in the way."""
        return score_race(self.name, prediction, executor, self.repeats, self.budget_s, _judge)


def _judge(times: Race) -> tuple[float, str]:
    ratio = time_ratio(pair_ratios(times.gold_total_s, times.predicted_total_s))
    reward = r_ves_reward(ratio)
    return math.sqrt(reward), f"reward {reward:g} for τ = {ratio:.3f} in {len(times.gold_total_s)} repeats"
