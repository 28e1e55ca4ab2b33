"""Build the mini set: six small databases with questions, in BIRD's folder layout.

Run as `python scripts/mini/build.py --out harness/datasets/mini`. The same sources give the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from minidb import apiary, escape_rooms, ferry_line, observatory, orchard, tool_library
from minidb.bird_format import question_entries, tables_entry, write_descriptions, write_json
from minidb.questions import read_questions
from minidb.sqlite_file import write_sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minidb.model import Database

__all__ = ["SPLITS", "build", "main"]

SPLITS: dict[str, tuple[Database, ...]] = {
    "train": (orchard.DATABASE, observatory.DATABASE, tool_library.DATABASE, ferry_line.DATABASE),
    "dev": (apiary.DATABASE, escape_rooms.DATABASE),
}
QUESTIONS = Path(__file__).parent / "questions"


def build(out: Path) -> dict[str, int]:
    """Write both splits below `out` and return how many questions each has.

    Question ids run through both files, so that they are unique over the whole set.
    """
    counts: dict[str, int] = {}
    for split, databases in SPLITS.items():
        counts[split] = _write_split(out, split, databases, first_id=sum(counts.values()))
    return counts


def _write_split(out: Path, split: str, databases: Sequence[Database], first_id: int) -> int:
    """Write the databases, the tables file and the question file of one split."""
    for database in databases:
        folder = out / f"{split}_databases" / database.db_id
        write_descriptions(database, folder / "database_description")
        write_sqlite(database, folder / f"{database.db_id}.sqlite")
    write_json(out / f"{split}_tables.json", [tables_entry(database) for database in databases])
    questions = [q for database in databases for q in read_questions(QUESTIONS, database.db_id)]
    write_json(out / f"{split}.json", question_entries(questions, first_id))
    return len(questions)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    out: Path = parser.parse_args().out
    for split, count in build(out).items():
        print(f"{split}: {count} questions")


if __name__ == "__main__":
    main()
