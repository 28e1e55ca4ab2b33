"""A run as a terminal table."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.errors import DataError
from harness.types import Run

__all__ = ["percent", "print_run"]

HEADLINE = ("valid_sql", "prepares", "grounded", "execution_accuracy", "execution_accuracy_strict")
NEEDED = ("n", "metrics", "slices", "status")


def percent(value: float | None) -> str:
    """Return a fraction as percent with two decimals; a dash where nothing was scored."""
    return "–" if value is None else f"{100 * value:.2f}"


def print_run(run: Run, console: Console | None = None) -> None:
    """Print what a run's summary says: rates with intervals and slices, why answers failed, how good the golds are.

    Names come from folders, data sets and plug-ins: as `Text` they are shown as they are, whatever brackets they have.
    Raises `DataError` for a summary that is none.
    """
    console = console or Console()
    dataset = run.manifest.get("dataset", {})
    if run.summary is None:
        console.print(Text(f"{run.name}: incomplete, {len(run.records)} of {dataset.get('n', '?')} questions"))
        return
    if lacking := [name for name in NEEDED if name not in run.summary]:
        raise DataError(f"{run.path}: its summary has no {', '.join(lacking)}; restore the file, or score again")
    console.print(_metrics_table(run.name, run.summary))
    if run.summary["slices"]:
        console.print(_slices_table(run.summary, _headline(run.summary)))
    if run.summary.get("samples", {}).get("pass_at"):
        console.print(_tries_table(run.summary["samples"]))
    for line in _describe(run.summary):
        console.print(Text(line))
    for note in (*dataset.get("notes", ()), *_unpaired(run)):
        console.print(Text(f"note: {note}"))


def _headline(summary: Mapping[str, Any]) -> list[str]:
    """Return the metrics that stand in the narrow tables: those that people ask for first, else the first ones."""
    known = [name for name in HEADLINE if name in summary["metrics"]]
    return known or list(summary["metrics"])[: len(HEADLINE)]


def _describe(summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"n = {summary['n']}: {_counted(summary['status'])}"
    if diagnosis := summary.get("diagnosis"):
        yield f"diagnosis: {_counted(dict(sorted(diagnosis.items(), key=lambda item: -item[1])))}"
    if equivalence := summary.get("ast_equivalence"):
        counts = {name: equivalence[name] for name in ("proved", "refuted", "unknown")}
        proved = percent(counts["proved"] / summary["n"] if summary["n"] else None)
        yield f"ast_equivalent: {_counted(counts)}; proved of all {proved}"
    if gaps := summary.get("verdict_gaps"):
        yield f"verdicts disagree: {' · '.join(f'{count} {name}' for name, count in gaps.items())}"
    if linking := summary.get("linking"):
        rates = ", ".join(f"{name} {percent(linking[name])}" for name in ("precision", "recall", "f1"))
        yield f"schema linking: {rates} over {linking['n']} readable answers"
    if samples := summary.get("samples"):
        yield from _describe_samples(samples)
    if repair := summary.get("repair"):
        yield (
            f"repair: {repair['refused']} of {repair['answers']} answers were refused by SQLite; "
            f"{repair['repaired']} second tries stand in their place"
        )
    if gold := summary.get("gold"):
        yield from _describe_gold(summary, gold)


def _describe_samples(samples: Mapping[str, Any]) -> Iterator[str]:
    first = samples["first"]
    rates = ", ".join(f"{name} {percent(first[name]['value'])}" for name in HEADLINE if name in first)
    yield f"sample 0 alone, of {samples['n']}: {rates}"
    if test := samples.get("vote_against_first"):
        yield (
            f"the vote against sample 0: {test['wins']} questions better, {test['losses']} worse "
            f"(McNemar's exact test: p = {test['p_two_sided']:.3g})"
        )


def _describe_gold(summary: Mapping[str, Any], gold: Mapping[str, Any]) -> Iterator[str]:
    yield f"golds: {percent(gold['ceiling'])} is the most that any answer can reach; {gold['failing']} of them fail"
    if gold["flags"]:
        name = _headline(summary)[0] if "execution_accuracy" not in summary["metrics"] else "execution_accuracy"
        without = percent(gold["unflagged"][name]["value"])
        yield (
            f"doubtful golds: {gold['flagged']} ({_counted(gold['flags'])}); "
            f"{name} {percent(summary['metrics'][name]['value'])}, {without} without them"
        )


def _counted(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{count} {name}" for name, count in counts.items() if count)


def _unpaired(run: Run) -> Iterator[str]:
    predictions = run.manifest.get("generator", {}).get("predictions", {})
    for what in ("missing", "unknown"):
        if ids := predictions.get(what):
            shown = ", ".join(ids[:10]) + (" …" if len(ids) > 10 else "")  # noqa: PLR2004
            yield f"{len(ids)} {what} ids in the predictions file: {shown}"


def _metrics_table(title: str, summary: Mapping[str, Any]) -> Table:
    table = Table(title=Text(title, "table.title"), title_justify="left")
    table.add_column("metric", no_wrap=True)
    for heading in ("%", "95 % interval", "scored", "unscored"):
        table.add_column(heading, justify="right")
    for name, metric in summary["metrics"].items():
        scored = str(metric["n"] - metric["unscored"])
        table.add_row(Text(name), percent(metric["value"]), _interval(metric), scored, str(metric["unscored"] or "–"))
    return table


def _tries_table(samples: Mapping[str, Any]) -> Table:
    """Show what k of the samples are worth: one of them right, the vote of the first k right."""
    table = Table()
    table.add_column("k", justify="right")
    for heading in ("pass@k %", "95 % interval", "majority@k %", "95 % interval"):
        table.add_column(heading, justify="right")
    for k, passing in samples["pass_at"].items():
        majority = samples["majority_at"][k]
        table.add_row(k, percent(passing["value"]), _interval(passing), percent(majority["value"]), _interval(majority))
    return table


def _interval(rate: Mapping[str, Any]) -> str:
    low, high = rate["ci_low"], rate["ci_high"]
    return "–" if low is None else f"{percent(low)} – {percent(high)}"


def _slices_table(summary: Mapping[str, Any], metrics: list[str]) -> Table:
    """Show difficulties, then databases: a row each, with the headline's rates."""
    table = Table()
    table.add_column("slice")
    for heading in ("n", *metrics):
        table.add_column(Text(heading.replace("execution_accuracy", "EX").replace("_", " ")), justify="right")
    field = ""
    for name, values in summary["slices"].items():
        if field and not name.startswith(field):
            table.add_section()
        field, _, value = name.partition("=")
        rates = (percent(values[metric]["value"]) for metric in metrics)
        n = next(iter(values.values()))["n"] if values else 0
        table.add_row(Text(value), str(n), *rates)
    return table
