"""Names of tables and columns as SQLite takes them: bare or in quotes."""

import re

__all__ = ["RESERVED", "quote"]

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Of https://sqlite.org/lang_keywords.html, those that SQLite refuses as a bare name of a table or column somewhere …
_REFUSED = """
    add all alter and as autoincrement between case cast check collate commit constraint create default deferrable
    delete distinct drop else escape except exists foreign from group having if in index insert intersect into is
    isnull join limit not nothing notnull null on or order primary raise references returning select set table then
    to transaction union unique update using values when where
"""
# … and those that mean something else there.
_MISREAD = "cross current_date current_time current_timestamp end full inner left natural outer over right window with"
RESERVED = frozenset((_REFUSED + _MISREAD).split())
"""The keywords, in lower case, that need quotes as a name; SQLite takes its others (`key`, `first` …) bare."""


def quote(name: str, mark: str = "`") -> str:
    """Return a name as SQL needs it: bare where that is safe everywhere, else between `mark`s."""
    if _PLAIN_NAME.fullmatch(name) and name.lower() not in RESERVED:
        return name
    return mark + name.replace(mark, mark * 2) + mark
