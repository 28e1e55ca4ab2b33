"""What a metric is."""

from typing import ClassVar, Protocol

from harness.types import Execution, Prediction, Score

__all__ = ["ExecutingMetric", "Executor", "Metric", "runs_sql"]


class Executor(Protocol):
    """Runs SQL on the databases of one data set; `harness.execution.Executor` is the real one."""

    def execute(self, db_id: str, sql: str) -> Execution:
        """Run one statement within the limits; a fault of the SQL is in the status, never raised."""
        ...

    def prepare(self, db_id: str, sql: str) -> Execution:
        """Let SQLite compile one statement without running it; on an empty database where the file is missing."""
        ...


class Metric(Protocol):
    """Judges a prediction. An implementation is a frozen dataclass whose fields are its options in TOML.

    `needs_databases` says whether `prediction.execution` and `prediction.golds` must be there.
    """

    name: ClassVar[str]
    needs_databases: ClassVar[bool]

    def score(self, prediction: Prediction) -> Score:
        """Return the verdict: 0.0 for every fault of the model, `None` only where nobody can judge."""
        ...


class ExecutingMetric(Protocol):
    """A metric that must have SQL run or compiled once more; it sets `runs_sql = True`."""

    name: ClassVar[str]
    needs_databases: ClassVar[bool]
    runs_sql: ClassVar[bool]

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Return the verdict, running what it needs through `executor`."""
        ...


def runs_sql(metric: Metric | ExecutingMetric) -> bool:
    """Return whether a metric's `score` takes an executor."""
    return bool(getattr(metric, "runs_sql", False))
