"""The README's leaderboard, made from the published runs: `python scripts/leaderboard.py` writes it between its marks.

Every number is one of a publication's `summary.json`, but for the paired test, which counts its records. A run is
compared with the base of its model: the same weights on the same data without an adapter, decoded greedily, without
constraint, votes and second tries. Answers from a file tell no weights: their base is named in `baselines.toml` beside
the publications, a line `run = "base"` each, which goes before the rule. `--check` writes nothing and leaves with 1
where the table is not what it would be.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import store
from harness.config import read_toml
from harness.types import Run
from reports.compare import PRIMARY, ComparisonRow, compare_with_baseline
from reports.systems import view_run
from reports.wording import NBSP, p_value, points

ROOT = Path(__file__).parent.parent
BASELINES = "baselines.toml"
OPENING, CLOSING = "<!-- leaderboard -->", "<!-- /leaderboard -->"
SHOWN = ("execution_accuracy_strict", "valid_sql", "prepares", "grounded")
HEADINGS = (
    *("run", "model", "decoding", "n", "EX % (95 % interval)", "strict EX %", "valid_sql %", "prepares %"),
    *("grounded %", "compared with", "difference (McNemar, exact, two-sided)"),
)
LEFT = ("run", "model", "decoding", "compared with", HEADINGS[-1])
NOTHING = "No run is published yet: `reports/published/` is empty."
NOTE = (
    "EX is BIRD's official execution accuracy; intervals are Wilson's; p-values are corrected (Holm) where several "
    "runs are compared with one. Each row is a folder of `reports/published/`, whose numbers "
    "`t2s verify FOLDER --data DATA` reproduces on the files whose sha256 its manifest has. They hold for these files "
    "and questions only and are not comparable with the public leaderboard."
)


def main() -> None:
    """Write the table into the README, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--published", type=Path, default=ROOT / "reports" / "published")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    before = arguments.readme.read_text(encoding="utf-8")
    after = place_table(before, make_table(arguments.published))
    if arguments.check:
        sys.exit(f"{arguments.readme}: its leaderboard is not that of {arguments.published}" if before != after else 0)
    arguments.readme.write_text(after, encoding="utf-8")


def place_table(text: str, table: str) -> str:
    """Return a page with the table between its marks; leaves with a message where they are not there once."""
    if text.count(OPENING) != 1 or text.count(CLOSING) != 1:
        sys.exit(f"leaderboard: the page needs the marks {OPENING} and {CLOSING}, once each")
    before, _, rest = text.partition(OPENING)
    _, _, after = rest.partition(CLOSING)
    return f"{before}{OPENING}\n{table}\n{CLOSING}{after}"


def make_table(folder: Path) -> str:
    """Return the leaderboard of a folder of publications as Markdown: a table for each set of data, or a sentence."""
    runs = [store.load(path.parent) for path in sorted(folder.glob(f"*/{store.SUMMARY}"))]
    bases = _read_bases(folder / BASELINES, {run.name for run in runs})
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_data_of(run), []).append(run)
    return "\n\n".join([*(_table(members, bases) for members in groups.values()), NOTE]) if runs else NOTHING


def _read_bases(path: Path, known: set[str]) -> Mapping[str, str]:
    bases = read_toml(path) if path.exists() else {}
    if unknown := sorted(str(name) for name in {*bases, *bases.values()} if name not in known):
        sys.exit(f"{path}: {', '.join(unknown)}: not published; name folders of {path.parent}")
    return bases


def _data_of(run: Run) -> str:
    asked = sorted((str(record.question_id), record.db_id) for record in run.records)
    return repr((run.manifest.get("dataset", {}).get("split"), sorted(run.manifest.get("hashes", {}).items()), asked))


def _table(runs: Sequence[Run], bases: Mapping[str, str]) -> str:
    comparisons = _compare(runs, bases)
    ranked = sorted(runs, key=lambda run: (-(_rates(run).get(PRIMARY, {}).get("value") or 0.0), run.name))
    rows = [_row(run, comparisons.get(run.name)) for run in ranked]
    dashes = [":---" if heading in LEFT else "---:" for heading in HEADINGS]
    title = f"**{_plain(view_run(runs[0]).dataset)}**, {len(runs[0].records):,} questions"
    return "\n".join([title, "", *(f"| {' | '.join(cells)} |" for cells in (HEADINGS, dashes, *rows))])


def _compare(runs: Sequence[Run], bases: Mapping[str, str]) -> dict[str, ComparisonRow]:
    """Return the comparison of each run with its base, p-values corrected (Holm) for all that share the base."""
    scored = {run.name: run for run in runs if PRIMARY in _rates(run)}
    by_weights = {_weights(run): name for name, run in reversed(scored.items()) if _is_base(run)}
    members: dict[str, list[Run]] = {}
    for name, run in scored.items():
        base = bases.get(name, by_weights.get(_weights(run), name))
        if base != name and base in scored:
            members.setdefault(base, []).append(run)
    rows = [row for base, others in members.items() for row in compare_with_baseline([scored[base], *others], PRIMARY)]
    return {row.comparison.second: row for row in rows}


def _generator(run: Run) -> Mapping[str, Any]:
    options: Mapping[str, Any] = run.manifest.get("config", {}).get("generator", {})
    return options


def _weights(run: Run) -> str:
    weights = run.manifest.get("generator", {}).get("weights", {})
    return str(weights.get("sha256") or weights.get("hub_id") or _generator(run).get("model") or "")


def _is_base(run: Run) -> bool:
    options = _generator(run)
    plain = not any(options.get(name) for name in ("adapter", "temperature", "repair"))
    once = (options.get("samples") or 1) == 1 and options.get("constraint", "off") == "off"
    return bool(_weights(run)) and plain and once


def _rates(run: Run) -> Mapping[str, Mapping[str, Any]]:
    metrics: Mapping[str, Mapping[str, Any]] = (run.summary or {}).get("metrics", {})
    return metrics


def _row(run: Run, row: ComparisonRow | None) -> list[str]:
    system = view_run(run).system
    model = " + ".join(_plain(part) for part in (system.model, system.adapter, system.precision) if part)
    decoding = system.decoding + (", one repair" if _generator(run).get("repair") else "")
    summary = run.summary or {}
    cells = [_plain(run.name), model, decoding, f"{summary.get('n', 0):,}", _accuracy(_rates(run).get(PRIMARY))]
    cells += [_percent(_rates(run).get(name, {}).get("value")) for name in SHOWN]
    return [*cells, *(("–", "–") if row is None else (_plain(row.comparison.first), _difference(row)))]


def _accuracy(rate: Mapping[str, Any] | None) -> str:
    if rate is None or rate["ci_low"] is None:
        return "–"
    return f"{_percent(rate['value'])} ({_percent(rate['ci_low'])}–{_percent(rate['ci_high'])})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _difference(row: ComparisonRow) -> str:
    test, probability = row.comparison.test, p_value(row.p_corrected).replace(NBSP, " ")
    return f"{points(row.comparison.change)} points: {test.wins} better, {test.losses} worse; {probability}"


def _plain(text: str) -> str:
    """Keep names from becoming Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|" else letter for letter in " ".join(text.split()))


if __name__ == "__main__":
    main()
