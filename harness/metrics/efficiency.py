"""`efficiency`: how many times as fast as the gold, where noise cannot explain it; else exactly 1.0.

Prediction and gold take turns in one process on one CPU, so that load meets both alike. The median of the paired log
ratios comes with an interval from order statistics (the inverted sign test: no assumption on the noise but that
repeats are independent); a dead band around 1 absorbs what is systematic and small. The steps of SQLite's virtual
machine stand beside it, the same for one SQLite version and file, whatever the machine does: equal steps are equal
work. Not covered: functions that take longer than others for the same number of steps, and answers that are fast
because they hold the result as a constant; `ceiling` bounds what those can win.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from harness.execution import Executor
from harness.metrics.execution_accuracy import ExecutionAccuracy
from harness.metrics.timing import Race, find_right_gold, pair_ratios, race
from harness.types import Prediction, Score

__all__ = ["Efficiency", "median_interval"]

_CONFIDENCE = 0.95


def median_interval(values: Sequence[float], confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """Return the narrowest pair of order statistics that covers the median with at least `confidence`.

    Source: the sign test inverted (Conover, Practical Nonparametric Statistics, 3.2). Infinite where there are too few
    values: at 95 % that is fewer than 6.
    """
    ordered, count = sorted(values), len(values)
    tail, skipped = 0, -1  # the tails up to `skipped` values on either side are improbable enough
    while 2 * (tail + math.comb(count, skipped + 1)) / 2**count <= 1 - confidence:
        skipped += 1
        tail += math.comb(count, skipped)
    if skipped < 0:
        return -math.inf, math.inf
    return ordered[skipped], ordered[count - 1 - skipped]


@dataclass(frozen=True)
class Efficiency:
    """The median ratio t_gold / t_predicted, execute and fetch together; above 1 the prediction is faster.

    Exactly 1.0 where the 95 % interval of the ratio reaches into 1 ± `dead_band`, where both took the same number of
    VM steps, or where the medians differ by less than `floor_s`, which is what reading a longer text costs. At most
    `ceiling`. `repeats` are cut short once they took `budget_s` seconds; fewer than 6 have no interval, and the range
    of their ratios stands in, so that nobody is taken for fast by being too slow to be timed often.
    """

    name: ClassVar[str] = "efficiency"
    needs_databases: ClassVar[bool] = True
    runs_sql: ClassVar[bool] = True
    repeats: int = 25
    dead_band: float = 0.1
    floor_s: float = 2e-5
    ceiling: float = 2.0
    budget_s: float = 20.0

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Return 0.0 for what is officially wrong or fails when it is timed, `None` where the gold fails."""
        gold_sql = find_right_gold(prediction)
        if gold_sql is None:
            why = ExecutionAccuracy().score(prediction).reason
            return Score(self.name, 0.0 if any(gold.ok for gold in prediction.golds or ()) else None, why)
        if (prediction.extraction.sql or "").strip() == gold_sql.strip():
            return Score(self.name, 1.0, "the gold's own text")
        times = race(prediction, gold_sql, executor, self.repeats, self.budget_s)
        if times.error:
            alone = executor.measure(prediction.example.db_id, (gold_sql,), 1, self.budget_s)
            return Score(self.name, 0.0 if alone.ok else None, times.error)
        return self.judge(times)

    def judge(self, times: Race) -> Score:
        """Return the verdict on a race that was run; the reason has ratio, interval and VM steps."""
        logs = [math.log(ratio) for ratio in pair_ratios(times.gold_total_s, times.predicted_total_s)]
        low, high = median_interval(logs)
        if math.isinf(low):
            low, high = min(logs), max(logs)
        edge = math.log1p(self.dead_band)
        difference_s = abs(median(times.gold_total_s) - median(times.predicted_total_s))
        ratio = math.exp(median(logs))
        same_steps = times.predicted_steps is not None and times.predicted_steps == times.gold_steps
        same = same_steps or (low <= edge and high >= -edge) or difference_s < self.floor_s
        reason = (
            f"{'no difference: ' if same else ''}ratio {ratio:.2f} ({math.exp(low):.2f} to {math.exp(high):.2f}) in "
            f"{len(logs)} repeats; VM steps {_count(times.predicted_steps)}, gold {_count(times.gold_steps)}"
        )
        return Score(self.name, 1.0 if same else min(ratio, self.ceiling), reason)


def _count(steps: int | None) -> str:
    return "too many" if steps is None else f"{steps:,}"
