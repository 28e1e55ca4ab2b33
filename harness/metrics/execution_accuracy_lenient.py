"""`execution_accuracy_lenient`: the gold's rows up to the order of columns, a tolerance and numbers as text."""

from dataclasses import dataclass
from typing import ClassVar

from harness.analysis.verdicts import Verdict, judge_lenient, judge_strict
from harness.comparison import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE, Relaxation
from harness.errors import ConfigError
from harness.execution import Executor
from harness.metrics.judging import executions, score_verdicts
from harness.types import Execution, Prediction, Score

__all__ = ["ExecutionAccuracyLenient"]


@dataclass(frozen=True)
class ExecutionAccuracyLenient:
    """1.0 when the answer is strictly right, or its rows are the gold's up to what `Relaxation` forgives.

    The order of rows does not count, duplicates do. Numbers with a fraction are equal when they differ by no more than
    `relative_tolerance` of the larger one or by `absolute_tolerance`. Raises `ConfigError` for tolerances that are
    negative, and for a relative one of 1 or more, which would make everything equal.
    """

    relative_tolerance: float = RELATIVE_TOLERANCE
    absolute_tolerance: float = ABSOLUTE_TOLERANCE
    name: ClassVar[str] = "execution_accuracy_lenient"
    needs_databases: ClassVar[bool] = True
    runs_sql: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.relative_tolerance < 1:
            problems.append("relative_tolerance: must be at least 0 and below 1; 1e-6 is the default")
        if not 0 <= self.absolute_tolerance < float("inf"):
            problems.append("absolute_tolerance: must be a number of at least 0; 1e-9 is the default")
        if problems:
            raise ConfigError(self.name, problems)

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Return the lenient verdict, `None` when all golds failed; the reason begins with the cause."""
        predicted, _ = executions(self.name, prediction)
        db_id = prediction.example.db_id
        relaxation = Relaxation(relative=self.relative_tolerance, absolute=self.absolute_tolerance)

        def judge(sql: str, gold: Execution) -> Verdict:
            strict = judge_strict(sql, gold, predicted, lambda query: executor.execute(db_id, query))
            return judge_lenient(gold, predicted, strict, relaxation)

        return score_verdicts(self.name, prediction, judge)
