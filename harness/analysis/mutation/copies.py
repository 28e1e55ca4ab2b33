"""Rows copied with fresh keys, so that declared keys hold: one row, or joined rows that stay joined."""

from random import Random

from harness.analysis.mutation.entries import Entry
from harness.analysis.mutation.material import Material, Place
from harness.analysis.mutation.seeds import Joined
from harness.analysis.mutation.values import freshen
from harness.types import Cell

__all__ = ["Copier"]


class Copier:
    """Makes copies; every fresh value is used once."""

    def __init__(self, material: Material, random: Random) -> None:
        self.material = material
        self.random = random
        self._number = random.randrange(1, 40)
        self._keys = {
            (name, column.lower())
            for name, table in material.blueprint.tables.items()
            for columns in (*table.unique, *([table.primary_key] if table.primary_key else []))
            for column in columns
        }
        self._fresh_classes = {material.representative(place) for place in self._keys}

    def fresh(self, value: Cell) -> Cell:
        """Return a value of the same shape that was not handed out before."""
        self._number += 1
        return freshen(value, self._number)

    def clone(self, joined: Joined, around: Entry | None = None) -> Joined:
        """Return the rows with fresh keys, still joined with each other, and with the row `around` if there is one."""
        kept = {self.material.representative((around.table, column)) for column in around.cells} if around else set()
        known: dict[tuple[Place, Cell], Cell] = {}
        copies = []
        for entry in joined:
            cells = dict(entry.cells)
            for column, cell in cells.items():
                group = self.material.representative((entry.table, column))
                if cell is not None and group in self._fresh_classes and group not in kept:
                    if (group, cell) not in known:
                        known[group, cell] = self.fresh(cell)
                    cells[column] = known[group, cell]
            copies.append(Entry(entry.table, cells))
        return tuple(copies)

    def duplicate(self, entry: Entry, choice: int | None = None) -> Entry:
        """Return the row with its own key fresh and everything else kept, joined columns too where they may be.

        Of a key of several columns one becomes fresh: the same one for the same `choice`.
        """
        table = self.material.blueprint.tables[entry.table]
        cells = dict(entry.cells)
        for columns in sorted((sorted(one.lower() for one in unique) for unique in table.unique), key=len):
            if any(cells.get(column) is None or cells[column] != entry.cells.get(column) for column in columns):
                continue
            free = [one for one in columns if (entry.table, one) not in self.material.classes]
            options = free or columns
            column = options[(self.random.randrange(len(options)) if choice is None else choice) % len(options)]
            cells[column] = self.fresh(cells[column])
        return Entry(entry.table, cells)

    def dangle(self, entry: Entry) -> Entry:
        """Return a copy of the row whose joined column finds no partner: a fresh value, or NULL."""
        copy = self.duplicate(entry)
        links = [column for column in copy.cells if (entry.table, column) in self.material.classes]
        if not links:
            return copy
        column = self.random.choice(links)
        lost = None if self.random.random() < 0.3 else self.fresh(copy.cells[column])  # noqa: PLR2004
        return copy.altered(column, lost)
