"""A run as a terminal table."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.types import Run

__all__ = ["percent", "print_run"]


def percent(value: float | None) -> str:
    """Return a fraction as percent with two decimals; a dash where nothing was scored."""
    return "–" if value is None else f"{100 * value:.2f}"


def print_run(run: Run, console: Console | None = None) -> None:
    """Print the metrics of a run with their intervals and slices.

    Names come from folders, data sets and plug-ins: as `Text` they are shown as they are, whatever brackets they have.
    """
    console = console or Console()
    if run.summary is None:
        console.print(Text(f"{run.name}: incomplete, {len(run.records)} of {run.manifest['dataset']['n']} questions"))
        return
    console.print(_metrics_table(run.name, run.summary))
    slices = {name: values for name, values in run.summary["slices"].items() if name.startswith("difficulty=")}
    databases = {name: values for name, values in run.summary["slices"].items() if name.startswith("db_id=")}
    for title, group in (("difficulty", slices), ("database", databases)):
        if group:
            console.print(_slices_table(title, group, list(run.summary["metrics"])))
    status = " · ".join(f"{count} {name}" for name, count in run.summary["status"].items() if count)
    console.print(Text(f"n = {run.summary['n']}: {status}"))
    for note in (*run.manifest["dataset"].get("notes", ()), *_unpaired(run)):
        console.print(Text(f"note: {note}"))


def _unpaired(run: Run) -> Iterator[str]:
    predictions = run.manifest.get("generator", {}).get("predictions", {})
    for what in ("missing", "unknown"):
        if ids := predictions.get(what):
            shown = ", ".join(ids[:10]) + (" …" if len(ids) > 10 else "")  # noqa: PLR2004
            yield f"{len(ids)} {what} ids in the predictions file: {shown}"


def _metrics_table(title: str, summary: Mapping[str, Any]) -> Table:
    table = Table(title=Text(title, "table.title"), title_justify="left")
    table.add_column("metric")
    for heading in ("%", "95 % interval", "scored", "unscored"):
        table.add_column(heading, justify="right")
    for name, metric in summary["metrics"].items():
        low, high = metric["ci_low"], metric["ci_high"]
        interval = "–" if low is None else f"{percent(low)} – {percent(high)}"
        scored = str(metric["n"] - metric["unscored"])
        table.add_row(Text(name), percent(metric["value"]), interval, scored, str(metric["unscored"]))
    return table


def _slices_table(title: str, slices: Mapping[str, Any], metrics: list[str]) -> Table:
    table = Table()
    table.add_column(title)
    for heading in ("n", *metrics):
        table.add_column(Text(heading), justify="right")
    for name, values in slices.items():
        n = next(iter(values.values()))["n"]
        rates = (percent(values[metric]["value"]) for metric in metrics)
        table.add_row(Text(name.partition("=")[2]), str(n), *rates)
    return table
