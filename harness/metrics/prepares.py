"""`prepares`: SQLite itself compiles the extracted SQL against the schema, without running it."""

from dataclasses import dataclass
from typing import ClassVar

from harness.execution import Executor
from harness.types import Prediction, Score

__all__ = ["Prepares"]


@dataclass(frozen=True)
class Prepares:
    """Works without databases too: then on an empty one made from the schema."""

    name: ClassVar[str] = "prepares"
    needs_databases: ClassVar[bool] = False
    runs_sql: ClassVar[bool] = True

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Return 1.0 when SQLite accepts the statement; the reason is SQLite's own message."""
        if prediction.extraction.sql is None:
            return Score(self.name, 0.0, "no SQL")
        prepared = executor.prepare(prediction.example.db_id, prediction.extraction.sql)
        return Score(self.name, 1.0 if prepared.ok else 0.0, prepared.error)
