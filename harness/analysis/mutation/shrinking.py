"""A witness made small: rows that are not needed go, then cells."""

from collections.abc import Collection

from harness.analysis.mutation.entries import Entry
from harness.analysis.mutation.material import Place
from harness.analysis.mutation.trial import Difference, Trial

__all__ = ["shrink"]

_MOST_TRIALS = 150


class _Shrinker:
    """Keeps the smallest rows that still tell apart; gives up after `_MOST_TRIALS` databases."""

    def __init__(self, trial: Trial, rows: list[Entry], found: Difference) -> None:
        self.trial = trial
        self.rows = rows
        self.found = found
        self.left = _MOST_TRIALS

    def accepts(self, rows: list[Entry]) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        found = self.trial.judge(rows)
        if found is not None:
            self.rows, self.found = rows, found
        return found is not None

    def drop_rows(self) -> None:
        """Drop ever smaller runs of rows (delta debugging: Zeller and Hildebrandt, TSE 28(2), 2002)."""
        size = max(1, len(self.rows) // 2)
        while True:
            position = 0
            while position < len(self.rows):
                if not self.accepts(self.rows[:position] + self.rows[position + size :]):
                    position += size
            if size == 1:
                return
            size //= 2

    def clear_cells(self, kept: Collection[Place]) -> None:
        """Set cells to NULL where that changes nothing, but for columns that people look at."""
        for position in range(len(self.rows)):
            for column, cell in self.rows[position].cells.items():
                if cell is not None and (self.rows[position].table, column) not in kept:
                    row = self.rows[position].altered(column, None)
                    self.accepts([*self.rows[:position], row, *self.rows[position + 1 :]])


def shrink(
    trial: Trial, rows: list[Entry], found: Difference, kept: Collection[Place]
) -> tuple[list[Entry], Difference]:
    """Return fewer rows that still tell the queries apart, and how; cells in `kept` columns stay as they are."""
    shrinker = _Shrinker(trial, rows, found)
    shrinker.drop_rows()
    if len(shrinker.rows) <= 8:  # noqa: PLR2004  (beyond that nobody reads cells)
        shrinker.clear_cells(kept)
    return shrinker.rows, shrinker.found
