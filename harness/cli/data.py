"""`t2s data`: list, fetch, describe and check data sets."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import ExitCode, UsageError
from harness.files import write_text

if TYPE_CHECKING:
    from harness.execution import Limits

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)

Folder = Annotated[str, typer.Argument(metavar="DIR", help="A data folder, a questions file, or `mini`.")]
Split = Annotated[str, typer.Option(help="dev, mini_dev, train …")]


@app.callback()
def data() -> None:
    """List, fetch, check and describe data sets."""


@app.command("list")
def list_sources() -> None:
    """List the data sets that can be fetched, and the one that is shipped."""
    from harness.datasets.fetch import SOURCES  # noqa: PLC0415 - httpx, for the commands that need it

    rows = [("mini", "our own six small databases, shipped with this program", "–", "Apache-2.0", "built in")]
    rows += [
        (name, one.what, one.size, one.licence, f"huggingface.co/datasets/{one.hub}, {one.url}" if one.hub else one.url)
        for name, one in SOURCES.items()
    ]
    for name, what, size, licence, where in rows:
        typer.echo(f"{name}\n    {what}\n    {size} · {licence}\n    {where}")
    typer.echo("\nfetch one with: t2s data fetch NAME --out DIR")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="One of `t2s data list`.")],
    *,
    out: Annotated[Path | None, typer.Option(help="The folder to fill; data/NAME by default.")] = None,
    databases: Annotated[bool, typer.Option("--databases", help="bird-train: the databases as well (9 GB).")] = False,
    sha256: Annotated[str | None, typer.Option(help="Refuse an archive with another sha256.")] = None,
    base_url: Annotated[str | None, typer.Option(help="A mirror that holds the archives under their names.")] = None,
) -> None:
    """Fetch a public data set; a call that was cut off goes on where it stopped."""
    from harness.datasets import fetch as fetching  # noqa: PLC0415 - httpx, for the commands that need it

    request = fetching.Request(name, out or Path("data") / name, databases, sha256, base_url)
    with _transfer(name) as update:
        fetched = fetching.fetch(request, update)
    for key in ("sha256", "train_sha256"):
        if key in fetched.source:
            typer.echo(f"{key}: {fetched.source[key]}")
    splits = fetching.SOURCES[name].splits
    typer.echo(f"{fetched.folder}: {'already there' if fetched.already else 'complete'}; splits: {', '.join(splits)}")
    typer.echo(f"check it with: t2s data check {fetched.folder} --split {splits[0]}")


@app.command()
def stats(
    folder: Folder,
    *,
    split: Split = "dev",
    sample: Annotated[float, typer.Option(help="The fraction to sample, shown beside the whole.")] = 0.45,
    seed: Annotated[int, typer.Option(help="The seed of the sample.")] = 42,
    out: Annotated[Path | None, typer.Option(help="Write everything to this JSON file too.")] = None,
) -> None:
    """Describe a split before and after sampling: lengths, evidence, SQL features."""
    from harness.datasets import load  # noqa: PLC0415 - start-up stays light
    from harness.datasets.stats import statistics  # noqa: PLC0415

    dataset = load(folder, split)
    found = statistics(dataset.examples, dataset.schemas, fraction=sample, seed=seed)
    _print_statistics(f"{folder} {split}", found)
    if out is not None:
        write_text(out, json.dumps({"dataset": dataset.name, "split": dataset.split, **found}, indent=2) + "\n")
        typer.echo(f"written to {out}")


@app.command()
def check(  # noqa: PLR0913  (a command's parameters are its options)
    folder: Folder,
    *,
    split: Split = "dev",
    timeout_s: Annotated[float, typer.Option(help="The limit of one gold.", min=0.1)] = 30.0,
    workers: Annotated[int, typer.Option(help="Processes; 0 is one per core.", min=0)] = 0,
    lint: Annotated[bool, typer.Option("--lint", help="Say which golds are doubtful, and why.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    grammar: Annotated[
        bool, typer.Option("--grammar", help="Say which golds a constrained model could not write.")
    ] = False,
    min_rate: Annotated[float, typer.Option(help="The share the grammar must accept.", min=0.0, max=1.0)] = 0.995,
) -> None:
    """Check a data folder: files, ids, schemas, databases and golds; exit 2 when something is wrong.

    With --grammar nothing but the grammar of constrained decoding is checked, against the golds that SQLite prepares on
    the schema; exit 1 when it accepts too few.
    """
    if grammar:
        if lint or as_json:
            raise UsageError("data check: --grammar checks the grammar alone; ask for --lint or --json in another call")
        _check_grammar(folder, split, workers, min_rate)
        return
    from harness.datasets.check import check as check_folder  # noqa: PLC0415 - start-up stays light
    from harness.execution import Limits  # noqa: PLC0415

    limits = Limits(timeout_s=timeout_s)
    report = check_folder(folder, split, limits=limits, workers=workers)
    if lint and report.problems:
        report = replace(report, notes=(*report.notes, "golds were not linted: first mend the problems"))
    elif lint:
        report = replace(report, notes=(*report.notes, *_lint_golds(folder, split, limits, workers)))
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        _print_report(report.hashes, report.counts)
        for note in report.notes:
            typer.echo(f"note: {note}")
        for problem in report.problems:
            typer.echo(f"problem: {problem}")
        verdict = _counted(len(report.problems), "problem") if report.problems else "sound"
        typer.echo(f"{folder} {split}: {verdict}, {_counted(len(report.notes), 'note')}")
    if report.problems:
        raise typer.Exit(ExitCode.USAGE)


def _check_grammar(folder: str, split: str, workers: int, min_rate: float) -> None:
    from harness.datasets import load, to_ddl  # noqa: PLC0415 - start-up stays light
    from harness.decoding.golds import check_golds, summarise_golds  # noqa: PLC0415 - llguidance
    from harness.execution import Executor  # noqa: PLC0415

    dataset = load(folder, split)
    ddl = {db_id: to_ddl(schema) for db_id, schema in dataset.schemas.items()}
    with Executor({}, ddl=ddl, workers=workers) as executor:
        report = summarise_golds(check_golds(dataset, executor))
    for line in report.lines:
        typer.echo(line)
    typer.echo(f"grammar: {report.accepted} of {report.prepared} accepted ({100 * report.rate:.2f} %)")
    if report.rate < min_rate:
        raise typer.Exit(ExitCode.GATE)


def _lint_golds(folder: str, split: str, limits: "Limits", workers: int) -> Iterator[str]:
    """Yield a line for each flag of each gold; `docs/gold-lint.md` says what the kinds mean."""
    from harness.analysis.lint import lint_dataset  # noqa: PLC0415 - sqlglot, where golds are looked at
    from harness.datasets import load  # noqa: PLC0415
    from harness.execution import Executor  # noqa: PLC0415

    dataset = load(folder, split)
    with Executor(dataset.databases, limits=limits, workers=workers) as executor:
        for example, flags in lint_dataset(dataset, executor):
            for flag in flags:
                yield f"question {example.question_id}: {flag.kind}: {flag.message}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _print_report(hashes: Mapping[str, str], counts: Mapping[str, int]) -> None:
    for name, digest in hashes.items():
        typer.echo(f"sha256 {digest}  {name}")
    typer.echo(" · ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items()))


def _print_statistics(title: str, found: Mapping[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - start-up stays light
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=Text(title, "table.title"), title_justify="left")
    table.add_column("")
    for heading in ("before", f"after ({found['fraction']:g})"):
        table.add_column(heading, justify="right")
    for label, *values in _statistics_rows(found["before"], found["after"]):
        table.add_row(Text(label), *values)
    Console().print(table)


def _statistics_rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield label, value before, value after."""
    shown_before, shown_after = _statistics_column(before), _statistics_column(after)
    for label, value in shown_before.items():
        yield label, value, shown_after.get(label, "0.00 %")


def _statistics_column(side: Mapping[str, Any]) -> dict[str, str]:
    column = {
        "questions": str(side["questions"]),
        "databases": str(side["databases"]),
        "with evidence": f"{100 * side['evidence_present']:.2f} %",
    }
    for what in ("question", "evidence", "sql"):
        column[f"{what}, words: mean · median · p95"] = _words(side["lengths"][what]["words"])
    for group, label in (
        ("evidence_buckets", "evidence of {} words"),
        ("sql_features", "SQL with {}"),
        ("by_difficulty", "difficulty {}"),
    ):
        for name, counted in side[group].items():
            column[label.format(name)] = f"{100 * counted['share']:.2f} %"
    return column


def _words(lengths: Mapping[str, float]) -> str:
    return f"{lengths['mean']:.2f} · {lengths['median']:g} · {lengths['p95']:g}"


@contextmanager
def _transfer(name: str) -> Iterator[Any]:
    """Yield `update(received, total)`, which draws how much has arrived."""
    from rich.console import Console  # noqa: PLC0415 - start-up stays light
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda received, total: bar.update(task, completed=received, total=total)
