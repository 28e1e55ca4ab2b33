"""What this build of SQLite can look up, asked of itself: an empty database in memory, and none of anybody's SQL."""

import contextlib
import sqlite3
from functools import cache

__all__ = ["function_arities", "installed_functions", "numbers_subqueries"]


@cache
def installed_functions() -> frozenset[str]:
    """Return the names, in lower case, of all SQL functions: scalar, aggregate and window ones.

    Source: https://sqlite.org/pragma.html#pragma_function_list.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        return frozenset(str(row[0]).lower() for row in connection.execute("PRAGMA function_list"))


@cache
def function_arities() -> frozenset[tuple[str, str, int]]:
    """Return every SQL function as name in lower case, kind and number of arguments.

    The kind is `s` for scalar, `a` for aggregate and `w` for one that may have a window; -1 is any number of arguments.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        rows = connection.execute("SELECT name, type, narg FROM pragma_function_list")
        return frozenset((str(name).lower(), str(kind), int(arguments)) for name, kind, arguments in rows)


@cache
def numbers_subqueries() -> bool:
    """Return whether the rows of a sub-query in FROM have a `rowid`: newer versions of SQLite refuse it."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("EXPLAIN SELECT rowid FROM (SELECT 1)").close()
        except sqlite3.OperationalError:
            return False
    return True
