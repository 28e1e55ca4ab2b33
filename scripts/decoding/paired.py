"""Ways of decoding beside each other: intervals and paired tests, made from verdicts that are committed.

    python scripts/decoding/paired.py                            # prints the table of docs/generation.md
    python scripts/decoding/paired.py RUN... --collect           # writes the verdicts of runs on the same questions

The file has the ids of the questions, and for each run and each verdict a word of 0 and 1, one character a question;
`cut` is 1 where an answer was cut at the last token. So it has what a paired test needs of runs too large to publish.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import store
from harness.statistics import mcnemar, wilson
from reports.wording import NBSP, p_value

VERDICTS = Path(__file__).parents[2] / "benchmarks" / "results" / "generation" / "verdicts.json"
PREPARES, ACCURACY, CUT = "prepares", "execution_accuracy", "cut"
KEPT = (PREPARES, "grounded", ACCURACY)
PAIRS = {
    "qwen-base": "",
    "qwen-base-constrained": "qwen-base",
    "qwen-base-constrained-repair": "qwen-base-constrained",
    "qwen-base-votes-8": "qwen-base",
    "qwen-strong": "qwen-base",
    "qwen-strong-constrained": "qwen-strong",
    "qwen-strong-constrained-repair": "qwen-strong-constrained",
    "qwen-strong-votes-8": "qwen-strong",
    "qwen-strong-constrained-votes-8": "qwen-strong-votes-8",
    "qwen-strong-votes-32": "qwen-strong-votes-8",
}
"""Each run, and the one that it is compared with."""
HEADINGS = ("run", "`prepares`", "EX", "compared with", "EX: better / worse", "`prepares`: better / worse")


def main() -> None:
    """Print the table, or write the verdicts of runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--collect", action="store_true", help="write the verdicts of the runs")
    parser.add_argument("--verdicts", type=Path, default=VERDICTS)
    options = parser.parse_args()
    if options.collect:
        collected = json.dumps(collect(options.runs), indent=1)
        options.verdicts.write_text(f"{collected}\n", encoding="utf-8")
    print(make_table(json.loads(options.verdicts.read_text(encoding="utf-8"))["runs"]))


def collect(folders: Sequence[Path]) -> dict[str, object]:
    """Return the verdicts of runs on the same questions, in the order of ids."""
    questions: list[str] = []
    runs: dict[str, dict[str, str]] = {}
    for folder in folders:
        run = store.load(folder)
        records = sorted(run.records, key=lambda record: int(record.question_id))
        asked = [str(record.question_id) for record in records]
        if asked != (questions := questions or asked):
            message = f"{folder}: has other questions than {folders[0]}; name runs on the same data"
            raise SystemExit(message)
        runs[run.name] = {name: _word([record.scores[name].value == 1.0 for record in records]) for name in KEPT}
        runs[run.name][CUT] = _word([record.finish_reason == "length" for record in records])
    return {"questions": [int(one) for one in questions], "runs": runs}


def make_table(runs: Mapping[str, Mapping[str, str]]) -> str:
    """Return the table of all runs as Markdown: percent with Wilson's intervals, McNemar's exact two-sided p."""
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(_row(runs, name, other) for name, other in PAIRS.items())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _row(runs: Mapping[str, Mapping[str, str]], name: str, other: str) -> list[str]:
    rates = [_rate(runs[name][verdict]) for verdict in (PREPARES, ACCURACY)]
    tests = [_test(runs[other][verdict], runs[name][verdict]) if other else "" for verdict in (ACCURACY, PREPARES)]
    return [name, *rates, other, *tests]


def _rate(word: str) -> str:
    low, high = wilson(word.count("1"), len(word))
    return f"{100 * word.count('1') / len(word):.2f} ({100 * low:.1f} – {100 * high:.1f})"


def _test(before: str, after: str) -> str:
    test = mcnemar([float(one) for one in before], [float(one) for one in after])
    return f"{test.wins} / {test.losses}, {p_value(test.p_two_sided).replace(NBSP, ' ')}"


def _word(verdicts: Sequence[bool]) -> str:
    return "".join("1" if verdict else "0" for verdict in verdicts)


if __name__ == "__main__":
    main()
