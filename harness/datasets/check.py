"""Everything that is wrong with a data folder, found before a model is asked anything.

A *problem* makes scores meaningless (a file is missing or corrupt, an id repeats, a gold fails); a *note* is
what a person should know (a gold returns nothing, the tables file and the database differ).
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from harness.datasets import read
from harness.datasets.assembly import Assembled
from harness.datasets.ddl import to_ddl
from harness.datasets.hashing import hashes
from harness.datasets.schema import compare, read_sqlite, verify_sqlite
from harness.errors import DataError
from harness.execution import Executor, Limits
from harness.types import Dataset, Example, Execution

__all__ = ["CheckReport", "check"]


@dataclass(frozen=True)
class CheckReport:
    """What a check found; `hashes` is the sha256 of every file that scores depend on, `counts` how much there is."""

    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Gold:
    """One gold SQL of a question; `name` is how messages call it."""

    name: str
    db_id: str
    sql: str


@dataclass(frozen=True)
class _Outcome:
    """What became of a gold: `fault` is SQLite's message, `""` when it ran."""

    gold: _Gold
    fault: str = ""
    empty: bool = False


def check(path: str | Path, split: str = "dev", *, limits: Limits | None = None, workers: int = 0) -> CheckReport:
    """Check one split of a data folder: its files, ids, schemas and databases, and run every gold.

    A folder without any database folder is questions only: its golds are prepared on the schemas instead of being run.
    `workers` counts processes, 0 is one per core.
    """
    try:
        assembled = read(path, split)
    except DataError as error:
        return CheckReport((str(error),))
    dataset = assembled.dataset
    problems, notes = list(assembled.problems), list(dataset.notes)
    problems += [
        f"question {one.question_id}: the question is empty" for one in dataset.examples if not one.question.strip()
    ]
    broken, sound = _check_databases(dataset, notes)
    problems += broken
    if not assembled.questions_only:
        problems += _missing_databases(dataset)
    counts = Counter(
        questions=len(dataset.examples),
        databases_used=len({one.db_id for one in dataset.examples}),
        databases_found=len(dataset.databases),
        schemas=len(dataset.schemas),
    )
    failures, remarks = _check_golds(assembled, sound, limits or Limits(), workers, counts)
    return CheckReport((*problems, *failures), (*notes, *remarks), hashes(dataset), dict(counts))


def _missing_databases(dataset: Dataset) -> list[str]:
    used = dict.fromkeys(example.db_id for example in dataset.examples)
    missing = [db_id for db_id in used if db_id not in dataset.databases]
    return [f"databases without a file <db>/<db>.sqlite: {', '.join(missing)}"] if missing else []


def _check_databases(dataset: Dataset, notes: list[str]) -> tuple[list[str], dict[str, Path]]:
    """Return what is wrong with the files, and those that can be used; differences of the schemas become notes."""
    problems, sound = [], {}
    for db_id, path in dataset.databases.items():
        corrupt = verify_sqlite(path)
        if corrupt:
            problems.append(corrupt)
            continue
        sound[db_id] = path
        if db_id in dataset.schemas:
            notes += [f"{db_id}: {one}" for one in compare(dataset.schemas[db_id], read_sqlite(path, db_id))]
    return problems, sound


def _check_golds(
    assembled: Assembled, databases: Mapping[str, Path], limits: Limits, workers: int, counts: Counter[str]
) -> tuple[list[str], list[str]]:
    """Run the golds (prepare them where there are no databases); return failures and remarks, and count both."""
    dataset = assembled.dataset
    usable = dataset.schemas.keys() if assembled.questions_only else databases.keys()
    golds = [gold for example in dataset.examples if example.db_id in usable for gold in _golds(example)]
    ddl = {db_id: to_ddl(dataset.schemas[db_id]) for db_id in usable} if assembled.questions_only else {}
    with Executor(databases, ddl=ddl, limits=limits, workers=workers) as executor:
        run = executor.prepare if assembled.questions_only else executor.execute
        with ThreadPoolExecutor(workers or os.cpu_count() or 1) as threads:
            outcomes = list(threads.map(lambda gold: _outcome(gold, run), golds))
    failed = [outcome for outcome in outcomes if outcome.fault]
    counts["golds"] = len(golds)
    if assembled.questions_only:
        counts["golds_prepared"] = len(golds) - len(failed)
        return [], _failures(failed, "does not prepare on the schema of")
    empty = [outcome.gold.name for outcome in outcomes if outcome.empty]
    counts["golds_executed"] = len(golds) - len(failed)
    counts["golds_empty"] = len(empty)
    remarks = [f"golds that return no row: {', '.join(empty)} ({len(empty)} in all)"] if empty else []
    return _failures(failed, "fails on"), remarks


def _outcome(gold: _Gold, run: Callable[[str, str], Execution]) -> _Outcome:
    """Run one gold and forget its rows, which may be many."""
    execution = run(gold.db_id, gold.sql)
    if execution.ok:
        return _Outcome(gold, empty=not execution.rows)
    return _Outcome(gold, fault=execution.error or str(execution.status))


def _golds(example: Example) -> list[_Gold]:
    count = len(example.golds)
    return [
        _Gold(f"{example.question_id}" + (f" (gold {number} of {count})" if count > 1 else ""), example.db_id, sql)
        for number, sql in enumerate(example.golds, start=1)
    ]


def _failures(failed: Sequence[_Outcome], what: str) -> list[str]:
    return [f"question {one.gold.name}: the gold {what} {one.gold.db_id}: {one.fault}" for one in failed]
