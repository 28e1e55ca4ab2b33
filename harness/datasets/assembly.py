"""A `Layout` → a `Dataset`, and everything that is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.datasets.descriptions import Descriptions, attach_descriptions, attach_names
from harness.datasets.layout import Layout, find_databases
from harness.datasets.questions import Questions, parse_examples, read_gold_sql
from harness.datasets.reading import listed, problem_report, read_items
from harness.datasets.schema import Tables, read_sqlite, read_tables
from harness.errors import DataError
from harness.types import Dataset, Schema

__all__ = ["Assembled", "assemble", "find_empty", "require_sound"]

QUESTIONS_ONLY = "questions only: there is no database folder"


@dataclass(frozen=True)
class Assembled:
    """A data set as far as it could be read, and why it must not be scored as it is (`problems`).

    `questions_only` says that there is no folder for databases, as opposed to one that lacks some.
    """

    dataset: Dataset
    problems: tuple[str, ...] = ()
    questions_only: bool = False


def assemble(layout: Layout, split: str, limit: int | None = None, *, descriptions: Descriptions = False) -> Assembled:
    """Read the files of a layout; `limit` keeps the first questions of the file.

    Raises `DataError` for a file that cannot be read at all; smaller faults are gathered in `problems`.
    """
    files = {path: read_items(path) for path in layout.questions}
    items = [item for found in files.values() for item in found]
    gold_file = layout.gold_file if any(not (item.get("SQL") or item.get("query")) for item in items) else None
    parsed = parse_examples(items) if gold_file is None else _parse_with_golds(items, gold_file)
    examples = parsed.examples if limit is None else parsed.examples[:limit]
    used = list(dict.fromkeys(example.db_id for example in examples))
    databases = find_databases(layout.database_root, used)
    schemas, notes, problems = _schemas(used, databases, layout)
    if descriptions == "names":
        schemas = attach_names(schemas, layout.tables)
    elif descriptions:
        schemas, more = attach_descriptions(schemas, layout.database_root)
        notes += more
    if layout.database_root is None:
        notes.append(QUESTIONS_ONLY)
    sources = (*layout.questions, *(path for path in (layout.tables, gold_file) if path))
    dataset = Dataset(layout.name, split, examples, schemas, databases, sources, tuple(notes))
    problems = [*find_empty(files), *parsed.problems, *problems]
    return Assembled(dataset, tuple(problems), questions_only=layout.database_root is None)


def find_empty(files: Mapping[Path, Sequence[object]]) -> list[str]:
    """Return a problem for each questions file without an item: a score over nothing would look like one."""
    return [f"{path.name}: holds no question; check the file" for path, items in files.items() if not items]


def require_sound(assembled: Assembled) -> Dataset:
    """Return the data set; raises `DataError` with every problem when there is one."""
    if assembled.problems:
        where = assembled.dataset.sources[0]
        raise problem_report(where, assembled.problems, "repair the data folder (`t2s data check` says more)")
    return assembled.dataset


def _parse_with_golds(items: Sequence[Mapping[str, Any]], gold_file: Path) -> Questions:
    named = {name for item in items if isinstance(name := item.get("db_id"), str)}
    golds = read_gold_sql(gold_file, sorted(named))
    wrong = [
        number for number, (item, gold) in enumerate(zip(items, golds, strict=False)) if item.get("db_id") != gold[1]
    ]
    parsed = parse_examples(items, golds)
    problems = list(parsed.problems)
    if len(golds) != len(items):
        problems.append(f"{gold_file.name}: {len(golds)} golds for {len(items)} questions")
    if wrong:
        problems.append(f"{gold_file.name}: the database differs from the question's at {listed(wrong)}")
    return replace(parsed, problems=tuple(problems))


def _schemas(
    used: Sequence[str], databases: Mapping[str, Path], layout: Layout
) -> tuple[dict[str, Schema], list[str], list[str]]:
    """Return the schemas of the databases in use, from the tables file or else from SQLite; notes; problems."""
    problems: list[str] = []
    try:
        tables = read_tables(layout.tables) if layout.tables else Tables({})
    except DataError as error:
        tables = Tables({})
        problems.append(str(error))
    schemas = {db_id: tables.schemas[db_id] for db_id in used if db_id in tables.schemas}
    undescribed = [db_id for db_id in used if db_id in databases and db_id not in schemas]
    for db_id in undescribed:
        try:
            schemas[db_id] = read_sqlite(databases[db_id], db_id)
        except DataError as error:
            problems.append(str(error))
    lacking = [db_id for db_id in used if db_id not in schemas and db_id not in databases]
    if lacking:
        where = f"{layout.tables.name} does not describe them" if layout.tables else "there is no tables file"
        problems.append(f"databases without a schema ({where}): {listed(lacking)}")
    notes = list(tables.notes)
    if undescribed:
        notes.append(f"schemas read from the SQLite files, as no tables file describes them: {listed(undescribed)}")
    return schemas, notes, problems
