"""What a metric is."""

from typing import ClassVar, Protocol

from harness.execution import Executor
from harness.types import Prediction, Score

__all__ = ["ExecutingMetric", "Metric", "runs_sql"]


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
