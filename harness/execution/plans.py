"""How SQLite would run a query on any database with these tables: asked of SQLite, on an empty one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from harness.execution.catalogue import Catalogue

__all__ = ["read_plans"]

_MOVES = frozenset(
    {
        "Rewind",
        "Last",
        "Next",
        "Prev",
        "SeekGE",
        "SeekGT",
        "SeekLE",
        "SeekLT",
        "SeekRowid",
        "NotExists",
        "Found",
        "NotFound",
    }
    | {"OpenAutoindex", "SorterSort", "SorterNext", "Sort", "IdxGE", "IdxGT", "IdxLE", "IdxLT", "NoConflict"}
)
"""The instructions that move a cursor, and those that say where it stops: https://sqlite.org/opcode.html."""

_SORTERS = frozenset({"SorterOpen", "OpenEphemeral"})
"""What holds rows in an order of their own; which of equal ones comes first hangs on all of its keys."""

_FOLLOWED = _MOVES | _SORTERS
_SIZES = ((10, 10, 10), (100000, 100000, 100000), (10, 1000, 100000), (100000, 1000, 10), (1000, 10, 100000))
"""Rows of the tables, in turn, that the planner is made to believe in; plans that hang on them then show."""


def read_plans(catalogue: Catalogue, queries: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return the plans of each query: without statistics and with several made-up ones, with and without indexes.

    A plan is the detail lines of EXPLAIN QUERY PLAN, then the program's cursor movements and its sorters with their
    keys. Without statistics (ANALYZE), the planner knows nothing of a database but its schema. The queries are
    prepared, never run; views and virtual tables are left out. Nothing comes back where SQLite refuses the schema or
    a query.
    """
    plans: list[list[tuple[str, ...]]] = [[] for _ in queries]
    try:
        for indexes in (catalogue.indexes, ()):
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
                _build(connection, catalogue, indexes)
                for _ in _believe_sizes(connection, catalogue):
                    for found, query in zip(plans, queries, strict=True):
                        found.append(_plan(connection, query))
    except sqlite3.Error:
        return ()
    return tuple(map(tuple, plans))


def _build(connection: sqlite3.Connection, catalogue: Catalogue, indexes: tuple[str, ...]) -> None:
    for table in catalogue.tables.values():
        if table.kind == "table":
            connection.execute(table.sql)
    for statement in indexes:
        connection.execute(statement)


def _plan(connection: sqlite3.Connection, query: str) -> tuple[str, ...]:
    loops = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    program = connection.execute(f"EXPLAIN {query}").fetchall()
    moves = [f"{row[1]} {row[5]}" if row[1] in _SORTERS else str(row[1]) for row in program if row[1] in _FOLLOWED]
    return (*loops, " ".join(moves))


def _believe_sizes(connection: sqlite3.Connection, catalogue: Catalogue) -> Iterator[None]:
    """Pause without statistics, then with those of each choice of sizes, which the planner is made to read."""
    yield
    connection.execute("ANALYZE")
    names = [table.name for table in catalogue.tables.values() if table.kind == "table"]
    for sizes in _SIZES:
        connection.execute("DELETE FROM sqlite_stat1")
        for number, name in enumerate(names):
            rows = sizes[number % len(sizes)]
            indexes = connection.execute("SELECT name FROM pragma_index_list(?)", (name,)).fetchall()
            for (index,) in indexes:
                width = connection.execute("SELECT COUNT(*) FROM pragma_index_info(?)", (index,)).fetchone()[0]
                stat = " ".join(map(str, [rows, *(max(1, rows // 10 ** (part + 1)) for part in range(width))]))
                connection.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (name, index, stat))
            connection.execute("INSERT INTO sqlite_stat1 VALUES (?, NULL, ?)", (name, str(rows)))
        connection.execute("ANALYZE sqlite_master")
        yield
