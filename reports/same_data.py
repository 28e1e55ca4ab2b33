"""Were two runs scored on the same data? Without that, their difference is not one of systems."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import UsageError
from harness.gate.pairing import Pairing, pair_runs
from harness.types import Run

__all__ = ["describe_differences", "refuse_other_data"]

DATABASES = "databases/"
SHOWN = 5
HASH_CHARACTERS = 12


def refuse_other_data(first: Run, second: Run) -> None:
    """Raise `UsageError` naming what differs in the data that decide the verdicts of the questions in common.

    That are the databases, by the hashes in the manifests, and the golds. A questions file may differ where both runs'
    records show that questions and golds are the same: it may hold the predictions too, or more questions.
    """
    pairing = pair_runs(first, second)
    problems = [*_databases(first, second, pairing), *_golds(pairing), *_unseen_files(first, second, pairing)]
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise UsageError(
            f"{first.name} and {second.name}: scored on different data, so that systems cannot be told from data;"
            f" score both on the same, or give --across-data\n{listed}"
        )


def _databases(first: Run, second: Run, pairing: Pairing) -> Iterator[str]:
    used = {one.db_id for one, _ in pairing.pairs}
    return (line for name, line in _other_hashes(first, second) if name.removeprefix(DATABASES) in used)


def _golds(pairing: Pairing) -> Iterator[str]:
    changed = [
        str(one.question_id)
        for one, two in pairing.pairs
        if one.gold_sql and two.gold_sql and one.gold_sql != two.gold_sql
    ]
    if changed:
        shown = ", ".join(changed[:SHOWN]) + (" …" if len(changed) > SHOWN else "")
        yield f"{len(changed)} of {len(pairing.pairs)} common questions have another gold SQL: {shown}"


def _unseen_files(first: Run, second: Run, pairing: Pairing) -> Iterator[str]:
    """Yield the questions files that differ, where the records do not hold what stands in them."""
    if all(record.question and record.gold_sql for pair in pairing.pairs for record in pair):
        return
    for name, line in _other_hashes(first, second):
        if not name.startswith(DATABASES):
            yield f"{line}; the records hold no golds to look at"


def describe_differences(first: Run, second: Run) -> tuple[str, ...]:
    """Return what else a person should know who compares the two: other files, limits and versions."""
    lines = [line for _, line in _other_hashes(first, second)]
    lines += _other_values("execution", *(_table(run.manifest, "config", "execution") for run in (first, second)))
    versions = [_table(run.manifest, "versions") for run in (first, second)]
    kept = [{name: one.get(name) for name in ("sqlite", "text2sql-harness") if name in one} for one in versions]
    return (*lines, *_other_values("version", *kept))


def _other_values(what: str, one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[str]:
    for name in one:
        # How many workers shared the work decides no verdict.
        if name in two and one[name] != two[name] and name != "workers":
            yield f"{what} {name}: {one[name]} and {two[name]}"


def _other_hashes(first: Run, second: Run) -> Iterator[tuple[str, str]]:
    one, two = (dict(_hashes(_table(run.manifest, "hashes"))) for run in (first, second))
    for name in one:
        if name in two and one[name] != two[name]:
            yield name, f"{name}: sha256 {one[name][:HASH_CHARACTERS]}… and {two[name][:HASH_CHARACTERS]}…"


def _hashes(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _hashes(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", str(value)


def _table(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        value = tree.get(key)
        tree = value if isinstance(value, Mapping) else {}
    return tree
