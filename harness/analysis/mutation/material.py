"""Everything that mutated databases are made of: joined rows, loose rows, values for each column, aims."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from harness.analysis.mutation.blueprint import Blueprint
from harness.analysis.mutation.entries import Entry
from harness.analysis.mutation.reading import Comparison, Reading, read
from harness.analysis.mutation.seeds import Joined, loose_rows, samples
from harness.analysis.mutation.values import default, instantiate, neighbours, satisfying, through_dates
from harness.execution import Executor
from harness.types import Cell

__all__ = ["Aim", "Material", "Place", "gather"]

Place = tuple[str, str]
"""A table and a column, lower case."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A value that one column should take in some row."""

    place: Place
    value: Cell


@dataclass
class Material:
    """What is known before the first database is tried.

    `sharp` aims come from what only one of the two queries says. `classes` gives joined columns one representative.
    `pools` holds values for a column; `counts` numbers of rows worth having; `read_places` the columns that are read.
    """

    blueprint: Blueprint
    readings: tuple[Reading, Reading]
    joined: list[Joined]
    loose: Mapping[str, list[Entry]]
    aims: list[Aim] = field(default_factory=list)
    sharp: list[Aim] = field(default_factory=list)
    classes: dict[Place, Place] = field(default_factory=dict)
    pools: dict[Place, list[Cell]] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    read_places: list[Place] = field(default_factory=list)

    def representative(self, place: Place) -> Place:
        """Return the column that stands for all those joined with this one."""
        return self.classes.get(place, place)

    def sample(self, table: str, random: Random, number: int) -> Entry:
        """Return some row of a table: a real one, or one made of its columns' types and values."""
        if self.loose.get(table) and random.random() < 0.8:  # noqa: PLR2004  (mostly real ones)
            return random.choice(self.loose[table])
        cells: dict[str, Cell] = {}
        for column in self.blueprint.tables[table].columns:
            name = column.name.lower()
            if (table, name) in self.blueprint.used:
                pool = self.pools.get((table, name))
                cells[name] = random.choice(pool) if pool else default(column.type, number)
        return Entry(table, cells)


def gather(executor: Executor, db_id: str, blueprint: Blueprint, sqls: tuple[str, str]) -> Material:
    """Read both queries (predicted, gold), and the real database where there is one."""
    readings = read(sqls[0], blueprint, "p"), read(sqls[1], blueprint, "g")
    real = db_id in executor.databases
    joined = [one for reading in reversed(readings) for one in samples(executor, db_id, reading)] if real else []
    material = Material(blueprint, readings, joined, loose_rows(executor, db_id, blueprint) if real else {})
    _classify(material)
    _aim(material)
    _pool(material)
    material.counts = sorted({size for reading in readings for size in reading.counts})
    references = [one for reading in readings for one in reading.columns]
    material.read_places = sorted({one.place for one in references})
    return material


def _classify(material: Material) -> None:
    for left, right in (pair for reading in material.readings for pair in reading.joins):
        kept, dropped = sorted((material.representative(left.place), material.representative(right.place)))
        members = [place for place, one in material.classes.items() if one == dropped]
        material.classes.update(dict.fromkeys([*members, dropped, left.place, right.place], kept))


def _aim(material: Material) -> None:
    said = [
        {(one.reference.place, one.operator, one.value, one.negated): one for one in reading.comparisons}
        for reading in material.readings
    ]
    for mine, others in ((said[1], said[0]), (said[0], said[1])):
        for key, comparison in mine.items():
            aims = list(_values(comparison))
            material.aims.extend(aims)
            if key not in others:
                material.sharp.extend(aims)
    nulls = [Aim(comparison.reference.place, None) for one in said for comparison in one.values()]
    material.aims = list(_unique([*material.aims, *nulls]))
    material.sharp = list(_unique(material.sharp))


def _unique(aims: Iterable[Aim]) -> Iterable[Aim]:
    return {(aim.place, type(aim.value), aim.value): aim for aim in aims}.values()


def _values(comparison: Comparison) -> Iterable[Aim]:
    place, value = comparison.reference.place, comparison.value
    near: tuple[Cell, ...] = (satisfying(comparison.operator, value),)
    if comparison.operator == "like" and isinstance(value, str):
        near += instantiate(value)
    elif comparison.dated:
        near = through_dates(value) or neighbours(value)
    else:
        near += neighbours(value)
    return [Aim(place, one) for one in near]


def _pool(material: Material) -> None:
    rows = [entry for joined in material.joined for entry in joined]
    rows += [entry for entries in material.loose.values() for entry in entries]
    found: dict[Place, dict[tuple[type, Cell], Cell]] = {}
    for entry in rows:
        for column, cell in entry.cells.items():
            found.setdefault((entry.table, column), {})[type(cell), cell] = cell
    for aim in material.aims:
        found.setdefault(aim.place, {})[type(aim.value), aim.value] = aim.value
    pairs = [pair for reading in material.readings for pair in (*reading.joins, *reading.related)]
    for left, right in pairs:
        shared = {**found.get(left.place, {}), **found.get(right.place, {})}
        found[left.place], found[right.place] = shared, dict(shared)
    material.pools = {place: list(values.values()) for place, values in found.items()}
