"""A pool of workers for any number of threads."""

import contextlib
import threading

from harness.errors import RunError
from harness.execution.limits import Limits
from harness.execution.process import Answer, KilledAtStart, Process, Request

__all__ = ["Pool"]

_STARTS = 3
_CLOSED = "SQL execution: the executor is closed; close it when the last query is answered"


class Pool:
    """At most `size` processes, started when a thread needs one; the one used last is handed out first."""

    def __init__(self, limits: Limits, size: int) -> None:
        self.limits = limits
        self.closed = False
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._all: set[Process] = set()

    def ask(self, request: Request) -> Answer:
        """Let a worker answer; waits until one is free. Raises `RunError` once closed, and what `Process` raises."""
        with self._free:
            process = self._take()
            try:
                answer = process.ask(request)
            finally:
                self._give_back(process)
            if self.closed:
                raise RunError(_CLOSED)
            return answer

    def _take(self) -> Process:
        while (process := self._take_idle()) is not None:
            if not process.has_ended():
                return process
            self._give_back(process, fit=False)
        process = self._start()
        with self._lock:
            if not self.closed:
                self._all.add(process)
                return process
        process.kill()
        raise RunError(_CLOSED)

    def _start(self) -> Process:
        for _ in range(_STARTS - 1):
            with contextlib.suppress(KilledAtStart):  # as one that dies later would cost nothing but a new one
                return Process(self.limits)
        return Process(self.limits)

    def _take_idle(self) -> Process | None:
        with self._lock:
            if self.closed:
                raise RunError(_CLOSED)
            return self._idle.pop() if self._idle else None

    def _give_back(self, process: Process, *, fit: bool = True) -> None:
        with self._lock:
            if fit and process.alive and not self.closed:
                self._idle.append(process)
                return
            self._all.discard(process)
        process.kill()

    def close(self) -> None:
        """Kill every process; threads that wait for one get a `RunError`."""
        with self._lock:
            self.closed = True
            processes = list(self._idle)
            busy = self._all.difference(processes)
            self._idle.clear()
            self._all.clear()
        for process in processes:
            process.kill()
        for process in busy:
            process.interrupt()
