"""`t2s report` and `t2s compare`."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness import store
from harness.errors import UsageError
from harness.files import write_text
from harness.types import Run

if TYPE_CHECKING:
    from reports.breakdown import Breakdown
    from reports.compare import Comparison, Uncertainty

__all__ = ["app", "compare_app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
compare_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def report(  # noqa: PLR0913  (a command's parameters are its options)
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Runs, or a folder of runs; the first is the baseline.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page to write.")],
    training: Annotated[
        list[Path] | None, typer.Option(metavar="ADAPTER", help="An adapter's folder: its curves and its data.")
    ] = None,
    adapters: Annotated[
        Path | None, typer.Option(metavar="DIR", help="As --training for every finished adapter of this folder.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The data of published runs, which carry no question text.")
    ] = None,
    *,
    expect: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=WHY]", help="An adapter or run: “not run” if it isn't there.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the numbers as Markdown, too.")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="And as JSON.")] = None,
) -> None:
    """Render runs as one HTML page that works offline."""
    from reports.export import export_page  # noqa: PLC0415 - only what this command needs, and not for --help
    from reports.markdown import write_markdown  # noqa: PLC0415
    from reports.render import render_page  # noqa: PLC0415 - jinja2 only when a page is wanted
    from reports.training import read_training  # noqa: PLC0415
    from reports.view import build_page  # noqa: PLC0415

    loaded = _load(runs)
    if data is not None:
        loaded = [_fill_in(run, data) for run in loaded]
    folders = dict.fromkeys([*(training or []), *_finished_adapters(adapters)])
    page = build_page(loaded, [read_training(folder) for folder in folders], expect or [])
    write_text(out, render_page(page), errors="replace")
    if markdown is not None:
        write_text(markdown, write_markdown(page), errors="replace")
    if as_json is not None:
        write_text(as_json, json.dumps(export_page(page), indent=2, allow_nan=False) + "\n")
    typer.echo(f"{out}: {len(page.runs)} runs, {len(page.drill_down['questions'])} questions")
    for run in page.incomplete:
        typer.echo(f"{run.name}: incomplete, {run.n} of {run.expected} questions; resume it to see its numbers")


def _load(paths: Sequence[Path]) -> list[Run]:
    different = {path.resolve(): path for given in paths for path in _runs_in(given)}
    loaded = [store.load(path) for path in different.values()]
    twice = [name for name, times in Counter(run.name for run in loaded).items() if times > 1]
    if twice:
        raise UsageError(f"several runs are called {', '.join(twice)}; rename a folder: pages tell runs apart by name")
    return loaded


def _runs_in(path: Path) -> list[Path]:
    """Return the runs of a folder of runs; any other path stands for itself, and is judged when it is read."""
    if (path / store.MANIFEST).exists():
        return [path]
    return sorted(manifest.parent for manifest in path.glob(f"*/{store.MANIFEST}")) or [path]


def _finished_adapters(folder: Path | None) -> list[Path]:
    """Return the adapters that `t2s train` finished in a folder; none where it isn't there, as `t2s eval` has it."""
    return sorted(path.parent for path in folder.glob("*/training.json")) if folder is not None else []


def _fill_in(run: Run, data: Path) -> Run:
    from harness import datasets  # noqa: PLC0415 - only where texts are missing
    from reports.questions import fill_in  # noqa: PLC0415

    if all(record.question for record in run.records):
        return run
    return fill_in(run, datasets.load(data, run.manifest.get("dataset", {}).get("split") or "dev"))


@compare_app.command()
def compare(  # noqa: PLR0913  (a command's parameters are its options)
    first: Annotated[Path, typer.Argument(metavar="RUN", help="The run to compare with.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="The run that may be better.")],
    *,
    metric: Annotated[str | None, typer.Option(help="By which metric; execution_accuracy unless named.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many flipped questions to list; 0 lists all.")] = 20,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The data of published runs, which carry no question text.")
    ] = None,
    across_data: Annotated[
        bool, typer.Option("--across-data", help="Compare although databases or golds differ between the runs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Show which questions two runs differ on, whether that is more than chance, and what changed."""
    from reports.breakdown import break_down  # noqa: PLC0415 - only what this command needs, and not for --help
    from reports.compare import choose_metric, compare_runs, weigh  # noqa: PLC0415
    from reports.comparison_json import describe_comparison  # noqa: PLC0415
    from reports.same_data import describe_differences, refuse_other_data  # noqa: PLC0415

    one, two = store.load(first), store.load(second)
    if data is not None:
        one, two = _fill_in(one, data), _fill_in(two, data)
    if not across_data:
        refuse_other_data(one, two)
    comparison = compare_runs(one, two, choose_metric(one, two, metric))
    uncertainty, breakdown = weigh(comparison), break_down(comparison)
    incomplete = [
        f"{run.name} is incomplete: only what is there was compared" for run in (one, two) if not run.complete
    ]
    notes = [*incomplete, *describe_differences(one, two)]
    if as_json:
        typer.echo(json.dumps(describe_comparison(comparison, uncertainty, breakdown, notes), indent=2))
        return
    _print_comparison(comparison, uncertainty, breakdown, limit)
    for note in (*notes, *breakdown.notes):
        typer.echo(f"note: {note}")


def _print_comparison(comparison: "Comparison", uncertainty: "Uncertainty", breakdown: "Breakdown", limit: int) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import

    from reports import tables  # noqa: PLC0415

    console = Console()
    console.print(tables.draw_outcome(comparison, uncertainty))
    console.print(tables.draw_finding(comparison, uncertainty), "")
    if comparison.flips:
        console.print(tables.draw_flips(comparison, limit))
    if breakdown.transitions:
        console.print(tables.draw_transitions(breakdown.transitions, limit))
    if breakdown.slices:
        console.print(tables.draw_groups("By difficulty and database, in %", breakdown.slices))
    if breakdown.features:
        console.print(tables.draw_groups("By what the gold SQL uses, in % (groups overlap)", breakdown.features))
