"""The names of a schema, folded as SQLite compares them."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

from harness.types import Schema

__all__ = ["BUILT_IN", "CATALOGUE", "ROWIDS", "TABLE_FUNCTIONS", "Names", "Written", "fold"]

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
ROWIDS = frozenset({"rowid", "oid", "_rowid_"})
"""The names of a table's row number, where no column has them: https://sqlite.org/lang_createtable.html#rowid."""

CATALOGUE = frozenset({"sqlite_master", "sqlite_schema"})
"""The two names of SQLite's own table of tables, either of which stands for the other."""

BUILT_IN: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (*sorted(CATALOGUE), "sqlite_temp_master", "sqlite_temp_schema"), ("type", "name", "tbl_name", "rootpage", "sql")
)
"""SQLite's own tables and their columns: https://sqlite.org/schematab.html."""

_JSON = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path")
TABLE_FUNCTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "json_each": (_JSON, ("json", "root")),
    "json_tree": (_JSON, ("json", "root")),
}
"""Table-valued functions: their columns, and those that a `*` leaves out (https://sqlite.org/json1.html#jeach)."""


def fold(name: str) -> str:
    """Return what SQLite compares names by: it ignores the case of ASCII letters alone."""
    return name.lower() if name.isascii() else name.translate(_ASCII_LOWER)


@dataclass(frozen=True, slots=True)
class Written:
    """A table as the schema writes it; `columns` from folded to written name, in order."""

    name: str
    columns: Mapping[str, str]


class Names:
    """Tables and columns by folded name."""

    def __init__(self, schema: Schema) -> None:
        tables: dict[str, Written] = {}
        owners: dict[str, list[str]] = {}
        for table in schema.tables:
            # Of names that differ only in case SQLite holds the first.
            columns = {fold(column.name): column.name for column in reversed(table.columns)}
            tables.setdefault(fold(table.name), Written(table.name, dict(reversed(columns.items()))))
        for written in tables.values():
            for name in written.columns:
                owners.setdefault(name, []).append(written.name)
        self.tables: Mapping[str, Written] = tables
        self._owners = {column: tuple(names) for column, names in owners.items()}

    def owners(self, column: str) -> tuple[str, ...]:
        """Return the tables, as written, that have a column of this folded name."""
        return self._owners.get(column, ())
