"""Where a `Schema` comes from: the publisher's tables JSON, or the SQLite file itself through PRAGMA.

The only module of the data sets that opens a database. It reads its catalogue and never runs anybody's SQL.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.datasets.ddl import to_ddl
from harness.datasets.reading import problem_report, read_json
from harness.errors import DataError
from harness.types import Column, ForeignKey, Schema, Table

__all__ = ["Tables", "compare", "parse_tables_entry", "read_sqlite", "read_tables", "to_ddl", "verify_sqlite"]

_SQLITE_MAGIC = b"SQLite format 3\0"
# What `PRAGMA quick_check` says about content that breaks a constraint: sloppy data, not a corrupt file.
_SLOPPY = re.compile(r"\S+ value in|CHECK constraint failed")


@dataclass(frozen=True)
class Tables:
    """A tables JSON: schemas by `db_id`, and what had to be tolerated in them."""

    schemas: Mapping[str, Schema]
    notes: tuple[str, ...] = ()


def read_tables(path: Path) -> Tables:
    """Read a tables JSON (`dev_tables.json`, `tables.json`).

    Raises `DataError` naming every entry that cannot be understood; keys that point nowhere are notes.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise DataError(f"{path}: a list of schemas is expected; check that this is a tables file")
    schemas: dict[str, Schema] = {}
    notes: list[str] = []
    problems: list[str] = []
    for position, entry in enumerate(entries):
        try:
            schema, tolerated = parse_tables_entry(entry)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"entry {position}: not a schema ({type(error).__name__}: {error})")
            continue
        if schema.db_id in schemas:
            notes.append(f"{path.name}: {schema.db_id} is described twice; the first counts")
        notes += [f"{path.name}: {note}" for note in tolerated]
        schemas.setdefault(schema.db_id, schema)
    if problems:
        raise problem_report(path, problems, "repair the file or remove it (schemas are then read from the databases)")
    return Tables(schemas, tuple(notes))


def parse_tables_entry(entry: Mapping[str, Any]) -> tuple[Schema, tuple[str, ...]]:
    """Make a `Schema` of one entry of a tables JSON, and notes on keys that point nowhere.

    Columns are `[table index, name]` pairs that start with `[-1, "*"]`; primary keys are column indexes or lists
    of them, foreign keys pairs of them. Raises `KeyError`, `TypeError` or the like when the entry is no schema.
    """
    db_id: str = entry["db_id"]
    names: list[str] = entry["table_names_original"]
    located: list[tuple[int, str]] = [(index, name) for index, name in entry["column_names_original"]]
    types: Sequence[str] = entry.get("column_types") or ()
    keys = [key if isinstance(key, list) else [key] for key in entry.get("primary_keys") or ()]
    notes = [f"{db_id}: a primary key points outside the columns: {key}" for key in keys if not _inside(key, located)]
    columns: list[list[Column]] = [[] for _ in names]
    for position, (table, name) in enumerate(located):
        if table >= 0:
            columns[table].append(Column(name, types[position] if position < len(types) else ""))
    primary = [[located[index] for index in key] for key in keys if _inside(key, located)]
    tables = tuple(
        Table(
            name, tuple(columns[number]), tuple(column for key in primary for table, column in key if table == number)
        )
        for number, name in enumerate(names)
    )
    foreign_keys = []
    for key in entry.get("foreign_keys") or ():
        if isinstance(key, list) and len(key) == 2 and _inside(key, located):  # noqa: PLR2004 - a pair
            (table, column), (referred, target) = located[key[0]], located[key[1]]
            foreign_keys.append(ForeignKey(names[table], column, names[referred], target))
        else:
            notes.append(f"{db_id}: a foreign key points outside the columns: {key}")
    return Schema(db_id, tables, tuple(foreign_keys)), tuple(notes)


def _inside(key: object, located: Sequence[tuple[int, str]]) -> bool:
    """Whether all indexes of a key name a real column (not the `*` in front)."""
    return isinstance(key, list) and all(
        isinstance(index, int) and 0 <= index < len(located) and located[index][0] >= 0 for index in key
    )


