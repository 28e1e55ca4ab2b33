"""The executor: a pool of workers for any number of threads, with the cache in front of it."""

import os
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import DataError, RunError, UsageError
from harness.execution.cache import Cache
from harness.execution.limits import SQL_LENGTH, Limits
from harness.execution.process import Answer, Process, Request
from harness.execution.statement import WHITE_SPACE, is_deterministic
from harness.types import Execution, Status

__all__ = ["Executor", "Pool"]

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
        process = Process(self.limits)
        with self._lock:
            if not self.closed:
                self._all.add(process)
                return process
        process.kill()
        raise RunError(_CLOSED)

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


class Executor:
    """Runs SQL on databases within limits; a context manager, for use by any number of threads.

    `databases` maps `db_id` to SQLite files, `ddl` to `CREATE TABLE` text for `prepare` where there is no file.
    `workers` bounds the child processes (0: one per core); they start when needed and end with `close`, with the
    garbage collector or with the interpreter, and by themselves should this process be killed.
    """

    def __init__(
        self,
        databases: Mapping[str, Path],
        *,
        ddl: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        workers: int = 0,
    ) -> None:
        if workers < 0:
            raise UsageError("execution.workers: must not be negative; 0 means one for each core")
        self.databases = dict(databases)
        self.ddl = dict(ddl or {})
        self.limits = limits
        self._cache = Cache()
        self._pool = Pool(limits, workers or os.cpu_count() or 1)
        self._finalizer = weakref.finalize(self, self._pool.close)

    def execute(self, db_id: str, sql: str) -> Execution:
        """Run one query.

        Returns rows as Python tuples, with `bytes` for blobs and for text that is not UTF-8, or the reason why
        there are none. Raises `DataError` when the database is missing or damaged, `RunError` when no worker can
        be had.
        """
        return self._answer("execute", db_id, sql, self._file_key(db_id))

    def prepare(self, db_id: str, sql: str) -> Execution:
        """Let SQLite compile one query without running it: `ok` without rows, or why it is refused.

        Raises like `execute`; where the file is missing the empty database made of `ddl` stands in.
        """
        if db_id in self.databases or db_id not in self.ddl:
            key = self._file_key(db_id)
        else:
            key = ("schema", self.ddl[db_id], "")
        return self._answer("prepare", db_id, sql, key)

    def close(self) -> None:
        """End all workers; a second call does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def _file_key(self, db_id: str) -> tuple[str, str, str]:
        path = self.databases.get(db_id)
        if path is None:
            raise DataError(f"{db_id}: there is no database of this name; check the data folder")
        try:
            stat = path.stat()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}; fetch the database again") from error
        return "file", str(path.absolute()), f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"

    def _answer(self, operation: str, db_id: str, sql: str, key: tuple[str, str, str]) -> Execution:
        if unfit := _refuse_text(sql):
            return unfit
        text = sql.strip(WHITE_SPACE)
        label = str(self.databases.get(db_id, db_id))
        request = Request(operation, key, text, label)
        if operation == "execute" and not is_deterministic(text):
            return self._pool.ask(request).execution
        return self._cache.answer((operation, key, text), lambda: self._pool.ask(request))


def _refuse_text(sql: str) -> Execution | None:
    """Return the verdict on text that SQLite cannot be given."""
    if "\0" in sql:
        return Execution(Status.ERROR, error="the SQL contains a NUL character")
    try:
        length = len(sql.encode())
    except UnicodeEncodeError:
        return Execution(Status.ERROR, error="the SQL is not valid Unicode")
    if length > SQL_LENGTH:
        return Execution(Status.RESOURCE, error=f"the SQL is longer than {SQL_LENGTH:,} bytes")
    return None
