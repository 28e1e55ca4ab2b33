"""Opening a database so that nothing can be done to it but reading."""

import contextlib
import sqlite3
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from harness.execution.limits import MIB, SQL_LENGTH, Limits
from harness.execution.verdict import Broken, Verdict, classify

__all__ = ["CEILINGS", "SCRIPT_LENGTH", "ScriptFailed", "Unusable", "open_file", "open_schema", "open_script"]

SCRIPT_LENGTH = 16 * MIB
"""The longest script accepted, in bytes of UTF-8."""

_TICK_OPERATIONS = 20_000
_VALUE_LENGTH_SHARE = 8
CEILINGS = {
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: SQL_LENGTH,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 1_000,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 500,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 500_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
"""What a query gets of the library's own limits, by their numbers."""


class Unusable(Exception):
    """A database or schema that cannot be read; the message says why and what to do."""


class ScriptFailed(Exception):
    """A script could not be run; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.error)
        self.verdict = verdict


def open_file(path: str, limits: Limits) -> sqlite3.Connection:
    """Open an existing file read-only and read its schema; raises `Unusable`."""
    try:
        if not Path(path).stat().st_size:
            raise Unusable("the file is empty; fetch it again")
        # A file with content that only its log holds would be read without it, and silently differ.
        log = Path(f"{path}-wal")
        if log.exists() and log.stat().st_size:
            raise Unusable(f"changes wait in {log.name}; run `sqlite3 FILE 'PRAGMA wal_checkpoint(TRUNCATE)'` first")
        uri = f"file:{quote(str(Path(path).absolute()))}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=0)
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"cannot be opened: {error}; check the path and its permissions") from error
    try:
        _harden(connection, limits)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        _connect_virtual_tables(connection)
    except sqlite3.Error as error:
        connection.close()
        raise Unusable(f"not a readable SQLite database: {error}; fetch it again") from error
    return connection


def open_schema(ddl: str, limits: Limits) -> sqlite3.Connection:
    """Make an empty in-memory database from `ddl`; raises `Unusable`."""
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.executescript(ddl)
        _harden(connection, limits)
        _connect_virtual_tables(connection)
    except sqlite3.Error as error:
        connection.close()
        raise Unusable(f"the schema cannot be built: {error}; correct the tables JSON") from error
    return connection


def open_script(script: str, limits: Limits) -> sqlite3.Connection:
    """Make an in-memory database from `script`, in one transaction and within the limits of a statement.

    Foreign keys are not enforced. Raises `ScriptFailed`.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
    deadline = monotonic() + limits.timeout_s
    try:
        _limit(connection, limits)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, SCRIPT_LENGTH)
        connection.set_progress_handler(lambda: monotonic() > deadline, _TICK_OPERATIONS)
        connection.execute("PRAGMA foreign_keys = OFF").fetchall()
        connection.executescript(f"BEGIN;\n{script}\n;COMMIT")
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, SQL_LENGTH)
        _harden(connection, limits)
        _connect_virtual_tables(connection)
    except (sqlite3.Error, sqlite3.Warning, MemoryError) as error:
        connection.close()
        raise ScriptFailed(_blame_script(error, limits)) from error
    return connection


def _blame_script(error: Exception, limits: Limits) -> Verdict:
    try:
        # Without the text: that a script is made of commands is no reason to refuse it.
        status, reason = classify(error, "", limits)
    except Broken:
        status, reason = "error", str(error)
    return Verdict(status, error=f"script: {reason}", spent=isinstance(error, MemoryError))


def _limit(connection: sqlite3.Connection, limits: Limits) -> None:
    connection.execute(f"PRAGMA hard_heap_limit = {limits.memory_mib * MIB}").fetchall()
    # A single value costs time that no progress handler sees; an eighth of the memory is far above honest use.
    length = min(limits.memory_mib * MIB // _VALUE_LENGTH_SHARE, 64 * MIB)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, length)
    for category, ceiling in CEILINGS.items():
        connection.setlimit(category, ceiling)


def _harden(connection: sqlite3.Connection, limits: Limits) -> None:
    _limit(connection, limits)
    for pragma in (
        "query_only = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
        # Mapped pages stand outside of the heap, so that the memory limit is the statement's own.
        "mmap_size = 1073741824",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _connect_virtual_tables(connection: sqlite3.Connection) -> None:
    """Read every virtual table once: connecting one asks the authorizer for more than a query may."""
    connection.execute("SELECT 1 FROM json_each('[1]'), json_tree('[1]')").fetchall()
    names = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'").fetchall()
    for (name,) in names:
        quoted = str(name).replace('"', '""')
        # A module that this SQLite lacks is the business of the query that reads the table.
        with contextlib.suppress(sqlite3.Error):
            connection.execute(f'SELECT * FROM "{quoted}" LIMIT 1').fetchall()
