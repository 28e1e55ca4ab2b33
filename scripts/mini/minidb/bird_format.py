"""The parts of BIRD's layout that are not SQLite: tables.json, descriptions, question files."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minidb.model import Database
    from minidb.questions import Question

__all__ = ["question_entries", "tables_entry", "write_descriptions", "write_json"]

CSV_HEADER = (
    "original_column_name",
    "column_name",
    "column_description",
    "data_format",
    "value_description",
)


def tables_entry(database: Database) -> dict[str, object]:
    """Return the entry of `database` for a BIRD tables.json; column 0 is `*`, as there."""
    tables = database.tables
    columns = [(at, column) for at, table in enumerate(tables) for column in table.columns]
    places = {(tables[at].name, c.name): place for place, (at, c) in enumerate(columns, start=1)}
    keys = [[places[table.name, name] for name in table.key] for table in tables]
    return {
        "db_id": database.db_id,
        "table_names_original": [table.name for table in tables],
        "table_names": [table.title for table in tables],
        "column_names_original": [[-1, "*"], *([at, c.name] for at, c in columns)],
        "column_names": [[-1, "*"], *([at, c.title] for at, c in columns)],
        "column_types": ["text", *(c.kind for _, c in columns)],
        "primary_keys": [key if len(key) > 1 else key[0] for key in keys],
        "foreign_keys": [
            [place, places[_split(c.refers_to)]] for place, (_, c) in enumerate(columns, start=1) if c.refers_to
        ],
    }


def _split(reference: str) -> tuple[str, str]:
    """Return the table and the column of `table.column`."""
    table, _, column = reference.partition(".")
    return table, column


def write_descriptions(database: Database, folder: Path) -> None:
    """Write one CSV file per table into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in database.tables:
        path = folder / f"{table.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(CSV_HEADER)
            for column in table.columns:
                writer.writerow((column.name, column.title, column.about, column.kind, column.values))


def question_entries(questions: Sequence[Question], first_id: int) -> list[dict[str, object]]:
    """Return the entries of a BIRD question file, numbered from `first_id`."""
    return [
        {
            "question_id": question_id,
            "db_id": question.db_id,
            "question": question.question,
            "evidence": question.evidence,
            "SQL": question.sql,
            "difficulty": question.difficulty,
        }
        for question_id, question in enumerate(questions, start=first_id)
    ]


def write_json(path: Path, content: object) -> None:
    """Write `content` as JSON, indented by one space as BIRD's files are, with a final newline."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
