"""What can be said of a statement without a database: where it begins, what kind it is, whether it repeats."""

import re

__all__ = ["COMMANDS", "WHITE_SPACE", "describe_command", "is_deterministic", "leading_keyword", "strip_leading"]

COMMANDS = frozenset(
    {"ALTER", "ANALYZE", "ATTACH", "BEGIN", "COMMIT", "CREATE", "DELETE", "DETACH", "DROP", "END", "EXPLAIN", "INSERT"}
    | {"PRAGMA", "REINDEX", "RELEASE", "REPLACE", "ROLLBACK", "SAVEPOINT", "UPDATE", "VACUUM"}
)
"""The first words of SQLite's statements that are no queries: https://sqlite.org/lang.html."""


WHITE_SPACE = " \t\n\f\r"
"""What SQLite's tokeniser takes for space; anything else, such as a no-break space, is an error that must show."""

# SQLite skips white space, comments, byte order marks and empty statements in front of the first word.
_LEADING = re.compile(r"(?:[ \t\n\f\r;\ufeff]|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]+")
_SCHEMA_COMMAND = re.compile(
    r"(?:CREATE|DROP|ALTER)\s+(?:(?:TEMP|TEMPORARY|UNIQUE|VIRTUAL)\s+)*(?:TABLE|VIEW|INDEX|TRIGGER)\b", re.IGNORECASE
)
_INTERNAL = re.compile(r"\b(?:pragma_\w+|dbstat|sqlite_stmt|sqlite_dbpage|bytecode|tables_used)\b", re.IGNORECASE)
_COMMENT_OR_TEXT = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'", re.DOTALL)
_HINTS = ("random", "current_", "changes", "last_insert_rowid", "now", "date", "time", "julianday", "unixepoch")
"""One of these stands in every statement that `_VOLATILE` could match; most statements hold none."""

_VOLATILE = re.compile(
    r"""\b(?:random|randomblob|current_date|current_time|current_timestamp
        |changes|total_changes|last_insert_rowid)\b
    |\bnow\b
    |\b(?:date|time|datetime|julianday|unixepoch)["`\]]?\s*\(\s*\)
    |\bstrftime["`\]]?\s*\([^,()]*\)""",
    re.IGNORECASE | re.VERBOSE,
)


def strip_leading(sql: str) -> str:
    """Return `sql` from its first word on; `""` when it holds nothing but comments, spaces and semicolons."""
    found = _LEADING.match(sql)
    return sql[found.end() :] if found else sql


def leading_keyword(sql: str) -> str:
    """Return the first word of a stripped statement in capitals, `""` when it does not begin with a word."""
    found = _WORD.match(sql)
    return found.group().upper() if found else ""


def describe_command(sql: str) -> str:
    """Name what a refused statement wants, for people: `CREATE TEMP TABLE`, `VACUUM`, `function pragma_table_info`."""
    if found := _SCHEMA_COMMAND.match(sql):
        return " ".join(found.group().upper().split())
    keyword = leading_keyword(sql)
    if keyword in COMMANDS:
        return keyword
    found = _INTERNAL.search(sql)
    return f"table-valued function {found.group().lower()}" if found else "a table-valued function"


def is_deterministic(sql: str) -> bool:
    """Whether `sql` gives the same rows every time on an unchanged database.

    Lexical and careful: randomness, the clock and connection state are recognised wherever their words stand
    outside of comments, so a column called `now` counts as not deterministic too. Not covered: a view of the
    database that calls such a function, and the word `now` put together at run time.
    """
    lowered = sql.lower()
    if not any(hint in lowered for hint in _HINTS):
        return True
    return _VOLATILE.search(_COMMENT_OR_TEXT.sub(_keep_now, sql)) is None


def _keep_now(found: re.Match[str]) -> str:
    text = found.group()
    if not text.startswith("'"):
        return " "
    return "now" if "now" in text.lower() else "''"
