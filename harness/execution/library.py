"""Which SQLite this is and what it can do: a number holds for one version of the library."""

import sqlite3
from contextlib import closing

from harness.execution.database import CEILINGS

__all__ = ["OLDEST_SQLITE", "SQLITE_VERSION", "is_too_old", "read_limits", "try_expression"]

SQLITE_VERSION = sqlite3.sqlite_version
"""The version of the library that runs the SQL, e.g. `3.40.1`."""
OLDEST_SQLITE = "3.37"
"""Older ones have no `PRAGMA table_list`, by which databases are read."""

_LIMITS = {
    "sql_length": sqlite3.SQLITE_LIMIT_SQL_LENGTH,
    "columns": sqlite3.SQLITE_LIMIT_COLUMN,
    "expression_depth": sqlite3.SQLITE_LIMIT_EXPR_DEPTH,
    "compound_selects": sqlite3.SQLITE_LIMIT_COMPOUND_SELECT,
    "variables": sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER,
}


def is_too_old() -> bool:
    """Whether this library is older than `OLDEST_SQLITE`."""
    return sqlite3.sqlite_version_info < tuple(map(int, OLDEST_SQLITE.split(".")))


def read_limits() -> dict[str, int]:
    """Return what a query may have at most: what the library was built for or what a worker allows, if that is less."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for category, ceiling in CEILINGS.items():
            connection.setlimit(category, ceiling)
        return {name: connection.getlimit(category) for name, category in _LIMITS.items()}


def try_expression(expression: str) -> str:
    """Return SQLite's message for an expression that it does not know; `""` where it does."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(f"SELECT {expression}").fetchall()
        except sqlite3.Error as error:
            return str(error)
    return ""
