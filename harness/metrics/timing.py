"""A race between a prediction and the gold that it equals: what `ves`, `r_ves` and `efficiency` have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.comparison import equal_official
from harness.execution import Executor
from harness.metrics.execution_accuracy import ExecutionAccuracy
from harness.types import Prediction, Score

__all__ = ["Race", "find_right_gold", "pair_ratios", "race", "score_race"]

_CLOCK_TICK_S = 1e-9
"""No statement takes less than the clock can tell, so that every ratio is a number."""


@dataclass(frozen=True, slots=True)
class Race:
    """The seconds of each repeat, without (`execute`) and with fetching rows (`total`), and the VM steps of both.

    Where `error` is not `""` a statement failed and the rest is empty.
    """

    error: str = ""
    predicted_execute_s: tuple[float, ...] = ()
    gold_execute_s: tuple[float, ...] = ()
    predicted_total_s: tuple[float, ...] = ()
    gold_total_s: tuple[float, ...] = ()
    predicted_steps: int | None = None
    gold_steps: int | None = None


def find_right_gold(prediction: Prediction) -> str | None:
    """Return the first gold SQL whose rows officially equal the prediction's, `None` when no gold's do."""
    predicted, golds = prediction.execution, prediction.golds
    if predicted is None or golds is None:
        raise AssertionError("timing needs executions; the pipeline provides them")
    for sql, gold in zip(prediction.example.golds, golds, strict=True):
        if gold.ok and predicted.ok and equal_official(predicted.rows, gold.rows):
            return sql
    return None


def race(prediction: Prediction, gold_sql: str, executor: Executor, repeats: int, budget_s: float) -> Race:
    """Let prediction and gold take turns, the prediction first as in the official code; raises like `measure`."""
    statements = (prediction.extraction.sql or "", gold_sql)
    measured = executor.measure(prediction.example.db_id, statements, repeats, budget_s)
    if not measured.ok:
        return Race(f"timing failed: {measured.status}: {measured.error}")
    executes, totals, steps = measured.execute_s, measured.total_s, measured.vm_steps
    return Race("", executes[0], executes[1], totals[0], totals[1], steps[0], steps[1])


def score_race(
    metric: str,
    prediction: Prediction,
    executor: Executor,
    repeats: int,
    budget_s: float,
    judge: Callable[[Race], tuple[float, str]],
) -> Score:
    """Race a prediction with the gold that it equals; `judge` turns the times into a value and its reason.

    0.0 for what is officially wrong, without a race, and for a race that fails.
    """
    gold_sql = find_right_gold(prediction)
    if gold_sql is None:
        return Score(metric, 0.0, ExecutionAccuracy().score(prediction).reason)
    times = race(prediction, gold_sql, executor, repeats, budget_s)
    value, reason = (0.0, times.error) if times.error else judge(times)
    return Score(metric, value, reason)


def pair_ratios(gold_s: Sequence[float], predicted_s: Sequence[float]) -> list[float]:
    """Return t_gold / t_predicted of each repeat: above 1 the prediction was faster."""
    return [
        max(gold, _CLOCK_TICK_S) / max(predicted, _CLOCK_TICK_S)
        for gold, predicted in zip(gold_s, predicted_s, strict=True)
    ]
