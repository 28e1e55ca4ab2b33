"""BIRD's `database_description/<table>.csv` → `Column.description`.

The files were saved by many hands: UTF-8 with and without a mark, cp1252, ragged rows, unbalanced quotes. What
cannot be read is left out and noted; a description is a help for the prompt, never a reason to stop.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.types import Column, Schema, Table

__all__ = ["attach_descriptions", "decode", "read_descriptions"]

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
