"""Completion text → SQL, with every step recorded.

Only what surrounds the SQL is removed: Markdown fences (closed or left open), reasoning blocks, a label, prose
before the first and after the last statement. A second statement is kept, so that it is refused later and never
passes unseen. Not covered: several fenced candidates (the last one that looks like a query is taken).
"""

import re

from harness.types import Extraction

__all__ = ["extract", "statement_end", "take_whole"]

_THINK = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*([A-Za-z0-9_+-]*)[ \t]*\r?\n?(.*?)(?:```|\Z)", re.DOTALL)
_LABEL = re.compile(r"\A\s*(?:--\s*)?(?:final\s+)?(?:sqlite\s+|sql\s*)?(?:query|sql|answer)\s*:\s*", re.IGNORECASE)
_QUERY_START = re.compile(r"\b(?:SELECT|WITH|VALUES)\b", re.IGNORECASE)
_STATEMENT_START = re.compile(
    r"\s*(?:SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|ATTACH|DETACH|PRAGMA|VACUUM|REINDEX|"
    r"ANALYZE|EXPLAIN|BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b",
    re.IGNORECASE,
)
_LEADING_NOISE = re.compile(r"\A(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
# One token of SQL: a quoted region, a comment or a single character. Unclosed regions reach to the end.
_TOKEN = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|`(?:[^`]|``)*(?:`|\Z)|\[[^\]]*(?:\]|\Z)"
    r"|--[^\n]*|/\*.*?(?:\*/|\Z)|.",
    re.DOTALL,
)


_BLANK_LINE = re.compile(r"(?<=\S)[ \t]*\r?\n[ \t]*\r?\n")


def statement_end(text: str) -> int | None:
    """Return where the first statement of a completion ends, `None` while it goes on.

    It ends behind a `;` outside quotes and comments, or before a blank line that follows text.
    """
    blank = _BLANK_LINE.search(text)
    limit = blank.start() if blank else None
    for match in _TOKEN.finditer(text):
        if limit is not None and match.start() >= limit:
            return limit
        if match.group() == ";":
            return match.end()
    return limit


def take_whole(text: str) -> Extraction:
    """Return the completion as it came but for surrounding white space: what the `reference` template does."""
    sql = text.strip()
    return Extraction(sql or None, () if sql else ("empty",))


def extract(text: str) -> Extraction:
    """Find the SQL in a completion; `sql` is None when nothing is left after the surroundings are gone."""
    steps: list[str] = []
    text = _note(steps, "byte order mark", text, text.removeprefix("\ufeff"))
    text = _note(steps, "reasoning", text, _THINK.sub("", text))
    text = _unfence(steps, text)
    text = _note(steps, "label", text, _LABEL.sub("", text, count=1))
    text = _note(steps, "prose before", text, _from_first_statement(text))
    text = _note(steps, "text after", text, _until_last_statement(text))
    sql = text.strip().rstrip(";").rstrip()
    if not sql:
        return Extraction(None, (*steps, "empty"))
    return Extraction(sql, tuple(steps))


def _note(steps: list[str], step: str, before: str, after: str) -> str:
    if before.strip() != after.strip():
        steps.append(step)
    return after


def _unfence(steps: list[str], text: str) -> str:
    blocks = [match for match in _FENCE.finditer(text) if match.group(2).strip()]
    if "```" not in text or not blocks:
        # A lone closing fence: what stands before it is the answer.
        return _note(steps, "closing fence", text, text.split("```", 1)[0]) if "```" in text else text
    head = text[: blocks[0].start()]
    if _STATEMENT_START.match(_LEADING_NOISE.sub("", head, count=1)):
        steps.append("closing fence")
        return head
    queries = [match for match in blocks if _QUERY_START.search(match.group(2))]
    steps.append("fence")
    return (queries or blocks)[-1].group(2)


def _from_first_statement(text: str) -> str:
    body = _LEADING_NOISE.sub("", text, count=1)
    if _STATEMENT_START.match(body.lstrip("( \t\r\n")):
        return text
    # A line that begins with a query after prose; otherwise the text stands as it is and fails as syntax.
    match = re.search(r"^[ \t(]*(?:SELECT|WITH)\b", text, re.IGNORECASE | re.MULTILINE)
    return text[match.start() :] if match else text


def _until_last_statement(text: str) -> str:
    position = 0
    for match in _TOKEN.finditer(text):
        position = match.end()
        if match.group() != ";":
            continue
        rest = _LEADING_NOISE.sub("", text[position:], count=1)
        if not _STATEMENT_START.match(rest):
            return text[:position]
    return text
