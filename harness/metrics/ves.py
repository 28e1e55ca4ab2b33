"""`ves`: BIRD's Valid Efficiency Score as it was first published.

Source: AlibabaResearch/DAMO-ConvAI, bird/llm/src/evaluation_ves.py. Its clock covers `execute` only, which for most
queries means up to the first row. Not the same as there: connections stay open, so that no run pays for reading the
schema. The score depends on the machine and its load; `efficiency` is the careful one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.execution import Executor
from harness.metrics.timing import Race, pair_ratios, score_race
from harness.types import Prediction, Score

__all__ = ["Ves", "time_ratio", "ves_score"]


def time_ratio(ratios: Sequence[float]) -> float:
    """Return the mean of the ratios t_gold / t_predicted after dropping those outside of mean ± 3σ (strict).

    Source: `clean_abnormal` and `iterated_execute_sql` of evaluation_ves.py, with numpy's mean and population σ. Where
    that drops everything, as with σ = 0 (all ratios equal, or only one), the official code divides by zero; here
    nothing is dropped then. Without ratios 0.0.
    """
    import numpy as np  # noqa: PLC0415 - 0.1 s that only timing pays for; its summation decides what is on the edge

    if not ratios:
        return 0.0
    mean, deviation = float(np.mean(ratios)), float(np.std(ratios))
    kept = [ratio for ratio in ratios if mean - 3 * deviation < ratio < mean + 3 * deviation]
    return _add_up(kept or ratios) / len(kept or ratios)


def ves_score(ratios: Sequence[float]) -> float:
    """Return the official score of a run: 100 · Σ√τ / N over its questions, τ = 0 for a wrong answer.

    Source: `compute_ves` of evaluation_ves.py. Raises `ZeroDivisionError` without questions.
    """
    return _add_up([math.sqrt(ratio) * 100 for ratio in ratios]) / len(ratios)


def _add_up(values: Sequence[float]) -> float:
    """Add from left to right, as the official code does; `sum` compensates from Python 3.12 on."""
    total = 0.0
    for value in values:
        total += value
    return total


@dataclass(frozen=True)
class Ves:
    """√τ as a fraction, so that 100 times the mean is the official score; 0.0 when EX is 0.

    `repeats` are cut short once they took `budget_s` seconds.
    """

    name: ClassVar[str] = "ves"
    needs_databases: ClassVar[bool] = True
    runs_sql: ClassVar[bool] = True
    repeats: int = 100
    budget_s: float = 60.0

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Time prediction and gold and return √τ; the reason gives τ, or what stood in the way."""
        return score_race(self.name, prediction, executor, self.repeats, self.budget_s, _judge)


def _judge(times: Race) -> tuple[float, str]:
    ratio = time_ratio(pair_ratios(times.gold_execute_s, times.predicted_execute_s))
    return math.sqrt(ratio), f"τ = {ratio:.3f} in {len(times.gold_execute_s)} repeats"
