"""The columns of a result as they are compared leniently: which cells are numbers, which columns may be the same."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.types import Cell, Row

__all__ = [
    "ABSOLUTE_TOLERANCE",
    "RELATIVE_TOLERANCE",
    "Column",
    "Relaxation",
    "is_tolerant",
    "may_match",
    "read_columns",
]

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9
"""What sums in another order come to differ by; rounding to two decimals is more, and is not forgiven."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER = 40


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What may differ between equal results.

    `permuted`: the order of columns. `numeric_text`: text that reads as a number counts as that number, on both sides.
    `relative` and `absolute`: numbers a and b are equal when |a - b| ≤ max(relative · max(|a|, |b|), absolute), in
    columns where either result has a number with a fraction; whole numbers are identities or counts and must be the
    same.
    """

    permuted: bool = True
    numeric_text: bool = True
    relative: float = RELATIVE_TOLERANCE
    absolute: float = ABSOLUTE_TOLERANCE

    def close(self, first: float, second: float) -> bool:
        """Return whether two numbers are equal within the tolerance."""
        return math.isclose(first, second, rel_tol=self.relative, abs_tol=self.absolute)


@dataclass(frozen=True)
class Column:
    """The cells of one result column, numeric text already turned into numbers where that is allowed."""

    cells: tuple[Cell, ...]

    @cached_property
    def counts(self) -> dict[Cell, int]:
        """How often each cell occurs."""
        return dict(Counter(self.cells))

    @cached_property
    def numbers(self) -> list[float]:
        """The numbers, ascending."""
        return sorted(cell for cell in self.cells if isinstance(cell, int | float))

    @cached_property
    def others(self) -> dict[Cell, int]:
        """How often each cell that is no number occurs."""
        return dict(Counter(cell for cell in self.cells if not isinstance(cell, int | float)))

    @cached_property
    def fractional(self) -> bool:
        """Whether a number here is not whole."""
        return any(isinstance(cell, float) and not cell.is_integer() for cell in self.cells)


def read_columns(rows: Sequence[Row], relaxation: Relaxation) -> list[Column]:
    """Return the columns of at least one row, of which all have the same width."""
    read = _read_number if relaxation.numeric_text else None
    return [Column(tuple(map(read, cells)) if read else cells) for cells in zip(*rows, strict=True)]


def _read_number(cell: Cell) -> Cell:
    if not isinstance(cell, str) or len(cell) > _LONGEST_NUMBER or not _NUMBER.fullmatch(cell):
        return cell
    try:
        return int(cell)
    except ValueError:
        number = float(cell)
        return int(number) if number.is_integer() else number


def is_tolerant(first: Column, second: Column, relaxation: Relaxation) -> bool:
    """Return whether the tolerance applies between two columns."""
    return bool(relaxation.relative or relaxation.absolute) and (first.fractional or second.fractional)


def may_match(first: Column, second: Column, relaxation: Relaxation) -> bool:
    """Return whether two columns of the same length hold equal cells, in some order of rows.

    The numbers that one number tolerates are an interval whose ends grow with it, so if any pairing of two sets
    of numbers is within the tolerance, the one in ascending order is.
    """
    if first.counts == second.counts:
        return True
    if not is_tolerant(first, second, relaxation) or first.others != second.others:
        return False
    return all(map(relaxation.close, first.numbers, second.numbers))
