"""`t2s show RUN`: a run as a table, or its summary as JSON."""

import json
from pathlib import Path
from typing import Annotated

import typer

from harness import store
from harness.cli.table import print_run

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Show a run as a table."""
    stored = store.load(run)
    if as_json:
        typer.echo(json.dumps({"name": stored.name, "complete": stored.complete, **(stored.summary or {})}, indent=2))
    else:
        print_run(stored)
