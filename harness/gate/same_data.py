"""Were two runs scored on the same data? Without that, their difference is not one of systems."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import UsageError
from harness.gate.pairing import Pairing, has_other_gold, pair_runs
from harness.types import Run

__all__ = ["find_other_data", "other_hashes", "refuse_other_data"]

DATABASES = "databases/"
SHOWN = 5
HASH_CHARACTERS = 12


def refuse_other_data(first: Run, second: Run, advice: str) -> None:
    """Raise `UsageError` with what `find_other_data` found; `advice` ends the message's first line."""
    if problems := find_other_data(first, second):
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise UsageError(
            f"{first.name} and {second.name}: scored on different data, so that systems cannot be told from data;"
            f" {advice}\n{listed}"
        )


def find_other_data(first: Run, second: Run) -> tuple[str, ...]:
    """Return what differs in the data that decide the verdicts of the questions in common, a line each.

    These are the databases, by the hashes in the manifests, and the golds. A questions file may differ where both runs'
    records show that questions and golds are the same: it may hold the predictions too, or more questions.
    """
    pairing = pair_runs(first, second)
    return (*_databases(first, second, pairing), *_golds(pairing), *_unseen_files(first, second, pairing))


def _databases(first: Run, second: Run, pairing: Pairing) -> Iterator[str]:
    used = {one.db_id for one, _ in pairing.pairs}
    return (line for name, line in other_hashes(first, second) if name.removeprefix(DATABASES) in used)


def _golds(pairing: Pairing) -> Iterator[str]:
    changed = [str(one.question_id) for one, two in pairing.pairs if has_other_gold(one, two)]
    if changed:
        shown = ", ".join(changed[:SHOWN]) + (" …" if len(changed) > SHOWN else "")
        yield f"{len(changed)} of {len(pairing.pairs)} common questions have another gold SQL: {shown}"


def _unseen_files(first: Run, second: Run, pairing: Pairing) -> Iterator[str]:
    """Yield the questions files that differ, where the records do not hold what stands in them."""
    if all(record.question and record.gold_sql for pair in pairing.pairs for record in pair):
        return
    for name, line in other_hashes(first, second):
        if not name.startswith(DATABASES):
            yield f"{line}; the records do not hold its questions and golds, to see whether they are the same"


def other_hashes(first: Run, second: Run) -> Iterator[tuple[str, str]]:
    """Yield name and description of each file that both manifests know, with another sha256."""
    one, two = (dict(_hashes(run.manifest.get("hashes"))) for run in (first, second))
    for name in one:
        if name in two and one[name] != two[name]:
            yield name, f"{name}: sha256 {one[name][:HASH_CHARACTERS]}… and {two[name][:HASH_CHARACTERS]}…"


def _hashes(tree: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items() if isinstance(tree, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _hashes(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", str(value)
