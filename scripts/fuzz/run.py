"""Let thousands of hostile statements loose on the executor and write down what came of each.

Run as `python scripts/fuzz/run.py --statements 10000 --log FILE` (Linux). The exit code is 1 when a promise was broken.
`--only SEED` shows one statement and its verdict. The log is JSON Lines: what was run on what, then `[seed, kind,
status, milliseconds, MiB]` for each statement, then the totals.
"""

import argparse
import json
import platform
import re
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fuzzing.arena import LIMITS, MOST_CPU_AFTER_S, MOST_OVERSHOOT_S, Arena, Outcome
from fuzzing.attacks import write_attack

__all__ = ["main"]

_BATCH = 100
_TRIES = 3
"""A delay counts when it comes back: the machine may have been busy."""


def fight(seeds: Sequence[int]) -> tuple[list[Outcome], list[str]]:
    """Let the attacks of `seeds` loose one after the other; return outcomes and what changed on disk."""
    with tempfile.TemporaryDirectory() as folder, Arena(Path(folder)) as arena:
        return [_settle(arena, seed) for seed in seeds], arena.changes()


def _settle(arena: Arena, seed: int) -> Outcome:
    for _ in range(_TRIES):
        outcome = arena.face(write_attack(seed))
        if outcome.faults or not outcome.delays:
            break
    return outcome


def summarise(outcomes: Sequence[Outcome], changes: Sequence[str]) -> dict[str, Any]:
    """Return the totals of a fight, ready for JSON."""
    worst = max(outcomes, key=lambda one: one.overshoot_s)
    return {
        "statements": len(outcomes),
        "scored": sum("scored" in one.faults for one in outcomes),
        "files_changed": len(changes),
        "longest_overshoot_s": round(worst.overshoot_s, 3),
        "longest_overshoot_seed": worst.attack.seed,
        "most_cpu_after_s": round(max(one.cpu_after_s for one in outcomes), 3),
        "most_memory_mib": round(max(one.peak_mib for one in outcomes), 1),
        "faults": [[one.attack.seed, *one.faults, *one.delays] for one in outcomes if one.faults or one.delays],
        "reasons": dict(Counter(_shorten(one.reason) for one in outcomes if one.status in {"resource", "timeout"})),
        "status": dict(sorted(Counter(one.status for one in outcomes).items())),
        "kinds": dict(sorted(Counter(f"{one.attack.kind}: {one.status}" for one in outcomes).items())),
    }


def _shorten(reason: str) -> str:
    return re.sub(r"[\d.,]+\d", "N", reason)


def write_log(path: Path, header: dict[str, Any], outcomes: Sequence[Outcome], totals: dict[str, Any]) -> None:
    """Write one line for the run, one for each statement and one for the totals."""
    lines = [
        [one.attack.seed, one.attack.kind, one.status, round(1000 * one.elapsed_s), round(one.peak_mib)]
        for one in outcomes
    ]
    text = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in [header, *lines, totals])
    path.write_text(text, encoding="utf-8")


def _show(seed: int) -> int:
    sql = write_attack(seed).sql
    print(sql if len(sql) <= 4_000 else f"{sql[:4_000]} … ({len(sql)} characters)")  # noqa: PLR2004
    (outcome,), changes = fight([seed])
    print(json.dumps({**asdict(outcome), "attack": outcome.attack.kind, "changes": changes}, indent=1))
    return int(bool(outcome.faults or outcome.delays or changes))


def _batches(first: int, count: int) -> Iterator[range]:
    for start in range(first, first + count, _BATCH):
        yield range(start, min(start + _BATCH, first + count))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fight and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", type=int, help="show one seed's statement and verdict")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with a worker of its own")
    parser.add_argument("--log", type=Path)
    options = parser.parse_args(arguments)
    if options.only is not None:
        return _show(options.only)
    outcomes: list[Outcome] = []
    changes: list[str] = []
    with ProcessPoolExecutor(options.jobs) as processes:
        for some, changed in processes.map(fight, _batches(options.first, options.statements)):
            outcomes += some
            changes += changed
            print(f"\r{len(outcomes)} of {options.statements}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    totals = summarise(outcomes, changes)
    header = {
        "command": f"python scripts/fuzz/run.py --statements {options.statements} --first {options.first}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "limits": asdict(LIMITS),
        "allowed": {"overshoot_s": MOST_OVERSHOOT_S, "cpu_after_s": MOST_CPU_AFTER_S},
        "line": ["seed", "kind", "status", "milliseconds", "MiB"],
    }
    if options.log:
        write_log(options.log, header, outcomes, totals)
    print(json.dumps({**totals, "changes": changes}, indent=1))
    return int(bool(totals["faults"] or changes))


if __name__ == "__main__":
    sys.exit(main())
