"""What an error of SQLite says about the statement, the limits or the database."""

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from harness.execution.limits import Limits
from harness.execution.statement import COMMANDS, leading_keyword

__all__ = ["Broken", "Stopped", "Verdict", "classify", "late"]

_SECOND_STATEMENT = "You can only execute one statement at a time"
_SYNTAX = re.compile("syntax error|incomplete input|unrecognized token")
_MODIFIES = re.compile("may not be modified$|^cannot modify ")
_UNUSABLE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR})
_PRIMARY = 0xFF
"""The bits of an extended result code that hold the primary one: https://sqlite.org/rescode.html."""


class Stopped(Exception):
    """A statement is ended on purpose; the arguments are status and reason."""


class Broken(Exception):
    """The database turned out to be damaged while it was read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a statement ended; `spent` says that the worker should not be used again."""

    status: str
    columns: tuple[str, ...] = ()
    error: str = ""
    elapsed_s: float = 0.0
    spent: bool = False

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the fields as a message carries them."""
        return self.status, self.columns, self.error, self.elapsed_s, self.spent


def late(limits: Limits) -> str:
    """Say that the time is up."""
    return f"stopped after {limits.timeout_s:g} s"


def classify(error: Exception, text: str, limits: Limits) -> tuple[str, str]:
    """Return status and reason for what `text` raised; raises `Broken` where it is the database's fault."""
    if isinstance(error, Stopped):
        status, reason = error.args
        return str(status), str(reason)
    code = getattr(error, "sqlite_errorcode", None) or 0
    if isinstance(error, MemoryError) or code == sqlite3.SQLITE_IOERR_NOMEM:
        return "resource", f"out of memory (limit {limits.memory_mib} MiB)"
    if code & _PRIMARY in _UNUSABLE:
        raise Broken(f"damaged: {error}; fetch it again") from error
    if code & _PRIMARY == sqlite3.SQLITE_INTERRUPT:
        return "timeout", late(limits)
    if code & _PRIMARY == sqlite3.SQLITE_TOOBIG:
        return "resource", str(error)
    return _blame(str(error), text)


def _blame(reason: str, text: str) -> tuple[str, str]:
    if reason.startswith(_SECOND_STATEMENT):
        return "forbidden", f"a second statement is not allowed ({reason})"
    if _MODIFIES.search(reason) or (leading_keyword(text) in COMMANDS and not _SYNTAX.search(reason)):
        return "forbidden", f"only queries are allowed ({reason})"
    return "error", reason
