"""A guard around SQLite's `printf`, whose padding is counted out one character at a time, whatever its limits say.

`printf('%.*c', 2000000000, 'x')` keeps one opcode busy for seconds and no progress handler sees it. Statements that
could ask for such a width get a `printf` that adds up the widths first and leaves the rest to SQLite's own. Not
covered: a format put together at run time; the pool's deadline ends that one.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["guarded_printf"]

_CALL = re.compile(r"\b(?:printf|format)\b[\"`\]]?(?:\s|/\*(?:(?!\*/).)*\*/|--[^\n]*\n)*+\(", re.IGNORECASE | re.DOTALL)
_RISKY = re.compile(r"%[^%A-Za-z]*(?:\*|\d{6})")
_FIELD = re.compile(r"%[-+ 0!#,]*(\*|\d*)(?:\.(\*|\d*))?(?:l*)([A-Za-z%])")
_NAMES = ("printf", "format")


@contextmanager
def guarded_printf(connection: sqlite3.Connection, sql: str, refuse: Callable[[], None]) -> Iterator[bool]:
    """While the block runs, count widths in `sql`'s formats; calls `refuse` for one above the length limit.

    The block gets whether it needed that. If so the connection is spent: Python cannot give a function of SQLite's own
    back, so the replacement stays, which is slower and stumbles over text that is not UTF-8.
    """
    if not (_CALL.search(sql) and _RISKY.search(sql)):
        yield False
        return
    widest = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
    original = sqlite3.connect(":memory:")

    def printf(*arguments: Any) -> str | None:
        if _width(arguments) > widest:
            refuse()
            raise ValueError("too wide")
        places = ", ".join("?" * len(arguments))
        (text,) = original.execute(f"SELECT printf({places})", arguments).fetchone()
        return None if text is None else str(text)

    for name in _NAMES:
        connection.create_function(name, -1, printf, deterministic=True)
    yield True


def _width(arguments: tuple[object, ...]) -> int:
    """Return the largest width or precision that a call of `printf` asks for."""
    rest = iter(arguments)
    widths = [0]
    for width, precision, kind in _FIELD.findall(str(next(rest, ""))):
        for text in (width, precision):
            value = next(rest, 0) if text == "*" else text
            widths.append(abs(_integer(value)))
        if kind not in "%n":
            next(rest, None)
    return max(widths)


def _integer(value: object) -> int:
    try:
        return int(float(str(value or 0)))
    except (ValueError, OverflowError):
        return 0
