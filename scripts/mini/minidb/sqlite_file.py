"""Writing a described database into an SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from minidb.model import Column, Database, Table

__all__ = ["create_statement", "write_sqlite"]


def create_statement(table: Table) -> str:
    """Return the `CREATE TABLE` statement, one column a line."""
    lines = [_column_line(table, column) for column in table.columns]
    if len(table.key) > 1:
        lines.append(f"PRIMARY KEY ({', '.join(table.key)})")
    return f"CREATE TABLE {table.name} (\n    " + ",\n    ".join(lines) + "\n)"


def _column_line(table: Table, column: Column) -> str:
    """Return the line of one column with its constraints."""
    words = [column.quoted, column.kind.upper()]
    if table.key == (column.name,):
        words.append("PRIMARY KEY")
    elif not column.nullable:
        words.append("NOT NULL")
    if column.refers_to:
        parent, _, key = column.refers_to.partition(".")
        words.append(f"REFERENCES {parent} ({key})")
    return " ".join(words)


def write_sqlite(database: Database, path: Path) -> None:
    """Write `database` to `path`, replacing what is there.

    The smallest pages keep the file small. Raises sqlite3.IntegrityError when a row breaks a constraint.
    """
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA page_size = 1024")
        connection.execute("PRAGMA foreign_keys = ON")
        for table in database.tables:
            connection.execute(create_statement(table))
            slots = ", ".join("?" * len(table.columns))
            connection.executemany(f"INSERT INTO {table.name} VALUES ({slots})", table.rows)  # noqa: S608
        connection.commit()
        connection.execute("VACUUM")
