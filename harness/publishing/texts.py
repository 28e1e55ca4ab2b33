"""What an answer may hold of the data set beside SQL: comments, whole questions, the schema written off."""

import re
from collections.abc import Iterable

from harness.types import Record

__all__ = ["Texts", "strip_comments"]

FEWEST_WORDS = {"question": 4, "evidence": 6}
"""Shorter ones (`phone IS NULL`) are what SQL looks like by itself."""

_TOKEN = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|`(?:[^`]|``)*(?:`|\Z)|\[[^\]]*(?:\]|\Z)"
    r"|(?P<comment>(?:--[^\n]*|/\*.*?(?:\*/|\Z))\s*)",
    re.DOTALL,
)
_TABLE = re.compile(r"\bCREATE\s+(?:(?:TEMP|TEMPORARY|VIRTUAL)\s+)?TABLE\b", re.IGNORECASE)


def strip_comments(sql: str) -> str:
    """Return SQL that means the same without its comments, in which a model may say anything."""
    if "--" not in sql and "/*" not in sql:
        return sql
    return _TOKEN.sub(lambda found: " " if found.group("comment") else found.group(), sql).strip()


class Texts:
    """The questions and evidences of a run, to be found in what is about to be published."""

    def __init__(self, records: Iterable[Record]) -> None:
        found = {
            _flatten(text)
            for record in records
            for text, fewest in ((record.question, "question"), (record.evidence, "evidence"))
            if len(text.split()) >= FEWEST_WORDS[fewest]
        }
        self._texts = sorted(found)

    def stand_in(self, sql: str) -> bool:
        """Whether SQL without comments repeats one of them, or writes a table's definition."""
        flat = _flatten(sql)
        return _TABLE.search(sql) is not None or any(text in flat for text in self._texts)


def _flatten(text: str) -> str:
    return " ".join(text.lower().split())
