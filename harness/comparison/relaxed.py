"""Lenient equality: bags of rows that are equal under some order of columns, within a tolerance.

Columns are assigned one after the other, those with the fewest possible partners first. A partner must hold the same
multiset of cells, and after each assignment the rows cut down to the columns assigned so far must be equal bags: it
is that refinement which keeps the search from trying all n! orders. A bound on its steps keeps the rest in check;
where it is reached the results count as different.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.comparison.columns import Column, Relaxation, is_tolerant, may_match, read_columns
from harness.comparison.pairing import Budget, can_pair
from harness.types import Cell, Row

__all__ = ["equal_relaxed"]

_STEPS = 500_000
_STEPS_PER_CELL = 20
_NUMBER: Any = object()
"""Stands for any number, and is equal to no cell."""


def equal_relaxed(predicted: Sequence[Row], gold: Sequence[Row], relaxation: Relaxation) -> bool:
    """Return whether two results are the same bag of rows up to `relaxation`; the order of rows never counts.

    All rows of one result have the same width. Duplicates count: what is relaxed is cells and columns, not rows.
    """
    if len(predicted) != len(gold):
        return False
    if not gold or predicted == gold:
        return True
    if len(predicted[0]) != len(gold[0]):
        return False
    return _Search(read_columns(gold, relaxation), read_columns(predicted, relaxation), relaxation).succeed()


@dataclass(frozen=True, slots=True)
class _Groups:
    """The rows of both results by what is known of them: equal numbers mean equal cells so far."""

    gold: tuple[int, ...]
    predicted: tuple[int, ...]

    def refine(self, gold: Sequence[Cell], predicted: Sequence[Cell]) -> "_Groups | None":
        """Add one column of each; `None` when the groups are no longer of equal sizes."""
        names: dict[tuple[int, Cell], int] = {}
        ours = tuple(names.setdefault(key, len(names)) for key in zip(self.gold, gold, strict=True))
        theirs = tuple(names.get(key, -1) for key in zip(self.predicted, predicted, strict=True))
        return _Groups(ours, theirs) if Counter(ours) == Counter(theirs) else None


class _Search:
    """The search for an assignment of predicted columns to the gold's."""

    def __init__(self, gold: list[Column], predicted: list[Column], relaxation: Relaxation) -> None:
        self.gold = gold
        self.predicted = predicted
        self.relaxation = relaxation
        self.rows = len(gold[0].cells)
        self.budget = Budget(_STEPS + _STEPS_PER_CELL * len(gold) * self.rows)
        self.partners = [self._find_partners(i) for i in range(len(gold))]
        kinds: dict[tuple[Cell, ...], int] = {}
        self.kinds = [kinds.setdefault(column.cells, len(kinds)) for column in predicted]
        self.order = sorted(range(len(gold)), key=lambda i: len(self.partners[i]))

    def _find_partners(self, index: int) -> list[int]:
        """Return the predicted columns that may be the gold's, the one in the same place first."""
        places = sorted(range(len(self.predicted)), key=lambda place: place != index)
        if not self.relaxation.permuted:
            places = [index]
        return [place for place in places if may_match(self.gold[index], self.predicted[place], self.relaxation)]

    def succeed(self) -> bool:
        """Return whether there is an assignment under which the rows are equal bags."""
        if not all(self.partners):
            return False
        start = (0,) * self.rows
        # A stack of our own: a result may have more columns than Python nests calls.
        levels = [self._assign({}, _Groups(start, start))]
        while levels:
            step = next(levels[-1], None)
            if step is None:
                levels.pop()
            elif len(step[0]) < len(self.gold):
                levels.append(self._assign(*step))
            elif self._pair(*step):
                return True
        return False

    def _assign(self, assigned: dict[int, int], groups: _Groups) -> Iterator[tuple[dict[int, int], _Groups]]:
        """Yield the assignment with one more column, in every way that leaves equal bags, and the groups it makes."""
        index = self.order[len(assigned)]
        for place in self._choose(index, assigned):
            if not self.budget.take(self.rows):
                return
            refined = groups.refine(*self._exact_cells(index, place))
            if refined is not None:
                yield {**assigned, index: place}, refined

    def _choose(self, index: int, assigned: dict[int, int]) -> Iterator[int]:
        """Yield free partners; of those with the same cells in every row one is enough."""
        tried: set[int] = set()
        taken = set(assigned.values())
        for place in self.partners[index]:
            if place not in taken and self.kinds[place] not in tried:
                tried.add(self.kinds[place])
                yield place

    def _exact_cells(self, index: int, place: int) -> tuple[Sequence[Cell], Sequence[Cell]]:
        """Return the cells of two columns, with all numbers alike where the tolerance will decide about them."""
        gold, predicted = self.gold[index], self.predicted[place]
        if not is_tolerant(gold, predicted, self.relaxation):
            return gold.cells, predicted.cells
        return _hide_numbers(gold.cells), _hide_numbers(predicted.cells)

    def _pair(self, assigned: dict[int, int], groups: _Groups) -> bool:
        """Decide, group by group, whether the numbers under the tolerance can be paired off."""
        pairs = [(self.gold[index], self.predicted[place]) for index, place in assigned.items()]
        tolerant = [(ours, theirs) for ours, theirs in pairs if is_tolerant(ours, theirs, self.relaxation)]
        if not tolerant:
            return True
        golds = _vectors(groups.gold, [ours for ours, _ in tolerant])
        predictions = _vectors(groups.predicted, [theirs for _, theirs in tolerant])
        return all(can_pair(golds[key], predictions[key], self.relaxation.close, self.budget) for key in golds)


def _hide_numbers(cells: Sequence[Cell]) -> list[Cell]:
    return [_NUMBER if isinstance(cell, int | float) else cell for cell in cells]


def _vectors(groups: Sequence[int], columns: Sequence[Column]) -> dict[int, list[tuple[float, ...]]]:
    """Return the numbers of each row, by group; within a group the same columns hold numbers."""
    found: dict[int, list[tuple[float, ...]]] = {}
    for key, *cells in zip(groups, *(column.cells for column in columns), strict=True):
        vector = tuple(cell for cell in cells if isinstance(cell, int | float))
        found.setdefault(key, []).append(vector)
    return found
