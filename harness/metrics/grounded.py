"""`grounded`: does the extracted SQL name only tables, columns and functions that exist, where they are in scope?

By SQLite's own rules of name resolution, on the schema alone: no database is needed. Unlike `prepares` it lists every
problem, with the nearest real name, and it knows the trap of double quotes: `SELECT "nmae"` is silently a string.
Not covered: collations, indexes and windows, the number of a function's arguments, and where aggregates may stand.
"""

from dataclasses import dataclass
from typing import ClassVar

from harness.analysis.grounding import ground
from harness.types import Prediction, Score

__all__ = ["Grounded"]


@dataclass(frozen=True)
class Grounded:
    """1.0 when every name of the query can be looked up."""

    name: ClassVar[str] = "grounded"
    needs_databases: ClassVar[bool] = False

    def score(self, prediction: Prediction) -> Score:
        """Return the verdict; the reason lists the problems, e.g. `unknown table heroes (did you mean superhero?)`."""
        if prediction.extraction.sql is None:
            return Score(self.name, 0.0, "no SQL")
        grounding = ground(prediction.extraction.sql, prediction.schema)
        return Score(self.name, 0.0 if grounding.problems else 1.0, grounding.explain())
