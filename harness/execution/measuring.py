"""Timing statements against each other in one process: they take turns on one CPU, so that noise meets all alike."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from typing import Any

from harness.execution.limits import KILL_GRACE_S
from harness.execution.protocol import Kind, pack
from harness.execution.session import Send, Session, decode_text
from harness.execution.verdict import Verdict

__all__ = ["measure"]

_COARSE_STEPS = 1_000
_MOST_EXACT_STEPS = 100_000
_MOST_STEPS = 1_000_000_000

Argument = tuple[tuple[str, ...], int, float]


def measure(session: Session, argument: Argument, send: Send) -> Verdict:
    """Let `statements` take turns for `repeats` rounds, fewer when `budget_s` is over; send times and steps.

    Every single run has the limits of a statement. Returns the verdict of the first that fails; raises `Broken`.
    """
    statements, repeats, budget_s = argument
    race = _Race(session, send)
    with _one_cpu():
        for sql in statements:
            if (verdict := race.warm_up(sql)).status != "ok":
                return verdict
        times: list[list[tuple[float, float]]] = [[] for _ in statements]
        end = monotonic() + budget_s
        for _ in range(repeats):
            for sql, runs in zip(statements, times, strict=True):
                if (verdict := race.run(sql, runs)).status != "ok":
                    return verdict
            if monotonic() > end:
                break
    execute_s, total_s = (tuple(tuple(run[clock] for run in runs) for runs in times) for clock in (0, 1))
    send(Kind.FINDING, (execute_s, total_s, tuple(race.steps)))
    return Verdict("ok")


class _Race:
    """The runs of one measurement; `steps` has those of each statement that is warm."""

    def __init__(self, session: Session, send: Send) -> None:
        self.session = session
        self.steps: list[int | None] = []
        self._send = send
        self._told = monotonic()
        self._ticks = 0
        self._undecodable = False

    def warm_up(self, sql: str) -> Verdict:
        """Run a statement to see whether it keeps the limits, to fill the page cache and to count its steps."""
        verdict, ticks = self._count(sql, _COARSE_STEPS)
        steps = ticks * _COARSE_STEPS
        if verdict.status == "ok" and steps < _MOST_EXACT_STEPS:
            again, ticks = self._count(sql, 1)
            steps = ticks - self._count_compiling(sql) if again.status == "ok" else steps
        self.steps.append(steps if steps <= _MOST_STEPS else None)
        return verdict

    def run(self, sql: str, runs: list[tuple[float, float]]) -> Verdict:
        """Run a statement once more and append its seconds, without and with fetching the rows."""

        def clock(text: str) -> Verdict:
            cursor = connection.cursor()
            try:
                started = perf_counter()
                cursor.execute(text)
                executed = perf_counter()
                rows = cursor.fetchall()
                fetched = perf_counter()
            finally:
                cursor.close()
            del rows  # only now: giving memory back is no part of the query
            runs.append((executed - started, fetched - started))
            return Verdict("ok")

        self._tell()
        connection = self.session.connection
        if self._undecodable:
            connection.text_factory = decode_text
        try:
            return self.session.judge(sql, clock)
        finally:
            connection.text_factory = str

    def _tell(self) -> None:
        """Tell the parent now and then that a new statement has its time before it: each message costs some."""
        if monotonic() - self._told > KILL_GRACE_S / 2:
            self._send(Kind.STARTED, None)
            self._told = monotonic()

    def _count(self, sql: str, every: int) -> tuple[Verdict, int]:
        """Run a statement and return how often SQLite called back, which it does once for `every` steps.

        It catches up after an operation that took several: `vdbe.c`, at `nProgressLimit`.
        """
        self._tell()
        self._ticks = 0
        with self.session.ticking(self._tick, every):
            verdict = self.session.execute(sql, self._discard)
        return verdict, self._ticks

    def _count_compiling(self, sql: str) -> int:
        """Return how often SQLite calls back while it compiles a statement, as it does from 3.41 on."""
        self._ticks = 0
        with self.session.ticking(self._tick, 1):
            self.session.prepare(sql, self._discard)
        return self._ticks

    def _tick(self) -> bool:
        self._ticks += 1
        return self.session.is_late()

    def _discard(self, kind: Kind, value: Any) -> int:
        if kind is Kind.RESTART:
            self._undecodable = True
            self._ticks = 0
        return len(pack(kind, value))


@contextmanager
def _one_cpu() -> Iterator[None]:
    """Keep this process on one CPU while the block runs, where the system can: moving costs time."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):  # a container may forbid it; the race is then only a little noisier
        # Not the same one for all: several evaluations may run on this machine.
        os.sched_setaffinity(0, {sorted(before)[os.getpid() % len(before)]})
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, before)
