"""Reading the questions of a database, which are kept in `questions/<db_id>.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DIFFICULTIES", "Question", "read_questions"]

DIFFICULTIES = ("simple", "moderate", "challenging")


@dataclass(frozen=True)
class Question:
    """One question with its gold SQL; `evidence` is empty where the schema says it all."""

    db_id: str
    question: str
    evidence: str
    sql: str
    difficulty: str


def read_questions(folder: Path, db_id: str) -> tuple[Question, ...]:
    """Return the questions of one database in the order of its file, simple ones first.

    Raises ValueError when the file has a difficulty or a key that is not known, so that a misspelt
    `evidence` does not vanish unseen.
    """
    path = folder / f"{db_id}.toml"
    sections = tomllib.loads(path.read_text(encoding="utf-8"))
    if unknown := sorted(set(sections) - set(DIFFICULTIES)):
        msg = f"{path}: unknown difficulty {', '.join(unknown)}; use one of {DIFFICULTIES}"
        raise ValueError(msg)
    return tuple(
        question for difficulty in DIFFICULTIES for question in _entries(path, difficulty, sections.get(difficulty, []))
    )


def _entries(path: Path, difficulty: str, entries: list[dict[str, str]]) -> Iterator[Question]:
    """Yield the questions of one difficulty; a line break in the SQL counts as a space."""
    for entry in entries:
        if not {"q", "sql"} <= set(entry) <= {"q", "e", "sql"}:
            msg = f"{path}: {entry}: a question has q, sql and at most e"
            raise ValueError(msg)
        sql = " ".join(entry["sql"].split())
        yield Question(path.stem, entry["q"], entry.get("e", ""), sql, difficulty)
