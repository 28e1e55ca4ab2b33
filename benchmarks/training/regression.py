"""Whether a run of a stack takes more of the card than the committed run of the same kind on the same device."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["PEAKS", "compare_peaks", "find_committed"]

LIMIT = 1.10
PEAKS = ("peak_allocated_gib", "peak_reserved_gib")


def find_committed(run: dict[str, Any], paths: Iterable[Path]) -> Path | None:
    """Return the file whose run has the device, stack, model, budget and group size of `run`, `None` where none has."""
    return next((path for path in sorted(paths) if _kind(json.loads(path.read_text("utf-8"))) == _kind(run)), None)


def _kind(run: dict[str, Any]) -> tuple[Any, ...]:
    flags = run["flags"]
    return run["device"], run["stack"], run["model"], flags.get("budget_gib"), flags.get("group_size")


def compare_peaks(run: dict[str, Any], committed: Path) -> list[str]:
    """Return a message for each of the `PEAKS` that is more than 10 % above that of the run in `committed`."""
    before = json.loads(committed.read_text("utf-8"))
    return [
        f"{committed.name}: {name} was {before[name]:.3f} and is {run[name]:.3f}, {run[name] / before[name] - 1:+.1%}: "
        "find what takes it, or commit the new run with the reason"
        for name in PEAKS
        if run[name] > LIMIT * before[name]
    ]
