"""Ctrl-C and SIGTERM while a training runs: the step is finished and saved; a second signal stops at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from harness.errors import RunError

__all__ = ["Interruption", "Stopped"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STDERR = 2
FIRST = "\nstopping after this optimizer step; the same signal again stops at once\n"


class Stopped(RunError):
    """A training was asked to stop by signal `number`, and has saved the checkpoint of `step`."""

    def __init__(self, where: str, number: int, step: int, total_steps: int) -> None:
        self.number = number
        super().__init__(
            f"{where}: stopped by {signal.Signals(number).name} at step {step} of {total_steps}, which is saved; "
            "the same command with --resume goes on from there"
        )


@dataclass
class Interruption:
    """Listens for signals; `number` is the one that came, `None` so far."""

    number: int | None = None
    handlers: dict[int, Any] = field(default_factory=dict)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the block runs; the old handlers are back afterwards, and already after the first signal.

        Only the main thread may set handlers: in another, the block runs as it would have.
        """
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                # A process that was started to ignore a signal (nohup, a shell's background job) goes on doing so.
                if before not in (None, signal.SIG_IGN):
                    self.handlers[number] = before
                    signal.signal(number, self._note)
        try:
            yield
        finally:
            self._restore()

    def _note(self, number: int, _: Any) -> None:
        self.number = number
        self._restore()
        # Not through the buffered stream, which the signal may have come in the middle of.
        with suppress(OSError):  # nobody reads it
            os.write(STDERR, FIRST.encode())

    def _restore(self) -> None:
        while self.handlers:
            number, handler = self.handlers.popitem()
            signal.signal(number, handler)
