"""`t2s train` and `t2s plan`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer import config as configuration
from trainer import job, planning
from trainer.base import OnStep, Step
from trainer.interruption import Stopped

__all__ = ["plan_app", "train_app"]

SIGNALLED = 128
"""An exit code above it says, as in a shell, which signal ended the process."""

train_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
plan_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Config = Annotated[str, typer.Argument(metavar="CONFIG|PRESET", help="A TOML file, or the name of a preset.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="e.g. train.epochs=5; model=PATH and data=PATH are short forms.")
]


@train_app.command()
def train(
    config: Config,
    *,
    settings: Settings = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.")] = False,
    out: Annotated[Path | None, typer.Option(help="The adapter's folder; default adapters/<preset>.")] = None,
) -> None:
    """Train an adapter from a preset or a configuration."""
    read = configuration.load(config, settings or [])
    folder = out or Path("adapters") / Path(config).stem
    try:
        with _progress(folder.name) as on_step:
            adapter = job.train(read, folder, resume=resume, on_step=on_step)
    except Stopped as stopped:
        typer.echo(str(stopped), err=True)
        raise typer.Exit(SIGNALLED + stopped.number) from stopped
    if adapter is None:
        typer.echo(f"{folder}: already finished")
        return
    losses = f"loss {_number(adapter.loss)}, validation {_number(adapter.eval_loss)}"
    typer.echo(f"{folder}: {adapter.steps} steps in {adapter.time_s:.0f} s, {losses}, {_vram(adapter.vram_gib)}")


@plan_app.command()
def plan(config: Config, *, settings: Settings = None) -> None:
    """Predict rows, tokens, steps and memory of a training, without a GPU and without weights."""
    read = configuration.load(config, settings or [])
    planning.print_plan(planning.make_plan(read), Path(config).stem, Console())


@contextmanager
def _progress(label: str) -> Iterator[OnStep]:
    """Yield what shows a step: a bar on a terminal, else a line whenever something is logged."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda step: _print_line(label, step)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=None, state="loading")
        speed = eval_loss = ""

        def show(step: Step) -> None:
            nonlocal speed, eval_loss
            speed = f"{step.tokens_per_s:,.0f} tokens/s" if step.tokens_per_s else speed
            eval_loss = f"validation {step.eval_loss:.4f}" if step.eval_loss is not None else eval_loss
            loss = f"loss {step.loss:.4f}" if step.loss is not None else ""
            vram = f"{step.vram_gib:.2f} GiB" if step.vram_gib is not None else ""
            state = " · ".join(part for part in (loss, eval_loss, speed, vram) if part)
            bar.update(task, completed=step.step, total=step.total_steps, state=state)

        yield show


def _print_line(label: str, step: Step) -> None:
    if step.eval_loss is not None:
        typer.echo(f"{label}: step {step.step} of {step.total_steps}, validation loss {step.eval_loss:.4f}", err=True)
    elif step.tokens_per_s is not None:
        speed = f"{step.tokens_per_s:,.0f} tokens/s, {_vram(step.vram_gib)}"
        typer.echo(f"{label}: step {step.step} of {step.total_steps}, loss {_number(step.loss)}, {speed}", err=True)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _vram(value: float | None) -> str:
    return "no GPU" if value is None else f"{value:.2f} GiB"
