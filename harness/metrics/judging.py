"""What the verdicts on one prediction have in common: who may judge, what is a fault, which of several golds counts."""

from collections.abc import Callable, Iterator

from harness.analysis.verdicts import Verdict, is_empty_match
from harness.types import Execution, Prediction, Score

__all__ = ["CAUSES_IN_WORDS", "EMPTY_MATCH", "executions", "score_verdicts"]

CAUSES_IN_WORDS = {
    "duplicates": "the gold's rows, each another number of times",
    "order": "the gold's rows, in an order that its ORDER BY excludes",
    "type": "equal only when text counts as its number",
    "columns": "another number or order of columns",
    "float": "equal only within the tolerance",
    "empty": "one of the two has no row",
    "rows": "other rows than the gold's",
}
EMPTY_MATCH = "empty: neither the prediction nor the gold has a row"
"""The reason of a right answer that says little."""


def executions(metric: str, prediction: Prediction) -> tuple[Execution, tuple[Execution, ...]]:
    """Return the prediction's execution and the golds'; they are there because the metric says that it needs them."""
    if prediction.execution is None or prediction.golds is None:
        raise AssertionError(f"{metric} needs executions; the pipeline provides them")
    return prediction.execution, prediction.golds


def score_verdicts(metric: str, prediction: Prediction, judge: Callable[[str, Execution], Verdict]) -> Score:
    """Return 1.0 when `judge` finds the prediction equal to any gold, given its SQL and result.

    0.0 for every fault of the model, `None` when all golds failed; a wrong answer's reason begins with the cause.
    """
    predicted, golds = executions(metric, prediction)
    judges = [(sql, gold) for sql, gold in zip(prediction.example.golds, golds, strict=True) if gold.ok]
    if not judges:
        return Score(metric, None, f"gold failed: {golds[0].error}")
    if not predicted.ok:
        return Score(metric, 0.0, f"{predicted.status}: {predicted.error}")
    first = None
    for gold, verdict in _judge_all(judges, judge):
        if verdict.equal:
            return Score(metric, 1.0, EMPTY_MATCH if is_empty_match(gold, predicted) else verdict.note)
        first = first or verdict
    assert first is not None
    words = f"{first.cause}: {CAUSES_IN_WORDS[first.cause]} ({len(predicted.rows)} for {len(judges[0][1].rows)} rows)"
    return Score(metric, 0.0, f"{words}; {first.note}" if first.note else words)


def _judge_all(
    judges: list[tuple[str, Execution]], judge: Callable[[str, Execution], Verdict]
) -> Iterator[tuple[Execution, Verdict]]:
    for sql, gold in judges:
        yield gold, judge(sql, gold)
