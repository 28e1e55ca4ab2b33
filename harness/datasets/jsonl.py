"""One database and one file of questions with gold SQL (and perhaps with the predicted SQL beside it)."""

from pathlib import Path

from harness.datasets.assembly import Assembled, find_empty, require_sound
from harness.datasets.questions import parse_examples
from harness.datasets.reading import listed, read_items
from harness.datasets.schema import read_sqlite
from harness.errors import DataError
from harness.types import Dataset

__all__ = ["load_single", "read_single"]


def load_single(database: Path, questions: Path) -> Dataset:
    """Read a questions file (JSON list or JSON Lines) for one SQLite file, whose schema is read from it.

    Items have `question` and gold SQL; `question_id` defaults to the position, `db_id` to the database's stem.
    Raises `DataError` naming every item that lacks what is needed, and when the items name several databases.
    """
    return require_sound(read_single(database, questions))


def read_single(database: Path, questions: Path) -> Assembled:
    """As `load_single`, but with the problems listed instead of raised."""
    items = read_items(questions)
    named = list(dict.fromkeys(str(item["db_id"]) for item in items if item.get("db_id")))
    if len(named) > 1:
        raise DataError(f"{questions}: several databases are named: {listed(named)}; score one at a time or use --data")
    db_id = named[0] if named else database.stem
    schema = read_sqlite(database, db_id)
    parsed = parse_examples(items, default_db_id=db_id)
    dataset = Dataset(
        name=database.stem,
        split=questions.stem,
        examples=parsed.examples,
        schemas={db_id: schema},
        databases={db_id: database},
        sources=(questions,),
    )
    return Assembled(dataset, (*find_empty({questions: items}), *parsed.problems))
