"""What SQLite compiles a query to: two texts with one program are one query, whatever they call things."""

import sqlite3

__all__ = ["Programs"]

_SPOKEN = frozenset({"Explain"})
"""Instructions that only tell a reader of the program what is done, by the names that the query uses."""


class Programs:
    """Compiles queries on an empty database of a schema (`ddl`); raises `sqlite3.Error` where SQLite refuses that."""

    def __init__(self, ddl: str) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.executescript(ddl)

    def are_equal(self, one: str, other: str) -> bool:
        """Whether SQLite compiles both queries, and to the same instructions (https://sqlite.org/opcode.html)."""
        try:
            return self._read(one) == self._read(other)
        except (sqlite3.Error, UnicodeEncodeError):  # half a surrogate pair is no text to SQLite
            return False

    def _read(self, query: str) -> list[tuple[object, ...]]:
        program = self._connection.execute(f"EXPLAIN {query}")
        return [tuple(row[1:7]) for row in program if row[1] not in _SPOKEN]
