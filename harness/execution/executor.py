"""The executor: every question that can be asked of a database, with a cache in front of the workers."""

import copy
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from harness.errors import DataError, UsageError
from harness.execution.cache import Cache
from harness.execution.catalogue import Catalogue
from harness.execution.database import SCRIPT_LENGTH
from harness.execution.description import as_catalogue
from harness.execution.limits import SQL_LENGTH, Limits
from harness.execution.measurement import Measurement
from harness.execution.pool import Pool
from harness.execution.process import Request
from harness.execution.statement import WHITE_SPACE, is_deterministic
from harness.types import Execution, Status

__all__ = ["Executor"]

Key = tuple[str, str, str]
"""(`file`, path, stamp), (`schema`, DDL, "") or (`script`, script, its hash)."""

_CATALOGUES = 256
_SCRIPTS = 8
_LOOK_AGAIN_S = 0.05
"""How long a file counts as unchanged: asking the system at every statement makes threads wait for each other."""
_UNSEEN: tuple[float, Key | None] = (0.0, None)


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
        self._racing = threading.Lock()
        self._keys: dict[str, tuple[float, Key | None]] = {}
        # Bound to the pool, not to this object: a cycle would keep the workers until the garbage collector comes.
        self._describe = lru_cache(_CATALOGUES)(partial(_ask_catalogue, self._pool))
        self._close: Callable[[], object] = weakref.finalize(self, self._pool.close)
        self._lender: Executor | None = None

    def on(self, databases: Mapping[str, Path]) -> "Executor":
        """Return an executor of other files that shares workers, limits and cache; closing it does nothing."""
        other = copy.copy(self)
        other.databases, other.ddl, other._keys = dict(databases), {}, {}  # noqa: SLF001 - another one of us
        other._close = bool  # noqa: SLF001 - another one of us
        other._lender = self  # noqa: SLF001 - the workers live as long as the one that started them
        return other

    def execute(self, db_id: str, sql: str) -> Execution:
        """Run one query.

        Returns rows as Python tuples, with `bytes` for blobs and for text that is not UTF-8, or the reason why
        there are none. Raises `DataError` when the database is missing or damaged, `RunError` when no worker can
        be had.
        """
        return self._answer("execute", db_id, sql, self._file_key(db_id))

    def execute_reversed(self, db_id: str, sql: str) -> Execution:
        """Run one query like `execute`, but let SQLite give rows that nothing orders in reverse.

        A result that differs from `execute`'s hangs on the order of rows: https://sqlite.org/pragma.html,
        reverse_unordered_selects. Raises like `execute`.
        """
        return self._answer("execute_reversed", db_id, sql, self._file_key(db_id))

    def execute_script(self, script: str, sql: str) -> Execution:
        """Run one query like `execute` on an in-memory database that `script` makes.

        `script` holds CREATE and INSERT statements and is run in one transaction, within the limits of a statement and
        without enforcing foreign keys; where it fails, the error begins with `script: `. Raises `RunError` like
        `execute`.
        """
        if unfit := _refuse_text(script, SCRIPT_LENGTH):
            return replace(unfit, error=f"script: {unfit.error}")
        return self._answer("execute", "script", sql, ("script", script, _look_at(script)[0]))

    def describe(self, db_id: str) -> Catalogue:
        """Return what SQLite knows and enforces of a database; where the file is missing, of that made of `ddl`.

        Raises `DataError` when the database is missing, damaged or cannot be described within the limits, and
        `RunError` when no worker can be had.
        """
        return self._describe(self._any_key(db_id), self._label(db_id))

    def measure(self, db_id: str, statements: Sequence[str], repeats: int, budget_s: float = 60.0) -> Measurement:
        """Let statements take turns on one CPU for `repeats` rounds, and time each run after one that warms up.

        Every run has the limits of a statement; after `budget_s` seconds of rounds no further one begins, but there is
        at least one. Nothing comes from the cache. One race at a time, since two would disturb each other. Raises like
        `execute`.
        """
        if repeats < 1 or not statements:
            raise UsageError("measure: needs at least one statement and one repeat; give more")
        for sql in statements:
            if unfit := _refuse_text(sql):
                return Measurement(unfit.status, unfit.error)
        texts = tuple(sql.strip(WHITE_SPACE) for sql in statements)
        request = Request("measure", self._file_key(db_id), (texts, repeats, budget_s), self._label(db_id))
        with self._racing:
            answer = self._pool.ask(request)
        if not answer.execution.ok:
            return Measurement(answer.execution.status, answer.execution.error)
        return Measurement(Status.OK, "", *answer.finding)

    def prepare(self, db_id: str, sql: str) -> Execution:
        """Let SQLite compile one query without running it: `ok` without rows, or why it is refused.

        Raises like `execute`; where the file is missing the empty database made of `ddl` stands in.
        """
        return self._answer("prepare", db_id, sql, self._any_key(db_id))

    def close(self) -> None:
        """End all workers; a second call does nothing."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def _any_key(self, db_id: str) -> Key:
        if db_id in self.databases or db_id not in self.ddl:
            return self._file_key(db_id)
        return "schema", self.ddl[db_id], ""

    def _file_key(self, db_id: str) -> Key:
        path = self.databases.get(db_id)
        if path is None:
            raise DataError(f"{db_id}: there is no database of this name; check the data folder")
        now, (seen, key) = monotonic(), self._keys.get(db_id, _UNSEEN)
        if key is not None and now - seen < _LOOK_AGAIN_S:
            return key
        try:
            stat = path.stat()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}; fetch the database again") from error
        key = "file", str(path.absolute()), f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
        self._keys[db_id] = now, key
        return key

    def _label(self, db_id: str) -> str:
        return str(self.databases.get(db_id, db_id))

    def _answer(self, operation: str, db_id: str, sql: str, key: Key) -> Execution:
        if unfit := _refuse_text(sql):
            return unfit
        text = sql.strip(WHITE_SPACE)
        request = Request(operation, key, text, self._label(db_id))
        is_script = key[0] == "script"
        if operation != "prepare" and not (is_deterministic(text) and (not is_script or _look_at(key[1])[1])):
            return self._pool.ask(request).execution
        place = key[::2] if is_script else key  # scripts are many and long: their hash stands for them
        return self._cache.answer((operation, place, text), lambda: self._pool.ask(request))


@lru_cache(_SCRIPTS)
def _look_at(script: str) -> tuple[str, bool]:
    """Return a script's hash and whether it makes the same database every time."""
    return sha256(script.encode()).hexdigest(), is_deterministic(script)


def _ask_catalogue(pool: Pool, key: Key, label: str) -> Catalogue:
    answer = pool.ask(Request("describe", key, None, label))
    if not answer.execution.ok:
        raise DataError(f"{label}: cannot be described: {answer.execution.error}; check the database")
    return as_catalogue(answer.finding)


def _refuse_text(sql: str, longest: int = SQL_LENGTH) -> Execution | None:
    """Return the verdict on text that SQLite cannot be given."""
    if "\0" in sql:
        return Execution(Status.ERROR, error="the SQL contains a NUL character")
    try:
        length = len(sql.encode())
    except UnicodeEncodeError:
        return Execution(Status.ERROR, error="the SQL is not valid Unicode")
    if length > longest:
        return Execution(Status.RESOURCE, error=f"the SQL is longer than {longest:,} bytes")
    return None
