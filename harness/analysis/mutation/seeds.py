"""Rows of the real database that the queries relate to: joined rows that satisfy them, and rows that just don't."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from harness.analysis.mutation.blueprint import Blueprint
from harness.analysis.mutation.entries import Entry, quote_name
from harness.analysis.mutation.reading import Reading
from harness.analysis.mutation.syntax import conjuncts
from harness.execution import Executor
from harness.types import Cell, Status

__all__ = ["Joined", "loose_rows", "samples"]

Joined = tuple[Entry, ...]
"""Rows that a query joins with each other, one for each table that it reads."""

_SATISFYING_ROWS = 4
_VIOLATING_ROWS = 1
_MOST_CONDITIONS = 6
_LOOSE_ROWS = 6
_LONGEST_TEXT = 2_000


@dataclass(frozen=True)
class _Column:
    occurrence: str
    table: str
    name: str


def samples(executor: Executor, db_id: str, reading: Reading) -> list[Joined]:
    """Return joined rows for each SELECT of a query, those that satisfy its conditions first."""
    found: list[Joined] = []
    for select in reading.parts:
        columns = list(_columns(select, reading))
        if not columns:
            continue
        for sql in _questions(select, columns):
            execution = executor.execute(db_id, sql)
            if execution.status is Status.TIMEOUT:
                break  # the other questions would take as long
            found.extend(_joined(columns, row) for row in execution.rows)
    return [one.rows for one in dict.fromkeys(map(_Hashed, found)) if one.rows]


def loose_rows(executor: Executor, db_id: str, blueprint: Blueprint) -> dict[str, list[Entry]]:
    """Return a few rows of every table, whatever they hold."""
    found: dict[str, list[Entry]] = {}
    for name, table in blueprint.tables.items():
        kept = [column for column in table.columns if (name, column.name.lower()) in blueprint.used]
        columns = [_Column("", name, column.name) for column in kept or table.columns[:1]]
        listed = ", ".join(quote_name(column.name) for column in columns)
        sql = f"SELECT DISTINCT {listed} FROM {quote_name(table.name)} LIMIT {_LOOSE_ROWS}"  # noqa: S608  (quoted)
        rows = executor.execute(db_id, sql).rows
        found[name] = [entry for row in rows for entry in _joined(columns, row)]
    return found


class _Hashed:
    """Joined rows that compare by their cells."""

    def __init__(self, rows: Joined) -> None:
        self.rows = rows
        self._key = tuple(row.fingerprint() for row in rows)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and self._key == other._key


def _columns(select: exp.Select, reading: Reading) -> Iterator[_Column]:
    for occurrence, alias, name in reading.names.occurrences(select):
        table = reading.names.blueprint.tables[name]
        for column in table.columns:
            if (name, column.name.lower()) in reading.names.blueprint.used:
                yield _Column(f"{alias}/{occurrence}", name, column.name)


def _questions(select: exp.Select, columns: list[_Column]) -> Iterator[str]:
    """Yield the SELECT as `SELECT every column`, then with each of its conditions turned round."""
    conditions = conjuncts(select.args["where"].this) if select.args.get("where") else []
    yield _question(select, columns, conditions, _SATISFYING_ROWS)
    for position in range(min(len(conditions), _MOST_CONDITIONS)):
        turned = [
            exp.Not(this=exp.Paren(this=one.copy())) if i == position else one for i, one in enumerate(conditions)
        ]
        yield _question(select, columns, turned, _VIOLATING_ROWS)
    if len(conditions) > 1:
        yield _question(select, columns, [], _VIOLATING_ROWS)


def _question(select: exp.Select, columns: list[_Column], conditions: list[Any], rows: int) -> str:
    bare = exp.Select()
    for part in ("with_", "with", "from_", "from", "joins"):
        if value := select.args.get(part):
            bare.set(part, [one.copy() for one in value] if isinstance(value, list) else value.copy())
    listed = [exp.column(one.name, table=one.occurrence.split("/")[0], quoted=True) for one in columns]
    bare.set("expressions", listed)
    for condition in conditions:
        bare = bare.where(condition.copy(), copy=False)
    return bare.limit(rows, copy=False).sql("sqlite")


def _joined(columns: list[_Column], row: tuple[Cell, ...]) -> Joined:
    """Return one row of a question as rows of its tables; the NULL row of an outer join is none."""
    found: dict[str, dict[str, Cell]] = {}
    tables: dict[str, str] = {}
    for column, cell in zip(columns, row, strict=True):
        tables[column.occurrence] = column.table
        if not _too_long(cell):
            found.setdefault(column.occurrence, {})[column.name.lower()] = cell
    rows = [(tables[one], cells) for one, cells in found.items()]
    return tuple(Entry(table, cells) for table, cells in rows if any(cell is not None for cell in cells.values()))


def _too_long(cell: Cell) -> bool:
    """Whether a cell can't stand in a readable script: SQL text holds no NUL character."""
    return isinstance(cell, str | bytes) and (len(cell) > _LONGEST_TEXT or (isinstance(cell, str) and "\0" in cell))
