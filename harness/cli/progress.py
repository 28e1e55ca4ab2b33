"""A progress bar on the terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["progress"]

LOG_EVERY_S = 30.0


@contextmanager
def progress(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Yield `update(done, total)`, which draws a bar, or prints a line every half minute where there is no terminal."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield _line_printer(label, unit)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _line_printer(label: str, unit: str) -> Callable[[int, int], None]:
    last = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= LOG_EVERY_S:
            last = time.monotonic()
            print(f"{label}: {done} of {total} {unit}", file=sys.stderr, flush=True)  # noqa: T201

    return update
