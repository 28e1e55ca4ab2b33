"""`t2s score`: a predictions file → a run."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from harness.cli.compat import NAMES, bird_table
from harness.cli.progress import progress
from harness.cli.table import print_run
from harness.config import EvalConfig, apply_overrides, build
from harness.errors import UsageError
from harness.run import Place, evaluate_config

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def score(  # noqa: PLR0913  (a command's parameters are its options)
    *,
    predictions: Annotated[Path, typer.Option(help="The predictions file, in any format that people have.")],
    out: Annotated[Path, typer.Option(help="The folder of the new run.")],
    data: Annotated[str, typer.Option(help="A data folder, or `mini`.")] = "",
    split: Annotated[str, typer.Option(help="dev, mini_dev, train …")] = "dev",
    db: Annotated[Path | None, typer.Option(help="One SQLite file; the predictions file then holds the golds.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score a missing answer 0, ignore unknown ids.")
    ] = False,
    keyed_by: Annotated[str | None, typer.Option(help="`position` or `id`, where both could be meant.")] = None,
    metrics: Annotated[str, typer.Option(help="Names, separated by commas.")] = "",
    compat: Annotated[Literal["bird"] | None, typer.Option(help="Print the official script's table instead.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="e.g. execution.timeout_s=2")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run in OUT.")] = False,
) -> None:
    """Score a predictions file against golds on their databases."""
    if (db is None) == (not data):
        raise UsageError("t2s score: give either --data DIR or --db FILE.sqlite")
    generator: dict[str, Any] = {"name": "replay", "path": str(predictions), "allow_missing": allow_missing}
    if keyed_by is not None:
        generator["keyed_by"] = keyed_by
    source = {"path": data, "split": split} if db is None else {"path": str(db), "questions": str(predictions)}
    tree: dict[str, Any] = {"data": source, "generator": generator}
    if metrics:
        tree["metrics"] = {"names": [name.strip() for name in metrics.split(",") if name.strip()]}
    config = build(EvalConfig, apply_overrides(tree, settings or [], {"data": "data.path"}), "t2s score")
    _refuse_no_table(compat, config)
    place = Place(folder=out, resume=resume, command=shlex.join(["t2s", *sys.argv[1:]]))
    with progress(out.name, "questions") as update:
        run = evaluate_config(config, place, update)
    if compat == "bird":
        typer.echo(bird_table(run))
    else:
        print_run(run)


def _refuse_no_table(compat: str | None, config: EvalConfig) -> None:
    if compat and config.metrics.names and not set(config.metrics.names) & set(NAMES):
        raise UsageError(f"t2s score: --compat {compat} prints {', '.join(NAMES)}; add one of them to --metrics")
