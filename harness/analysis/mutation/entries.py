"""A small database as plain values, and the script that makes it."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.analysis.mutation.blueprint import Blueprint
from harness.execution.catalogue import CatalogueTable
from harness.types import Cell

__all__ = ["Entry", "quote_literal", "quote_name", "write_script"]

_HUGE = 9e999
_DEFAULT = re.compile(r"\bdefault\s*(?!null\b)(?=\S)", re.IGNORECASE)


class Entry(NamedTuple):
    """A row of `table` (lower case): cells by lower-case column name, absent ones are NULL."""

    table: str
    cells: Mapping[str, Cell]

    def altered(self, column: str, value: Cell) -> "Entry":
        """Return the same row with another value in one column."""
        return Entry(self.table, {**self.cells, column: value})

    def fingerprint(self) -> tuple[str, tuple[tuple[str, str, Cell], ...]]:
        """Return what makes two rows the same, types of cells included."""
        return self.table, tuple((name, type(cell).__name__, cell) for name, cell in sorted(self.cells.items()))


def write_script(blueprint: Blueprint, entries: Iterable[Entry], *, careful: bool = True) -> str:
    """Return SQL that makes the tables, inserts the rows and makes the views.

    A `careful` script leaves out rows that break a declared constraint (`INSERT OR IGNORE`).
    """
    verb = "INSERT OR IGNORE INTO" if careful else "INSERT INTO"
    rows = [f"{verb} {_insertion(blueprint.tables[entry.table], entry)};" for entry in entries]
    return "\n".join([*blueprint.before, *rows, *blueprint.after]) + "\n"


def _insertion(table: CatalogueTable, entry: Entry) -> str:
    # An absent column takes its declared default, which may be the clock: then NULL is written out.
    explicit = _DEFAULT.search(table.sql) is not None
    settable = [column.name for column in table.columns if not column.generated]
    named = [name for name in settable if explicit or entry.cells.get(name.lower()) is not None] or settable[:1]
    values = ", ".join(quote_literal(entry.cells.get(name.lower())) for name in named)
    return f"{quote_name(table.name)} ({', '.join(map(quote_name, named))}) VALUES ({values})"


def quote_name(name: str) -> str:
    """Return an identifier as SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: Cell) -> str:
    """Return a value as SQL that reads back as the same value and type."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, float):
        return repr(value) if abs(value) < _HUGE else ("9e999" if value > 0 else "-9e999")
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"
