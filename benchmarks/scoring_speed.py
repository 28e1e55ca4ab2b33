"""Measure how fast scoring is and print the table of ratios and bounds that the README shows.

Run as `python benchmarks/scoring_speed.py --out benchmarks/results/scoring-speed.json` on a machine with two idle
cores and $T2S_SHARED_DATA (under four minutes); `--read FILE` prints the table of a stored result.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["main"]

HERE = Path(__file__).parent
OFFICIAL, OURS, WARM = "official", "ours", "ours, warm cache"
ONE, TWO = "bound, one process", "bound, two processes"
MANY_ROUNDS = 100
BUSY = 0.5


def measure(path: Path) -> None:
    """Run the benchmarks and store what pytest-benchmark wrote, without the name of the machine."""
    if (load := os.getloadavg()[0]) > BUSY:
        print(f"the machine is busy (load {load:.1f}); these figures will not hold", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.json"
        files = [HERE / "test_scoring_speed.py", HERE / "test_execution_overhead.py"]
        options = [
            "-q",
            "--benchmark-only",
            "--benchmark-disable-gc",
            "--benchmark-json",
            raw,
            "-p",
            "no:cacheprovider",
        ]
        command = [sys.executable, "-m", "pytest", "-c", HERE.parent / "pyproject.toml", *options, *files]
        subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr)
        result = json.loads(raw.read_text(encoding="utf-8"))
    result["machine_info"].pop("node", None)
    result["commit_info"] = {"id": result["commit_info"].get("id")}
    for one in result["benchmarks"]:
        if one["stats"]["rounds"] > MANY_ROUNDS:
            del one["stats"]["data"]
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def write_table(result: dict[str, Any]) -> str:
    """Return the ratios of medians as Markdown, each beside its bound."""
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for one in result["benchmarks"]:
        groups.setdefault(one["group"], {})[one["extra_info"].get("role", one["name"])] = one
    lines = [
        "| answers | official | ours | ratio | bound: every distinct statement once, in one process | in two |",
        "|---|---|---|---|---|---|",
    ]
    for name, group in groups.items():
        if OFFICIAL not in group:
            continue
        official, one, two = (group[role]["stats"]["median"] for role in (OFFICIAL, ONE, TWO))
        bounds = f"{one:.3f} s, {official / one:.1f}× | {two:.3f} s, {official / two:.1f}×"
        for role, label, bound in ((OURS, name, bounds), (WARM, f"{name}, asked again", "– | –")):
            ours = group[role]["stats"]["median"]
            lines.append(f"| {label} | {official:.3f} s | {ours:.3f} s | **{official / ours:.1f}×** | {bound} |")
    return "\n".join([*lines, "", *_write_rest(groups)])


def _write_rest(groups: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    rest = []
    if "one row" in groups:
        stats = {name: one["stats"]["median"] for name, one in groups["one row"].items()}
        worker, bare = stats["test_one_row_through_a_worker"], stats["test_one_row_from_a_bare_connection"]
        rest.append(f"A query of one row costs {1e3 * (worker - bare):.2f} ms more than on a bare connection.")
    if many := groups.get("100,000 answers", {}).get(OURS):
        info, seconds = many["extra_info"], many["stats"]["median"]
        memory = ", ".join(f"{mib:.0f} MiB after {int(count):,}" for count, mib in info["rss_mib"].items())
        rest.append(
            f"{info['answers']:,} answers to 1,000 questions, five of them distinct: {seconds:.1f} s; {memory}."
        )
    return rest


def main() -> None:
    """Measure, or read what was measured, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--out", type=Path)
    choice.add_argument("--read", type=Path)
    options = parser.parse_args()
    if options.out:
        measure(options.out)
    print(write_table(json.loads((options.out or options.read).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
