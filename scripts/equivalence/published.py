"""What is proved and refuted of the answers that six published systems gave to BIRD's mini-dev questions?

Only the four complete databases count. *Use* is the share of strictly right answers whose text differs from the
gold's, white space and case aside, that are proved.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

from sources import Golds, keep, options

from harness.comparison import equal_official
from harness.metrics.ast_equivalent import AstEquivalent
from harness.types import Completion, Example, Extraction, Prediction

NOT_SYSTEMS = {"published_ex"}
COLUMNS = ("official", "strict", "proved", "refuted", "unknown", "different", "use")


def systems(data: Path) -> dict[str, dict[int, str]]:
    """Return SQL by question for each system."""
    paths = sorted(path for path in (data / "predictions").glob("*.json") if path.stem not in NOT_SYSTEMS)
    return {
        path.stem: {one["question_id"]: one["SQL"] for one in json.loads(path.read_text(encoding="utf-8"))}
        for path in paths
    }


def predict(golds: Golds, example: Example, sql: str) -> Prediction:
    """Return an answer as the metric sees it."""
    return Prediction(
        example=example,
        schema=golds.dataset.schemas[example.db_id],
        completion=Completion(0, sql),
        extraction=Extraction(sql),
        execution=golds.executor.execute(example.db_id, sql),
        golds=tuple(golds.executor.execute(example.db_id, gold) for gold in example.golds),
    )


def judged(golds: Golds, answers: dict[int, str], metric: AstEquivalent) -> Iterator[dict[str, Any]]:
    """Yield one line for each answer that is right officially."""
    for example in golds.dataset.examples:
        sql = answers.get(int(example.question_id))
        if sql is None:
            continue
        prediction = predict(golds, example, sql)
        gold, predicted = (prediction.golds or ())[0], prediction.execution
        if predicted is None or not (gold.ok and predicted.ok and equal_official(predicted.rows, gold.rows)):
            continue
        reason = metric.score(prediction, golds.executor).reason
        yield {
            "question_id": example.question_id,
            "state": reason.split(":")[0],
            "strict": "on the real database" not in reason,
            "different": _plain(sql) != _plain(example.gold_sql),
            "reason": reason,
        }


def _plain(sql: str) -> str:
    return "".join(sql.rstrip(" ;\n").lower().split())


def count(lines: list[dict[str, Any]]) -> Counter[str]:
    """Return the figures of one system, or of several together."""
    found = Counter(line["state"] for line in lines)
    found["official"] = len(lines)
    found["strict"] = sum(line["strict"] for line in lines)
    found["different"] = sum(line["strict"] and line["different"] for line in lines)
    found["use"] = sum(line["strict"] and line["different"] and line["state"] == "proved" for line in lines)
    return found


def by_verdict(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Return question ids by verdict: neither the benchmark's SQL nor its rows belong into a result file."""
    found: dict[str, list[str]] = {}
    for line in lines:
        verdict = "proved" if line["state"] == "proved" else line["reason"].split("\n")[0]
        found.setdefault(verdict, []).append(str(line["question_id"]))
    return {verdict: " ".join(ids) for verdict, ids in found.items()}


def show(system: str, line: dict[str, Any], sql: str, gold: str) -> None:
    """Print an answer with its verdict, ready to be pasted into `sqlite3`."""
    print(f"\n-- {system}, question {line['question_id']}: {line['reason']}\n-- predicted:\n{sql};\n-- gold:\n{gold};")


def main() -> None:
    """Measure, print the table, keep ids and verdicts."""
    parser = options(__doc__)
    parser.add_argument("--budget", type=int, default=200, help="mutated databases tried for each at most")
    parser.add_argument("--show", choices=("proved", "refuted", "unknown"), help="print every answer with this verdict")
    arguments = parser.parse_args()
    started = monotonic()
    golds = Golds.load(Path(arguments.data), "bird", "mini_dev")
    texts = {int(one.question_id): one.gold_sql for one in golds.dataset.examples}
    metric = AstEquivalent(arguments.budget, arguments.seed)
    kept: dict[str, list[dict[str, Any]]] = {}
    for system, answers in systems(Path(arguments.data)).items():
        kept[system] = list(judged(golds, answers, metric))
        for line in kept[system]:
            if line["state"] == arguments.show:
                show(system, line, answers[line["question_id"]], texts[line["question_id"]])
    print("| system | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|")
    everything = [line for lines in kept.values() for line in lines]
    for name, lines in [*kept.items(), ("all", everything)]:
        counts = count(lines)
        print(f"| {name} | " + " | ".join(str(counts[column]) for column in COLUMNS) + " |")
    total = count(everything)
    print(f"\nuse: {total['use']} of {total['different']}, {100 * total['use'] / max(1, total['different']):.1f} %")
    print(f"{monotonic() - started:.0f} s")
    found = {system: by_verdict(lines) for system, lines in kept.items()}
    keep(arguments.out, {"answers": found, "budget": arguments.budget, "seed": arguments.seed, "all": dict(total)})


if __name__ == "__main__":
    main()
