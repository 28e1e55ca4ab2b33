"""The source that a table's name stands for, and the one that a sub-query makes."""

import re

from harness.analysis.grounding.names import BUILT_IN, CATALOGUE, TABLE_FUNCTIONS, Names
from harness.analysis.grounding.queries import Output
from harness.analysis.grounding.sources import Source

__all__ = ["built_in_source", "derived_source", "function_source", "schema_source", "unknown_source"]

_INTERNAL = re.compile(r"pragma_\w+|dbstat|bytecode|tables_used|sqlite_stmt|sqlite_dbpage|sqlite_memstat")


def schema_source(name: str, names: Names) -> Source | None:
    """Return the schema's table of this folded name."""
    table = names.tables.get(name)
    if table is None:
        return None
    columns = {column: (name, column) for column in table.columns}
    return Source(frozenset({name}), columns, table=name, database="main", has_rowid=True, label=table.name)


def built_in_source(name: str) -> Source | None:
    """Return one of SQLite's own tables."""
    columns = BUILT_IN.get(name)
    if columns is None:
        return None
    qualifiers = CATALOGUE if name in CATALOGUE else frozenset({name})
    database = "main" if name in CATALOGUE else "temp"
    return Source(qualifiers, dict.fromkeys(columns), database=database, has_rowid=True, label=name)


def function_source(name: str) -> Source | None:
    """Return the table that a table-valued function of this folded name makes."""
    if name in TABLE_FUNCTIONS:
        shown, hidden = TABLE_FUNCTIONS[name]
        columns = dict.fromkeys(shown + hidden)
        return Source(frozenset({name}), columns, hidden=frozenset(hidden), has_rowid=True, label=name)
    # These differ between builds of SQLite, and the harness allows none of them: not a matter of names.
    return unknown_source(name) if _INTERNAL.fullmatch(name) else None


def unknown_source(name: str) -> Source:
    """Return a source whose columns nobody knows, so that one missing table is one problem."""
    return Source(frozenset({name}), {}, anything=True, label=name)


def derived_source(output: Output, *, has_rowid: bool) -> Source:
    """Return the source that a query in FROM makes; SQLite gives doubled column names a `:1`, then `:2`."""
    columns: dict[str, None] = {}
    for name in output.columns:
        number, unique = 0, name
        while unique in columns:
            number += 1
            unique = f"{name}:{number}"
        if unique:
            columns[unique] = None
    return Source(frozenset(), columns, anything=output.anything, has_rowid=has_rowid, unnamed=tuple(output.unnamed))
