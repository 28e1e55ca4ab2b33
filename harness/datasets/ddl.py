"""Schema → `CREATE TABLE` statements, for an empty database on which SQLite can compile queries.

Not covered: constraints other than keys, defaults, indexes and views (a view becomes a table).
"""

import re
from collections.abc import Iterable
from string import ascii_lowercase, ascii_uppercase

from harness.identifiers import RESERVED, quote
from harness.types import Column, ForeignKey, Schema, Table

__all__ = ["to_ddl"]

_PLAIN_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?: [A-Za-z_][A-Za-z0-9_]*)*(?: ?\([0-9]+(?: ?, ?[0-9]+)?\))?")
_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
# `sqlite_sequence` cannot be created by its name: it appears with the first AUTOINCREMENT and stays.
_SEQUENCE = (
    "CREATE TABLE autoincrement_probe (id INTEGER PRIMARY KEY AUTOINCREMENT);",
    "DROP TABLE autoincrement_probe;",
)


def to_ddl(schema: Schema) -> str:
    """Return SQL that creates the schema's tables in an empty database, one statement after the other.

    Names that differ only in case from an earlier one are left out, as SQLite could not hold both; a table without
    columns gets one called `_`, as SQLite demands one; a name with a NUL character loses it.
    """
    statements: list[str] = []
    seen: set[str] = set()
    for table in schema.tables:
        folded = _fold(table.name)
        if folded in seen:
            continue
        seen.add(folded)
        if folded.startswith("sqlite_"):
            statements += _SEQUENCE if folded == "sqlite_sequence" else ()
        else:
            keys = [key for key in schema.foreign_keys if _fold(key.table) == folded]
            statements.append(_create(table, keys))
    return "\n".join(statements)


def _create(table: Table, foreign_keys: Iterable[ForeignKey]) -> str:
    columns = {_fold(column.name): column for column in reversed(table.columns)}
    lines = [_column(columns[folded]) for folded in dict.fromkeys(map(_fold, (one.name for one in table.columns)))]
    primary_key = [folded for folded in dict.fromkeys(map(_fold, table.primary_key)) if folded in columns]
    lines = lines or ["_"]
    if primary_key:
        lines.append(f"PRIMARY KEY ({', '.join(_name(columns[name].name) for name in primary_key)})")
    for key in foreign_keys:
        if _fold(key.column) in columns:
            target = f"{_name(key.referred_table)} ({_name(key.referred_column)})"
            lines.append(f"FOREIGN KEY ({_name(key.column)}) REFERENCES {target}")
    body = ",\n".join(f"    {line}" for line in lines)
    return f"CREATE TABLE {_name(table.name)} (\n{body}\n);"


def _column(column: Column) -> str:
    declared = column.type.strip()
    if not declared:
        return _name(column.name)
    words = re.findall(r"[A-Za-z_]+", declared.lower())
    plain = _PLAIN_TYPE.fullmatch(declared) and RESERVED.isdisjoint(words)
    return f"{_name(column.name)} {declared if plain else _name(declared, always=True)}"


def _fold(name: str) -> str:
    """Return what SQLite compares names by: it ignores the case of ASCII letters alone."""
    return _clean(name).translate(_ASCII_LOWER)


def _clean(name: str) -> str:
    return name.replace("\0", "")


def _name(name: str, *, always: bool = False) -> str:
    clean = _clean(name)
    return '"' + clean.replace('"', '""') + '"' if always else quote(clean, '"')
