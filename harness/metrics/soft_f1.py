"""`soft_f1`: BIRD mini-dev's Soft-F1, arithmetic and all.

Source: bird-bench/mini_dev, evaluation/evaluation_f1.py. Their README gives 0.8 for an example for which their code
computes 0.667; the code is followed. What it does not notice is repeated too: rows are compared by their
place, so one row too many at the top spoils all that follow, and a cell counts as found wherever it stands in the
gold's row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.metrics.judging import EMPTY_MATCH, executions
from harness.types import Prediction, Row, Score

__all__ = ["SoftF1", "compute_soft_f1"]


@dataclass(frozen=True)
class SoftF1:
    """F1 of the cells that prediction and gold share, row by row; with several golds, the best."""

    name: ClassVar[str] = "soft_f1"
    needs_databases: ClassVar[bool] = True

    def score(self, prediction: Prediction) -> Score:
        """Return the official F1, between 0 and 1; 0.0 for anything that fails, the gold included, as officially."""
        predicted, golds = executions(self.name, prediction)
        judges = [gold for gold in golds if gold.ok]
        if not judges:
            return Score(self.name, 0.0, f"gold failed: {golds[0].error}")
        if not predicted.ok:
            return Score(self.name, 0.0, f"{predicted.status}: {predicted.error}")
        value = max(compute_soft_f1(predicted.rows, gold.rows) for gold in judges)
        both_empty = not predicted.rows and any(not gold.rows for gold in judges)
        return Score(self.name, value, EMPTY_MATCH if both_empty else "")


def compute_soft_f1(predicted: Sequence[Row], gold: Sequence[Row]) -> float:
    """Return the official F1 of two results.

    Duplicate rows are dropped, row i is paired with row i. A pair adds, each divided by the number of the gold's
    columns, the predicted cells found in the gold's row to tp, those not found to fp, and the gold's cells not
    found in the predicted row to fn; a missing row adds 1 to fn, an extra one 1 to fp.
    """
    if not predicted and not gold:
        return 1.0
    ours, theirs = list(dict.fromkeys(predicted)), list(dict.fromkeys(gold))
    tp = fp = fn = 0.0
    # Added up in this order and one by one: `sum` rounds otherwise from Python 3.12 on.
    for ours_row, theirs_row in zip(ours, theirs, strict=False):
        columns, ours_cells, theirs_cells = len(theirs_row), frozenset(ours_row), frozenset(theirs_row)
        found = sum(cell in theirs_cells for cell in ours_row)
        tp += found / columns
        fp += (len(ours_row) - found) / columns
        fn += sum(cell not in ours_cells for cell in theirs_row) / columns
    for _ in range(len(theirs) - len(ours)):
        fn += 1
    for _ in range(len(ours) - len(theirs)):
        fp += 1
    precision = tp / (tp + fp) if tp + fp > 0 else 0
    recall = tp / (tp + fn) if tp + fn > 0 else 0
    return float(2 * precision * recall / (precision + recall)) if precision + recall > 0 else 0.0
