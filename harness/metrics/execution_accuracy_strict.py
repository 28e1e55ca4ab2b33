"""`execution_accuracy_strict`: the gold's bag of rows, typed, in an order that the gold allows."""

from dataclasses import dataclass
from typing import ClassVar

from harness.analysis.verdicts import judge_strict
from harness.execution import Executor
from harness.metrics.judging import executions, score_verdicts
from harness.types import Prediction, Score

__all__ = ["ExecutionAccuracyStrict"]


@dataclass(frozen=True)
class ExecutionAccuracyStrict:
    """1.0 when the rows are the gold's, ties of its ORDER BY and LIMIT aside; see `harness.analysis.verdicts`."""

    name: ClassVar[str] = "execution_accuracy_strict"
    needs_databases: ClassVar[bool] = True
    runs_sql: ClassVar[bool] = True

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Return the strict verdict, `None` when all golds failed; the reason begins with the cause."""
        predicted, _ = executions(self.name, prediction)
        db_id = prediction.example.db_id
        return score_verdicts(
            self.name,
            prediction,
            lambda sql, gold: judge_strict(sql, gold, predicted, lambda query: executor.execute(db_id, query)),
        )
