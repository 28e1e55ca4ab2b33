"""Joined rows that no real database gave: made so that the query's own joins and comparisons are likely to hold."""

from random import Random

from harness.analysis.mutation.entries import Entry
from harness.analysis.mutation.material import Material
from harness.analysis.mutation.reading import Reading
from harness.analysis.mutation.seeds import Joined
from harness.analysis.mutation.values import default, satisfying, through_dates
from harness.types import Cell

__all__ = ["invent"]

_WILLING = 0.85


def invent(material: Material, random: Random, number: int) -> Joined:
    """Return one row for each table occurrence of one of the queries; `number` keeps values of several apart."""
    reading = random.choice(material.readings)
    rows = {
        occurrence: material.sample(table, random, number)
        for select in reading.parts
        for occurrence, _alias, table in reading.names.occurrences(select)
    }
    if not rows:
        rows = {table: material.sample(table, random, number) for table in material.blueprint.tables}
    _satisfy(rows, reading, random)
    _join(rows, reading, random, number)
    return tuple(rows.values())


def _satisfy(rows: dict[str, Entry], reading: Reading, random: Random) -> None:
    for comparison in random.sample(reading.comparisons, len(reading.comparisons)):
        where, name = comparison.reference.occurrence, comparison.reference.column
        if where not in rows or random.random() > _WILLING:
            continue
        operator, value = comparison.operator, comparison.value
        if comparison.negated:
            operator = "not null" if value is None else "!="
        dates = through_dates(value) if comparison.dated else ()
        rows[where] = rows[where].altered(name, random.choice(dates) if dates else satisfying(operator, value))


def _join(rows: dict[str, Entry], reading: Reading, random: Random, number: int) -> None:
    """Give joined columns the same value: the one that a comparison set, if any did."""
    fixed = {one.reference for one in reading.comparisons}
    for _round in range(2):  # the second carries a value along a chain of joins
        for left, right in reading.joins:
            if left.occurrence not in rows or right.occurrence not in rows:
                continue
            source, target = (right, left) if right in fixed or random.random() < 0.5 else (left, right)  # noqa: PLR2004
            value: Cell = rows[source.occurrence].cells.get(source.column)
            if value is None:
                value = default("int", number)
            rows[source.occurrence] = rows[source.occurrence].altered(source.column, value)
            rows[target.occurrence] = rows[target.occurrence].altered(target.column, value)
