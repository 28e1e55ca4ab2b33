"""`t2s verify RUN`: execute a stored run's SQL again and reproduce every number."""

from pathlib import Path
from typing import Annotated

import typer

from harness import store
from harness.cli.progress import progress
from harness.errors import GateFailed
from harness.verification import Verification
from harness.verification import verify as verify_run

__all__ = ["app"]

SHOWN = 20

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def verify(
    run: Annotated[Path, typer.Argument(help="The folder of a complete run.")],
    *,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the data lies, if not where it lay.")] = None,
) -> None:
    """Execute a run's SQL again and reproduce every number; exit 1 where one differs."""
    stored = store.load(run)
    with progress(stored.name, "questions") as update:
        outcome = verify_run(stored, data, update)
    for note in outcome.notes:
        typer.echo(f"note: {note}")
    if not outcome.reproduced:
        raise GateFailed(_describe(stored.name, outcome))
    typer.echo(f"{stored.name}: {outcome.questions} questions, all {outcome.numbers} numbers reproduced")


def _describe(name: str, outcome: Verification) -> str:
    lines = [f"{name}: {len(outcome.differences)} of {outcome.numbers} numbers differ; see which below"]
    lines += [f"  - {difference}" for difference in outcome.differences[:SHOWN]]
    if len(outcome.differences) > SHOWN:
        lines.append(f"  … and {len(outcome.differences) - SHOWN} more")
    return "\n".join(lines)
