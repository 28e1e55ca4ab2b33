"""Reading a database's `Catalogue` with SQLite's own PRAGMAs, and taking it from one process to the other."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from harness.execution.catalogue import Catalogue, CatalogueColumn, CatalogueTable
from harness.execution.library import OLDEST_SQLITE, SQLITE_VERSION
from harness.execution.protocol import Kind
from harness.execution.session import Send, Session
from harness.execution.verdict import Verdict

__all__ = ["as_catalogue", "describe"]

_BINARY = "BINARY"
_HIDDEN_COLUMN, _GENERATED_COLUMNS = 1, (2, 3)
"""What `hidden` of PRAGMA table_xinfo says: https://sqlite.org/pragma.html#pragma_table_xinfo."""


def describe(session: Session, _argument: None, send: Send) -> Verdict:
    """Send the tables and views as `as_catalogue` takes them."""

    def read(connection: sqlite3.Connection) -> Verdict:
        indexes = connection.execute("SELECT sql FROM main.sqlite_master WHERE type = 'index' ORDER BY rowid")
        created = tuple(str(sql) for (sql,) in indexes if sql)
        send(Kind.FINDING, (_read_tables(connection), created))
        return Verdict("ok")

    return session.inspect(read)


def as_catalogue(finding: tuple[Any, Any]) -> Catalogue:
    """Return what a worker's `describe` sent as a `Catalogue`."""
    tables, indexes = finding
    made = (
        CatalogueTable(name, kind, tuple(CatalogueColumn(*column) for column in columns), *rest)
        for name, kind, columns, *rest in tables
    )
    return Catalogue({table.name.lower(): table for table in made}, indexes)


def _read_tables(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    kinds = {
        str(name): (str(kind), bool(without_rowid))
        for schema, name, kind, _columns, without_rowid, *_strict in connection.execute("PRAGMA table_list")
        if schema == "main"
    }
    if not kinds:  # an unknown PRAGMA does nothing; a known one lists the schema table at least
        raise sqlite3.NotSupportedError(f"SQLite {SQLITE_VERSION} is older than {OLDEST_SQLITE} and has no table_list")
    statements = connection.execute(
        "SELECT name, sql FROM main.sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"
    ).fetchall()
    return [
        _read_table(connection, name, kinds[name], str(sql or ""))
        for name, sql in statements
        # The tables behind a virtual table come and go with it.
        if not name.lower().startswith("sqlite_") and kinds.get(name, ("shadow",))[0] != "shadow"
    ]


def _read_table(
    connection: sqlite3.Connection, name: str, kind_and_layout: tuple[str, bool], sql: str
) -> tuple[Any, ...]:
    kind, without_rowid = kind_and_layout
    try:
        shown = [row for row in _pragma(connection, "table_xinfo", name) if row[6] != _HIDDEN_COLUMN]
    except sqlite3.Error:  # a view of something that is not there any more, a module that this SQLite lacks
        shown = []
    if kind != "table":  # nothing is enforced on these
        plain = tuple((column, declared, False, False) for _, column, declared, *_rest in shown)
        return name, kind, plain, (), (), "", False, sql
    keyed = sorted((key, column) for _, column, _declared, _not_null, _default, key, _hidden in shown if key)
    primary_key = tuple(column for _, column in keyed)
    indexes = _pragma(connection, "index_list", name)
    alias = "" if without_rowid or any(origin == "pk" for *_, origin, _partial in indexes) else "".join(primary_key)
    never_null = set(primary_key) if without_rowid or alias else set()
    columns = tuple(
        (column, declared, bool(not_null) or column in never_null, hidden in _GENERATED_COLUMNS)
        for _, column, declared, not_null, _default, _key, hidden in shown
    )
    unique = _read_unique(connection, indexes, _other_collations(columns, sql))
    if alias:
        unique.insert(0, frozenset({alias}))
    return name, kind, columns, primary_key, tuple(dict.fromkeys(unique)), alias, without_rowid, sql


def _read_unique(
    connection: sqlite3.Connection, indexes: Sequence[tuple[Any, ...]], others: frozenset[str]
) -> list[frozenset[str]]:
    """Return the column sets of the unique indexes whose notion of equal is that of `=` on BINARY columns."""
    found = []
    for _, index, is_unique, _origin, partial in reversed(indexes):  # SQLite lists the newest first
        if not is_unique or partial:
            continue
        keys = [
            (name, str(coll)) for _, _cid, name, _desc, coll, key in _pragma(connection, "index_xinfo", index) if key
        ]
        if all(name is not None and coll.upper() == _BINARY and name not in others for name, coll in keys):
            found.append(frozenset(str(name) for name, _ in keys))
    return found


def _other_collations(columns: Sequence[tuple[Any, ...]], sql: str) -> frozenset[str]:
    """Return the columns that compare with another collation than BINARY.

    No PRAGMA tells: an index on a column of an empty copy does. A table that cannot be copied trusts no column.
    """
    names = [str(name) for name, *_ in columns]
    if "collate" not in sql.lower():
        return frozenset()
    scratch = sqlite3.connect(":memory:", isolation_level=None)
    try:
        scratch.execute(sql)
        ((_, table, *_rest),) = (
            row for row in scratch.execute("PRAGMA table_list") if not row[1].startswith("sqlite_")
        )
        others = set()
        for number, name in enumerate(names):
            scratch.execute(f"CREATE INDEX scratch_{number} ON {_quote(table)} ({_quote(name)})")
            collation = _pragma(scratch, "index_xinfo", f"scratch_{number}")[0][4]
            if str(collation).upper() != _BINARY:
                others.add(name)
    except sqlite3.Error:
        return frozenset(names)
    finally:
        scratch.close()
    return frozenset(others)


def _pragma(connection: sqlite3.Connection, pragma: str, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"PRAGMA {pragma}({_quote(name)})").fetchall()


def _quote(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
