"""`t2s train` and `t2s plan`."""

import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from harness.errors import UsageError
from trainer import config as configuration
from trainer import job, planning
from trainer.base import Adapter, OnStep, Step
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
    push: Annotated[
        str | None, typer.Option(metavar="ORG/NAME", help="Upload the finished adapter to the Hugging Face hub.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="With --push: the repository is private.")] = False,
) -> None:
    """Train an adapter from a preset or a configuration."""
    if private and push is None:
        raise UsageError("--private: says how --push ORG/NAME makes the repository; give that too, or leave it out")
    read = configuration.load(config, settings or [])
    folder = out or Path("adapters") / Path(config).stem
    if push is not None:
        _hub().check_target(push)
        # A repeated upload trains nothing again; as with --resume, a folder of another configuration is refused.
        resume = resume or job.read_finished(folder) is not None
    try:
        with _progress(folder.name) as on_step:
            adapter = job.train(read, folder, resume=resume, on_step=on_step)
    except Stopped as stopped:
        typer.echo(str(stopped), err=True)
        raise typer.Exit(SIGNALLED + stopped.number) from stopped
    if adapter is None:
        typer.echo(f"{folder}: already finished")
    else:
        _print_outcome(adapter, folder)
    if push is not None:
        typer.echo(f"{folder}: uploaded to {_hub().push(folder, push, private=private)}")


def _hub() -> Any:
    # huggingface_hub comes with the training stack; a training that is not pushed needs none of it here.
    return importlib.import_module("trainer.hub")


def _print_outcome(adapter: Adapter, folder: Path) -> None:
    losses = f"loss {_number(adapter.loss)}, validation {_number(adapter.eval_loss)}"
    typer.echo(f"{folder}: {adapter.steps} steps in {adapter.time_s:.0f} s, {losses}, {_vram(adapter.vram_gib)}")
    if adapter.selection is not None:
        typer.echo(f"{folder}: the adapter of step {adapter.selection.step}, {adapter.selection.reason}")
    for line in (job.read_finished(folder) or {}).get("data", {}).get("leakage", {}).get("summary", ()):
        typer.echo(f"leakage: {line}")


@plan_app.command()
def plan(config: Config, *, settings: Settings = None) -> None:
    """Predict rows, tokens, steps and memory of a training, without a GPU and without weights."""
    read = configuration.load(config, settings or [])
    made = planning.make_plan(read)
    planning.print_plan(made, Path(config).stem, Console())
    for line in made.prepared.leakage.headlines:
        typer.echo(f"leakage: {line}")


@dataclass
class _Clock:
    """Estimates the remaining time from the steps that were watched, not from those of an earlier try."""

    first: int | None = None
    started: float = 0.0

    def remaining_s(self, step: Step) -> float | None:
        """Return the seconds that the rest will take, `None` where nothing can be said yet."""
        now = time.perf_counter()
        if self.first is None:
            self.first, self.started = step.step, now
        done = step.step - self.first
        return (step.total_steps - step.step) * (now - self.started) / done if done else None


@contextmanager
def _progress(label: str) -> Iterator[OnStep]:
    """Yield what shows a step: a bar on a terminal, else a line whenever something is logged."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        clock = _Clock()
        yield lambda step: _print_line(label, step, clock.remaining_s(step))
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


def _print_line(label: str, step: Step, remaining_s: float | None) -> None:
    where = f"{label}: step {step.step} of {step.total_steps}"
    if step.eval_loss is not None:
        typer.echo(f"{where}, validation loss {step.eval_loss:.4f}", err=True)
    elif step.tokens_per_s is not None:
        speed = f"{step.tokens_per_s:,.0f} tokens/s, {_vram(step.vram_gib)}"
        left = "" if remaining_s is None else f", {timedelta(seconds=round(remaining_s))} left"
        typer.echo(f"{where}, loss {_number(step.loss)}, {speed}{left}", err=True)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _vram(value: float | None) -> str:
    return "no GPU" if value is None else f"{value:.2f} GiB"
