"""Does grounding find the tables and columns that SQLite says a query reads? Prints every difference.

    python scripts/grounding/reads.py --data DIR

SQLite tells its authorizer of every column that it looks up while it compiles (https://sqlite.org/c3ref/set_authorizer.html).
Of the columns of USING it does not tell; `rowid` is no column of the schema.
"""

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from corpora import Statement, answers, databases, golds

from harness.analysis.grounding import ground


class Reads:
    """An authorizer that allows everything and remembers what was read, in lower case."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.columns: set[tuple[str, str]] = set()

    def __call__(self, action: int, table: str | None, column: str | None, *_: str | None) -> int:
        """Answer SQLite."""
        if action == sqlite3.SQLITE_READ and table and not table.startswith("sqlite_"):
            self.tables.add(table.lower())
            if column and column.lower() != "rowid":
                self.columns.add((table.lower(), column.lower()))
        return sqlite3.SQLITE_OK


def compare(statements: Sequence[Statement]) -> tuple[int, list[str]]:
    """Return how many statements compile, and where the two differ about them."""
    connections = {key: open_schema(ddl) for key, ddl in databases(statements).items()}
    compiled, differences = 0, []
    for statement in statements:
        reads, connection = Reads(), connections[statement.key]
        connection.set_authorizer(reads)
        try:
            connection.execute(f"EXPLAIN {statement.sql}").close()
        except (sqlite3.Error, sqlite3.Warning):
            continue
        compiled += 1
        found = ground(statement.sql, statement.schema)
        ours = {*found.tables, *map(".".join, found.columns)}
        theirs = {*reads.tables, *map(".".join, reads.columns)}
        if ours != theirs:
            sql = " ".join(statement.sql.split())
            differences.append(f"{sql}\n    ours only: {sorted(ours - theirs)}, SQLite's only: {sorted(theirs - ours)}")
    return compiled, differences


def open_schema(ddl: str) -> sqlite3.Connection:
    """Return an empty database in memory."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(ddl)
    return connection


def main() -> None:
    """Print the differences and how many statements there were."""
    parser = argparse.ArgumentParser(description="Compare what grounding and SQLite say that queries read.")
    parser.add_argument("--data", type=Path, default=os.environ.get("T2S_SHARED_DATA"), help="folder of the data sets")
    arguments = parser.parse_args()
    if arguments.data is None:
        sys.exit("reads: no data; name the folder with --data or T2S_SHARED_DATA")
    data = Path(arguments.data)
    compiled, differences = compare([*answers(data), *golds(data)])
    print(f"{compiled - len(differences):,} of {compiled:,} statements that compile read the same tables and columns")
    for one in differences:
        print(f"\n- {one}")


if __name__ == "__main__":
    main()
