"""One open database in a worker: runs a statement within its limits and says how it ended."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, perf_counter
from typing import Any, TypeVar

from harness.execution.authorizer import Authorizer
from harness.execution.formatting import guarded_printf
from harness.execution.limits import Limits
from harness.execution.protocol import Kind
from harness.execution.statement import COMMANDS, describe_command, leading_keyword, strip_leading
from harness.execution.verdict import Stopped, Verdict, classify, late

__all__ = ["Send", "Session", "decode_text"]

T = TypeVar("T")
Send = Callable[[Kind, Any], int]

_TICK_OPERATIONS = 20_000
_CHUNK_BYTES = 1 << 20
_CHUNK_ROWS = 4_096
_UNDECODABLE = "Could not decode to UTF-8"


class Session:
    """A connection, its authorizer and its clock."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self.connection = connection
        self.limits = limits
        self.authorizer = Authorizer()
        self.deadline = 0.0
        self.elapsed_s = 0.0
        self.too_big = False
        connection.set_authorizer(self.authorizer)
        connection.set_progress_handler(self.is_late, _TICK_OPERATIONS)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def execute(self, sql: str, send: Send) -> Verdict:
        """Run one query and send its rows; raises `Broken` for a damaged file."""
        return self.judge(sql, lambda text: self._run(text, send))

    def execute_reversed(self, sql: str, send: Send) -> Verdict:
        """Run one query like `execute` while SQLite gives rows that nothing orders in reverse."""
        self._reverse("ON")
        verdict = None
        try:
            verdict = self.execute(sql, send)
        finally:
            if verdict is None or not verdict.spent:
                # Should this fail, the process ends: no later statement may find the order changed.
                self._reverse("OFF")
        return verdict

    def _reverse(self, switch: str) -> None:
        with self.unguarded():
            self.connection.execute(f"PRAGMA reverse_unordered_selects = {switch}").close()

    def prepare(self, sql: str, _send: Send) -> Verdict:
        """Compile one query without running it; raises like `execute`."""
        return self.judge(sql, self._compile)

    def inspect(self, read: Callable[[sqlite3.Connection], Verdict]) -> Verdict:
        """Let the harness itself read what no query may; raises `Broken` for a damaged file."""
        self.connection.text_factory = _decode_leniently
        try:
            with self.unguarded():
                return read(self.connection)
        except (MemoryError, sqlite3.Error) as error:
            status, reason = classify(error, "", self.limits)
            return Verdict(status, error=reason, spent=isinstance(error, MemoryError))
        finally:
            self.connection.text_factory = str

    @contextmanager
    def ticking(self, tick: Callable[[], bool], operations: int) -> Iterator[None]:
        """While the block runs, let SQLite call `tick` once for every so many operations; true ends the statement."""
        self.connection.set_progress_handler(tick, operations)
        try:
            yield
        finally:
            self.connection.set_progress_handler(self.is_late, _TICK_OPERATIONS)

    def is_late(self) -> bool:
        """Whether the statement's time is up."""
        return monotonic() > self.deadline

    @contextmanager
    def unguarded(self) -> Iterator[None]:
        """While the block runs, let the harness's own statements pass the authorizer, with a fresh clock."""
        self.deadline = monotonic() + self.limits.timeout_s
        self.connection.set_authorizer(None)
        try:
            yield
        finally:
            self.connection.set_authorizer(self.authorizer)

    def judge(self, sql: str, act: Callable[[str], Verdict]) -> Verdict:
        """Let `act` use one statement within the limits, and say how that ended; raises `Broken`."""
        self.authorizer.reset()
        self.elapsed_s = 0.0
        self.too_big = False
        self.deadline = monotonic() + self.limits.timeout_s
        text = strip_leading(sql)
        if not text:
            return Verdict("error", error="no statement")
        replaced = False
        try:
            if leading_keyword(text) in COMMANDS:
                self._refuse_command(text)
            with guarded_printf(self.connection, text, self._refuse_width) as replaced:
                verdict = act(text)
            return replace(verdict, spent=verdict.spent or replaced)
        except (Stopped, MemoryError, sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
            status, reason = self._explain(error, text)
            # What an allocation failed for may be half made: the process is the only safe thing to drop.
            return Verdict(status, (), reason, self.elapsed_s, spent=replaced or isinstance(error, MemoryError))

    def _refuse_command(self, text: str) -> None:
        if leading_keyword(text) != "EXPLAIN":
            self._compile(text)  # for the authorizer's reason, or for a syntax error
        raise Stopped("forbidden", f"{describe_command(text)} is not allowed")

    def _explain(self, error: Exception, text: str) -> tuple[str, str]:
        if self.authorizer.refusal:
            command = f"{describe_command(text)} is not allowed"
            return "forbidden", command if self.authorizer.unnamed else self.authorizer.refusal
        if self.too_big:
            return "resource", "string or blob too big"
        return classify(error, text, self.limits)

    def _compile(self, text: str) -> Verdict:
        # `QUERY PLAN SELECT 1` is no statement, though EXPLAIN in front would make it one.
        compiling = text if leading_keyword(text) == "QUERY" else f"EXPLAIN {text}"
        started = perf_counter()
        try:
            self.connection.execute(compiling).close()
        finally:
            self.elapsed_s += perf_counter() - started
        return Verdict("ok", elapsed_s=self.elapsed_s)

    def _run(self, text: str, send: Send) -> Verdict:
        try:
            return self._stream(text, send)
        except sqlite3.OperationalError as error:
            if not str(error).startswith(_UNDECODABLE):
                raise
        send(Kind.RESTART, None)
        self.connection.text_factory = decode_text
        try:
            return self._stream(text, send)
        finally:
            self.connection.text_factory = str

    def _stream(self, text: str, send: Send) -> Verdict:
        cursor = self.connection.cursor()
        try:
            self._timed(lambda: cursor.execute(text))
            columns = tuple(str(column[0]) for column in cursor.description or ())
            self._send_rows(cursor, send)
        finally:
            cursor.close()
        return Verdict("ok", columns, elapsed_s=self.elapsed_s)

    def _send_rows(self, cursor: sqlite3.Cursor, send: Send) -> None:
        """Send all rows; raises `Stopped` when there are too many.

        The first chunk is one row, and each later one as many as make a message of fair size.
        """
        sent_rows = sent_bytes = 0
        cursor.arraysize = 1
        while rows := self._timed(cursor.fetchmany):
            if sent_rows + len(rows) > self.limits.max_rows:
                raise Stopped("resource", f"more than {self.limits.max_rows:,} rows")
            sent_bytes += send(Kind.ROWS, rows)
            if sent_bytes > self.limits.max_bytes:
                raise Stopped("resource", f"more than {self.limits.max_bytes:,} bytes of rows")
            if self.is_late():
                raise Stopped("timeout", late(self.limits))
            sent_rows += len(rows)
            fair = max(1, _CHUNK_BYTES * sent_rows // sent_bytes)
            cursor.arraysize = min(cursor.arraysize * 8, fair, _CHUNK_ROWS, self.limits.max_rows + 1 - sent_rows)

    def _timed(self, act: Callable[[], T]) -> T:
        started = perf_counter()
        try:
            return act()
        finally:
            self.elapsed_s += perf_counter() - started

    def _refuse_width(self) -> None:
        self.too_big = True


def _decode_leniently(text: bytes) -> str:
    return text.decode(errors="replace")


def decode_text(text: bytes) -> str | bytes:
    """Return text that is not UTF-8 as it is."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text