def read_sqlite(path: Path, db_id: str | None = None) -> Schema:
    """Read the schema of a SQLite file, views included as tables; `db_id` defaults to the file's stem.

    The file is opened read-only. Raises `DataError` when it is missing or no readable SQLite database.
    """
    with _open(path) as connection:
        names = [
            str(row[1])
            for row in connection.execute("PRAGMA main.table_list")
            if row[2] in ("table", "view", "virtual") and not str(row[1]).startswith("sqlite_")
        ]
        # `table_list` walks a hash table; the order in which tables were created is not to be had from PRAGMA.
        names.sort(key=str.lower)
        tables = {name.lower(): _read_table(connection, name) for name in names}
        keys = tuple(key for name in names for key in _read_foreign_keys(connection, name, tables))
    return Schema(db_id or path.stem, tuple(tables.values()), keys)


def verify_sqlite(path: Path) -> str:
    """Return what SQLite finds corrupt in a database file, `""` for nothing; reads the whole file."""
    try:
        with _open(path) as connection:
            messages = [str(row[0]) for row in connection.execute("PRAGMA quick_check(20)")]
    except DataError as error:
        return str(error)
    corrupt = [message for message in messages if message != "ok" and not _SLOPPY.match(message)]
    return f"{path}: corrupt: {corrupt[0].strip()}; fetch the file again" if corrupt else ""


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    _check_header(path)
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        yield connection
    except sqlite3.Error as error:
        raise DataError(f"{path}: not a readable SQLite database: {error}; fetch the file again") from error
    finally:
        connection.close()


def _check_header(path: Path) -> None:
    """Refuse what is no SQLite file, e.g. a Git LFS pointer or an empty file, which SQLite takes for a database."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from error
    if magic != _SQLITE_MAGIC:
        what = "empty" if not magic else "not a SQLite database"
        raise DataError(f"{path}: {what}; fetch the file again")


def _read_table(connection: sqlite3.Connection, name: str) -> Table:
    rows = list(connection.execute(f"PRAGMA main.table_xinfo({_literal(name)})"))
    shown = [row for row in rows if row[6] != 1]  # 1: hidden columns of a virtual table
    keyed = sorted((row for row in shown if row[5]), key=lambda row: row[5])
    columns = tuple(Column(row[1], row[2] or "") for row in shown)
    return Table(name, columns, tuple(row[1] for row in keyed))


def _read_foreign_keys(connection: sqlite3.Connection, name: str, tables: Mapping[str, Table]) -> list[ForeignKey]:
    rows = list(connection.execute(f"PRAGMA main.foreign_key_list({_literal(name)})"))
    keys = []
    # Newest first is how SQLite lists them; turned round they stand as they were declared.
    for _, position, referred, column, target, *_ in sorted(rows, key=lambda row: (-row[0], row[1])):
        table = tables.get(referred.lower())
        primary_key = table.primary_key if table else ()
        if target is None:  # REFERENCES without columns means the primary key
            target = primary_key[position] if position < len(primary_key) else ""  # noqa: PLW2901
        keys.append(ForeignKey(name, column, table.name if table else referred, target))
    return [key for key in keys if key.referred_column]


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def compare(declared: Schema, actual: Schema) -> list[str]:
    """Return how the tables JSON and the database differ in tables, columns and primary keys, case ignored.

    Types are not compared: tables files only know a handful of them.
    """
    expected = {table.name.lower(): table for table in declared.tables if not table.name.startswith("sqlite_")}
    found = {table.name.lower(): table for table in actual.tables}
    differences = [f"table {expected[name].name} is not in the database" for name in expected if name not in found]
    differences += [f"table {found[name].name} is not in the tables file" for name in found if name not in expected]
    for name, table in expected.items():
        if name in found:
            differences += _compare_table(table, found[name])
    return differences


def _compare_table(declared: Table, actual: Table) -> list[str]:
    expected = {column.name.lower(): column.name for column in declared.columns}
    found = {column.name.lower(): column.name for column in actual.columns}
    here = declared.name
    differences = [f"column {here}.{expected[one]} is not in the database" for one in expected if one not in found]
    differences += [f"column {here}.{found[one]} is not in the tables file" for one in found if one not in expected]
    keys = [sorted(name.lower() for name in table.primary_key) for table in (declared, actual)]
    # Spider's tables file names one column of a primary key and is silent about the others.
    if not set(keys[0]) <= set(keys[1]):
        shown = [", ".join(key) or "none" for key in keys]
        differences.append(f"primary key of {here}: {shown[0]} in the tables file, {shown[1]} in the database")
    return differences
