"""Completion text → SQL, with every step recorded.

Only what surrounds the SQL is removed: reasoning, Markdown fences (closed or left open), a label, prose before and
after. A second statement is kept, so that it is refused later and never passes unseen. Not covered: several fenced
candidates (the last one that looks like a query is taken).
"""

import re

from harness.types import Extraction

__all__ = ["extract", "statement_end", "take_whole"]

_STATEMENT = (
    r"(?:SELECT\b|WITH\s+(?:RECURSIVE\b|[\w\"`\[\]]+\s*(?:\([^)]{0,2000}\)\s*)?AS\b)|VALUES\s*\(|INSERT\s+(?:INTO|OR)\b"
    r"|REPLACE\s+INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b|(?:CREATE|DROP|ALTER)\s+(?:TEMP|TEMPORARY|UNIQUE|TABLE|VIEW"
    r"|INDEX|TRIGGER|VIRTUAL)\b|ATTACH\b|DETACH\b|PRAGMA\s+\w|VACUUM\b|REINDEX\b|ANALYZE\b|EXPLAIN\s+(?:QUERY|SELECT|WITH)\b"
    r"|BEGIN\b|COMMIT\b|ROLLBACK\b|SAVEPOINT\b|RELEASE\b)"
)
_STARTS = re.compile(r"[\s(]*" + _STATEMENT, re.IGNORECASE)
_LINE_STARTS = re.compile(r"^[ \t(]*" + _STATEMENT, re.IGNORECASE | re.MULTILINE)
_AFTER_COLON = re.compile(r"(?<=:)\s*(?=(?:SELECT|WITH)\b)", re.IGNORECASE)
_QUERY = re.compile(r"\b(?:SELECT|WITH|VALUES)\b", re.IGNORECASE)
_NOISE = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_LABEL = re.compile(r"\A\s*(?:--\s*)?(?:final\s+)?(?:sqlite\s+|sql\s*)?(?:query|sql|answer)\s*:\s*", re.IGNORECASE)
_THOUGHT = re.compile(r"\A.*</think>|\A\s*<think>.*\Z", re.DOTALL | re.IGNORECASE)
# A language tag ends its line; only SQL's own may share the line with the query.
_FENCE = re.compile(r"```(?:[\w+-]*[ \t]*\r?\n|(?:sqlite|sql)\b)?(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_CLOSING_FENCE = re.compile(r"^[ \t]*```|```\s*\Z", re.MULTILINE)
# One token of SQL: a quoted region, a comment, blank lines, a run of what means nothing here, or a single character.
# Unclosed regions reach to the end.
_TOKEN = re.compile(
    r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|`(?:[^`]|``)*(?:`|\Z)|\[[^\]]*(?:\]|\Z)"
    r"|--[^\n]*|/\*.*?(?:\*/|\Z)|\n[ \t\r\n]*\n|[^'\"`\[;\n/-]+|.",
    re.DOTALL,
)
# How a statement may go on behind a blank line.
_GOES_ON = re.compile(
    r"\s*(?:[(),*+<>=|-]|(?:FROM|WHERE|GROUP|HAVING|ORDER|LIMIT|OFFSET|JOIN|LEFT|RIGHT|INNER|OUTER|CROSS|FULL|NATURAL|ON"
    r"|USING|AND|OR|UNION|INTERSECT|EXCEPT|CASE|WHEN|THEN|ELSE|END|WINDOW|AS)\b)",
    re.IGNORECASE,
)
# The prompt's own markers: a model that writes them has begun another example.
_NEXT_EXAMPLE = re.compile(r"--\s*(?:Evidence|Question|SQL):")


def take_whole(text: str) -> Extraction:
    """Return the completion as it came but for surrounding white space: what the `reference` template does."""
    sql = text.strip()
    return Extraction(sql or None, () if sql else ("empty",))


def extract(text: str) -> Extraction:
    """Find the SQL in a completion; `sql` is None when nothing is left after the surroundings are gone."""
    steps: list[str] = []
    text = _note(steps, "byte order mark", text, text.removeprefix("\ufeff"))
    text = _note(steps, "reasoning", text, _THOUGHT.sub("", text))
    text = _unfence(steps, text)
    text = _note(steps, "label", text, _LABEL.sub("", text, count=1))
    text = _note(steps, "prose before", text, _from_first_statement(text))
    text = _note(steps, "text after", text, _until_last_statement(text))
    sql = text.strip().rstrip(";").rstrip()
    return Extraction(sql, tuple(steps)) if sql else Extraction(None, (*steps, "empty"))


def statement_end(text: str) -> int | None:
    """Return where the first statement of a completion ends, `None` while it goes on.

    It ends behind a `;` outside quotes and comments, before a blank line, and where the model begins the prompt's
    next example. What comes before the statement (prose, a fence, reasoning) ends nothing.
    """
    thought = _THOUGHT.match(text)
    begin = _LINE_STARTS.search(text, thought.end() if thought else 0)
    if begin is None:
        return None
    for match in _TOKEN.finditer(text, begin.start()):
        part = match.group()
        if part == ";":
            return match.end()
        if _is_blank_line(part) or _NEXT_EXAMPLE.match(part):
            return match.start()
    return None


def _is_blank_line(part: str) -> bool:
    return part[0] == "\n" and len(part) > 1


def _note(steps: list[str], step: str, before: str, after: str) -> str:
    if before.strip() != after.strip():
        steps.append(step)
    return after


def _statement_at(text: str, position: int = 0) -> re.Match[str] | None:
    """Return how a statement begins at `position`, behind white space and comments."""
    return _STARTS.match(text, _skip_noise(text, position))


def _skip_noise(text: str, position: int) -> int:
    noise = _NOISE.match(text, position)
    return noise.end() if noise else position


def _unfence(steps: list[str], text: str) -> str:
    if _statement_at(text):
        closing = _CLOSING_FENCE.search(text)
        return _note(steps, "closing fence", text, text[: closing.start()]) if closing else text
    blocks = [match.group(1) for match in _FENCE.finditer(text) if match.group(1).strip()]
    if not blocks:
        return _note(steps, "closing fence", text, text.partition("```")[0])
    queries = [block for block in blocks if _QUERY.search(block)]
    steps.append("fence")
    return (queries or blocks)[-1]


def _from_first_statement(text: str) -> str:
    if _statement_at(text):
        return text
    # Otherwise the text stands as it is, and fails as syntax.
    match = _LINE_STARTS.search(text) or _AFTER_COLON.search(text)
    return text[match.start() :] if match else text


def _until_last_statement(text: str) -> str:
    opening = _statement_at(text)
    # Each of these is looked up once for all positions that share it: a text of blank lines must not take forever.
    noise_end, goes_on = -1, False
    for match in _TOKEN.finditer(text):
        part, end = match.group(), match.end()
        if part == ";" or _is_blank_line(part):
            if end > noise_end:
                noise_end = _skip_noise(text, end)
                goes_on = _STARTS.match(text, noise_end) is not None
            if part == ";" and not goes_on:
                return text[:end]
        prose = _is_blank_line(part) and not goes_on and not _GOES_ON.match(text, end)
        if (prose or _NEXT_EXAMPLE.match(part)) and opening and opening.end() <= match.start():
            return text[: match.start()]
    return text
