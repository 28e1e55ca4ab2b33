"""BIRD's `database_description/<table>.csv`, or the readable names of a tables JSON → `Column.description`.

The CSV files were saved by many hands: UTF-8 with and without a mark, cp1252, ragged rows, unbalanced quotes. What
cannot be read is left out and noted; a description is a help for the prompt, never a reason to stop.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from harness.datasets.reading import read_json
from harness.types import Column, Schema, Table

__all__ = ["Descriptions", "attach_descriptions", "attach_names", "decode", "read_descriptions"]

Descriptions = bool | Literal["names"]
"""Whether columns are described, and by what: the CSV files, or `"names"`."""

# U+0080 to U+009F are cp1252's punctuation that somebody read as Latin-1; nobody writes them on purpose.
_CONTROLS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}


def attach_descriptions(
    schemas: Mapping[str, Schema], database_root: Path | None
) -> tuple[dict[str, Schema], list[str]]:
    """Return the schemas with descriptions from `<root>/<db>/database_description/`, and notes on unread files.

    Tables and columns are matched without regard to case.
    """
    described: dict[str, Schema] = {}
    notes: list[str] = []
    for db_id, schema in schemas.items():
        folder = database_root / db_id / "database_description" if database_root else None
        files = {path.stem.strip().lower(): path for path in sorted(folder.glob("*.csv"))} if folder else {}
        tables = tuple(_describe(table, files.get(table.name.lower()), notes) for table in schema.tables)
        described[db_id] = replace(schema, tables=tables)
    return described, notes


def _describe(table: Table, path: Path | None, notes: list[str]) -> Table:
    if path is None:
        return table
    try:
        texts = read_descriptions(path)
    except (csv.Error, OSError) as error:
        notes.append(f"{path.parent.parent.name}/{path.name}: descriptions left out: {error}")
        return table
    columns = (Column(one.name, one.type, texts.get(one.name.strip().lower(), "")) for one in table.columns)
    return replace(table, columns=tuple(columns))


def attach_names(schemas: Mapping[str, Schema], tables: Path | None) -> dict[str, Schema]:
    """Return the schemas with each column's readable name of the tables JSON, where its letters are not the column's.

    Training sets without databases have no other description.
    """
    entries = {entry.get("db_id"): entry for entry in read_json(tables)} if tables else {}
    return {db_id: _name(schema, entries.get(db_id, {})) for db_id, schema in schemas.items()}


def _name(schema: Schema, entry: Mapping[str, Any]) -> Schema:
    tables = entry.get("table_names_original", ())
    pairs = zip(entry.get("column_names_original", ()), entry.get("column_names", ()), strict=False)
    names = {(tables[table], own): name for (table, own), (_, name) in pairs if table >= 0}

    def describe(table: str, column: Column) -> Column:
        name = " ".join(str(names.get((table, column.name), "")).split())
        return replace(column, description="" if _letters(name) == _letters(column.name) else name)

    described = (
        replace(table, columns=tuple(describe(table.name, column) for column in table.columns))
        for table in schema.tables
    )
    return replace(schema, tables=tuple(described))


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def read_descriptions(path: Path) -> dict[str, str]:
    """Return `column → description` of one file, columns in lower case, white space collapsed.

    The text is the column's description, or its long name where there is none, followed by what its values mean.
    Raises `csv.Error` or `OSError` when the file cannot be read.
    """
    text = decode(path.read_bytes()).replace("\0", "")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    texts: dict[str, str] = {}
    for row in rows[1:]:
        cells = {name: " ".join(cell.split()) for name, cell in zip(header, row, strict=False)}
        column = cells.get("original_column_name", "").lower()
        meaning = cells.get("column_description", "") or cells.get("column_name", "")
        parts = [meaning if meaning.lower() != column else "", cells.get("value_description", "")]
        if column:
            texts.setdefault(column, "; ".join(part for part in parts if part))
    return texts


def decode(raw: bytes) -> str:
    """Return the text of bytes in UTF-8, else cp1252, else Latin-1, which knows every byte.

    Bullets and quotes that were turned into control characters on an earlier journey are turned back.
    """
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding).translate(_CONTROLS)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1").translate(_CONTROLS)
