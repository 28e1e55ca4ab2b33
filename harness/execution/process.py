"""The parent's side of one worker: start it, ask it, and kill it when it does not answer in time."""

import marshal
import os
import select
import subprocess
import sys
from dataclasses import astuple, dataclass
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Any

import harness
from harness.errors import DataError, RunError
from harness.execution.limits import KILL_GRACE_S, Limits
from harness.execution.protocol import HEADER, Kind, pack, write_all
from harness.types import Execution, Row, Status

__all__ = ["Answer", "KilledAtStart", "Process", "Request"]

_START_S = 60.0
_OPEN_S = 60.0
_READ_BYTES = 1 << 16
"""What a pipe holds: a bigger buffer would be mapped and unmapped for every read."""
_ROOT = str(Path(next(iter(harness.__path__))).resolve().parent)
# The root comes last: whatever lies beside an installed package must not stand before the standard library.
_BOOT = "import sys; sys.path.append(sys.argv[1]); from harness.execution.worker import main; main(int(sys.argv[2]))"


@dataclass(frozen=True, slots=True)
class Request:
    """What to do, where and with what.

    `key` is (`file`, path, stamp), (`schema`, DDL, "") or (`script`, script, its hash); `argument` is the SQL, or what
    else the operation takes; `label` names the database to people.
    """

    operation: str
    key: tuple[str, str, str]
    argument: Any
    label: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An execution, the size of its rows in bytes, and whether asking again would give the same.

    `finding` is what an operation other than a query found.
    """

    execution: Execution
    size_bytes: int
    repeatable: bool
    finding: Any = None


class KilledAtStart(RunError):
    """Somebody's signal ended a worker before it was ready; another one may fare better."""


class _Overdue(Exception):
    """The worker said nothing until its deadline."""


class Process:
    """One child process. Not thread-safe: a pool hands it to one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        if not hasattr(select, "poll"):
            raise RunError("SQL worker: this system has no poll(2); run on Linux or macOS, on Windows under WSL")
        self.limits = limits
        self.alive = True
        self._buffer = bytearray()
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-I", "-S", "-c", _BOOT, _ROOT, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=os.environ | {"MALLOC_ARENA_MAX": "1"},
            )
        except OSError as error:
            raise RunError(
                f"SQL worker: {sys.executable} cannot be started: {error}; free processes or memory"
            ) from error
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._input, self._output = self._popen.stdin.fileno(), self._popen.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        self._greet()

    def _greet(self) -> None:
        try:
            write_all(self._input, pack(Kind.CONFIGURE, astuple(self.limits)))
            self._receive(monotonic() + _START_S)
        except (EOFError, OSError, _Overdue) as error:
            code = self.kill()
            kind = KilledAtStart if code < 0 and isinstance(error, EOFError | OSError) else RunError
            raise kind(
                f"SQL worker: did not start (exit code {code}); check that `{sys.executable} -I -S -c "
                f"'import sqlite3'` works"
            ) from error
        except BaseException:
            self.kill()
            raise

    def ask(self, request: Request) -> Answer:
        """Wait for the worker's verdict; raises `DataError` for a database that cannot be used.

        After a death, a kill or an interrupt `alive` is false.
        """
        try:
            return self._converse(request)
        except _Overdue:
            self.kill()
            error = f"stopped after {self.limits.timeout_s:g} s (killed: one operation went on past the limit)"
            return _lost(Status.TIMEOUT, error, self.limits.timeout_s + KILL_GRACE_S)
        except (EOFError, OSError):
            return _lost(Status.RESOURCE, _obituary(self.kill()), 0.0)
        except DataError:
            raise
        except BaseException:
            self.kill()
            raise

    def _converse(self, request: Request) -> Answer:
        allowed = self.limits.timeout_s + KILL_GRACE_S
        write_all(self._input, pack(Kind.REQUEST, (request.operation, request.key, request.argument)))
        deadline = monotonic() + allowed
        chunks: list[bytes] = []
        finding: Any = None
        while True:
            kind, payload = self._receive(deadline)
            if kind is Kind.ROWS:
                chunks.append(payload)
            elif kind is Kind.OPENING:
                deadline = monotonic() + (allowed if request.key[0] == "script" else _OPEN_S)
            elif kind is Kind.STARTED:
                deadline = monotonic() + allowed
            elif kind is Kind.RESTART:
                chunks.clear()
            elif kind is Kind.FINDING:
                finding = marshal.loads(payload)  # noqa: S302 - from our own worker
            elif kind is Kind.BROKEN:
                raise DataError(f"{request.label}: {marshal.loads(payload)}")  # noqa: S302 - from our own worker
            else:
                return self._conclude(chunks, marshal.loads(payload), finding)  # noqa: S302 - from our own worker

    def _conclude(self, chunks: list[bytes], verdict: tuple[Any, ...], finding: Any) -> Answer:
        status, columns, error, elapsed_s, spent = verdict
        if spent:
            self.kill()
        rows: tuple[Row, ...] = ()
        if status == Status.OK:
            rows = tuple(chain.from_iterable(map(marshal.loads, chunks)))
        execution = Execution(Status(status), columns, rows, error, elapsed_s)
        size_bytes = sum(map(len, chunks)) if rows else 0
        return Answer(execution, size_bytes, repeatable=status != Status.TIMEOUT, finding=finding)

    def _receive(self, deadline: float) -> tuple[Kind, bytes]:
        """Return the next message's kind and raw payload; raises `_Overdue`, and `EOFError` when the worker is gone."""
        kind, length = HEADER.unpack(self._read(HEADER.size, deadline))
        return Kind(kind), self._read(length, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        buffer = self._buffer
        while len(buffer) < count:
            remaining_ms = (deadline - monotonic()) * 1000
            if remaining_ms <= 0 or not self._poll.poll(remaining_ms):
                raise _Overdue
            part = os.read(self._output, _READ_BYTES)
            if not part:
                raise EOFError
            buffer += part
        data = bytes(buffer[:count])
        del buffer[:count]
        return data

    def has_ended(self) -> bool:
        """Whether the process ended by itself, or by somebody else's hand, since it was last asked."""
        return self._popen.poll() is not None

    def interrupt(self) -> None:
        """Kill the process while another thread waits for its answer; that thread finds it gone and cleans up."""
        self._popen.kill()
        self._popen.wait()

    def kill(self) -> int:
        """End the process now, whatever it does, and return its exit code (negative: the signal)."""
        if self.alive:
            self.alive = False
            # In a fork of this process Popen finds no such child, and only the pipes are closed.
            self._popen.kill()
            self._popen.wait()
            for pipe in (self._popen.stdin, self._popen.stdout):
                if pipe is not None:
                    pipe.close()
        return self._popen.returncode if self._popen.returncode is not None else 0


def _lost(status: Status, error: str, elapsed_s: float) -> Answer:
    return Answer(Execution(status, error=error, elapsed_s=elapsed_s), 0, repeatable=False)


def _obituary(code: int) -> str:
    return f"worker died (signal {-code})" if code < 0 else f"worker died (exit code {code})"
