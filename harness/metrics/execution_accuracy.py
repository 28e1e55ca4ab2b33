"""`execution_accuracy`: BIRD's official EX, arithmetic and all.

Source: bird-bench/mini_dev, evaluation/evaluation_ex.py. A gold that fails gives 0.0 here, as it does there.
With several golds, agreeing with any of them is right.
"""

from dataclasses import dataclass
from typing import ClassVar

from harness.comparison import equal_official
from harness.metrics.judging import EMPTY_MATCH, executions
from harness.types import Prediction, Score

__all__ = ["ExecutionAccuracy"]


@dataclass(frozen=True)
class ExecutionAccuracy:
    """1.0 when prediction and gold return the same set of rows."""

    name: ClassVar[str] = "execution_accuracy"
    needs_databases: ClassVar[bool] = True

    def score(self, prediction: Prediction) -> Score:
        """Return the official verdict; the reason says what stood in the way, or that both results are empty."""
        predicted, golds = executions(self.name, prediction)
        judges = [gold for gold in golds if gold.ok]
        if not judges:
            return Score(self.name, 0.0, f"gold failed: {golds[0].error}")
        if not predicted.ok:
            return Score(self.name, 0.0, f"{predicted.status}: {predicted.error}")
        if any(equal_official(predicted.rows, gold.rows) for gold in judges):
            return Score(self.name, 1.0, "" if predicted.rows else EMPTY_MATCH)
        return Score(self.name, 0.0, f"{len(predicted.rows)} rows differ from the gold's {len(judges[0].rows)}")
