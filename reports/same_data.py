"""What a person should know who compares two runs; that the data are the same, the gate's rule decides."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.gate import same_data
from harness.types import Run

__all__ = ["describe_differences", "refuse_other_data"]


def refuse_other_data(first: Run, second: Run) -> None:
    """Raise `UsageError` as the gate does, for a command that can be told to compare all the same."""
    same_data.refuse_other_data(first, second, "score both on the same, or give --across-data")


def describe_differences(first: Run, second: Run) -> tuple[str, ...]:
    """Return what else a person should know who compares the two: other files, limits and versions."""
    lines = [line for _, line in same_data.other_hashes(first, second)]
    lines += _other_values("execution", *(_table(run.manifest, "config", "execution") for run in (first, second)))
    versions = [_table(run.manifest, "versions") for run in (first, second)]
    kept = [{name: one.get(name) for name in ("sqlite", "text2sql-harness") if name in one} for one in versions]
    return (*lines, *_other_values("version", *kept))


def _other_values(what: str, one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[str]:
    for name in one:
        # How many workers shared the work decides no verdict.
        if name in two and one[name] != two[name] and name != "workers":
            yield f"{what} {name}: {one[name]} and {two[name]}"


def _table(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        value = tree.get(key)
        tree = value if isinstance(value, Mapping) else {}
    return tree
