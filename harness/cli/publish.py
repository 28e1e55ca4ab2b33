"""`t2s publish RUN --out DIR`: ids, our SQL and scores only, fit to be committed."""

from pathlib import Path
from typing import Annotated

import typer

from harness import store
from harness.publishing import publish as publish_run

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a complete run.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the publication; never overwritten.")],
) -> None:
    """Write what of a run is fit to be committed: ids, our SQL, scores and diagnoses, nothing of the data set."""
    done = publish_run(store.load(run), out)
    typer.echo(f"{done.folder}: {done.records} records{'' if done.new else ', published before and unchanged'}")
    typer.echo("left out: questions, evidence, golds, results, messages and what stands around the SQL")
    if done.shortened:
        typer.echo(f"shortened or left out of the manifest: {', '.join(done.shortened)}")
    if done.commented:
        typer.echo(f"comments taken out of the SQL of {done.commented} answers")
    if done.withheld:
        typer.echo(f"{done.withheld} answers withheld: their SQL repeats a text of the data set or defines a table")
