"""Where in a statement the thing stands that SQLite's message is about.

SQLite names it and says nothing of its place. What stands there more than once is told apart by asking again: a
column by the statement in which all its other occurrences are NULL, a syntax error by the shortest beginning that gives
the same message. Not covered: messages that name nothing (`incomplete input`, unequal UNIONs).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Offence", "find_offence"]

_COLUMN = re.compile(r"(?:no such column|ambiguous column name): (?P<name>.+)", re.DOTALL)
_TABLE = re.compile(r"no such table: (?P<name>.+)", re.DOTALL)
_CALL = re.compile(
    r"(?:no such function: |wrong number of arguments to function |misuse of (?:aggregate|window)(?: function)?:? )"
    r"(?P<name>[^()]+)(?:\(\))?",
    re.DOTALL,
)
_TEXT = re.compile(r'(?:near "(?P<near>.*)": syntax error|unrecognized token: "(?P<token>.*)")', re.DOTALL)
# Newer versions of SQLite put the name in quotes and add advice to it.
_ADVICE = re.compile(r" - should this be a string literal in single-quotes\?\Z")
_MOST_OCCURRENCES = 32
"""How many places of one text are tried."""

Refusal = Callable[[str], str]
"""SQLite's message for a statement, `""` where it takes it."""


@dataclass(frozen=True, slots=True)
class Offence:
    """What a message is about: `name` as the statement has it, without quotes, from position `start` on."""

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class _Path:
    """A name with its qualifiers, and the words around it, in capitals."""

    name: str
    start: int
    end: int
    before: str
    after: str


def find_offence(sql: str, message: str, refusal: Refusal) -> Offence | None:
    """Return where the thing stands that SQLite refused `sql` for with `message`; None where nobody can say."""
    if found := _TEXT.fullmatch(message):
        return _find_text(sql, found["near"] or found["token"] or "", message, refusal)
    for pattern, choose in ((_COLUMN, _columns), (_TABLE, _tables), (_CALL, _calls)):
        if found := pattern.fullmatch(message):
            name = _ADVICE.sub("", found["name"]).strip('"')
            places = [path for path in choose(_paths(sql)) if path.name.lower() == name.lower()]
            place = _choose(sql, places, message, refusal) if pattern is _COLUMN else next(iter(places), None)
            return Offence(place.name, place.start) if place else None
    return None


def _columns(paths: Sequence[_Path]) -> list[_Path]:
    return [path for path in paths if path.before != "AS" and path.after != "("]


def _tables(paths: Sequence[_Path]) -> list[_Path]:
    return [path for path in paths if path.before in ("FROM", "JOIN", ",", "(")]


def _calls(paths: Sequence[_Path]) -> list[_Path]:
    """Return the calls, those behind WHERE first: there an aggregate is misused, in front of it is its place."""
    clause = next((path.start for path in paths if path.name.upper() == "WHERE"), 0)
    return sorted((path for path in paths if path.after == "("), key=lambda path: (path.start < clause, path.start))


def _choose(sql: str, places: Sequence[_Path], message: str, refusal: Refusal) -> _Path | None:
    if len(places) < 2:  # noqa: PLR2004
        return next(iter(places), None)
    for place in places[:_MOST_OCCURRENCES]:
        others = [one for one in places if one is not place]
        if refusal(_blank_out(sql, others)) == message:
            return place
    return places[0]


def _blank_out(sql: str, places: Sequence[_Path]) -> str:
    for place in sorted(places, key=lambda one: -one.start):
        sql = f"{sql[: place.start]}NULL{sql[place.end :]}"
    return sql


def _find_text(sql: str, text: str, message: str, refusal: Refusal) -> Offence | None:
    for _, start in zip(range(_MOST_OCCURRENCES), _occurrences(sql, text), strict=False):
        if refusal(sql[: start + len(text)]) == message:
            return Offence(text, start)
    return None


def _occurrences(sql: str, text: str) -> Iterator[int]:
    start = sql.find(text) if text else -1
    while start >= 0:
        yield start
        start = sql.find(text, start + 1)


def _paths(sql: str) -> list[_Path]:
    """Return everything that reads like a name, keywords too; nothing of a statement that cannot be cut into words."""
    import sqlglot  # noqa: PLC0415 - 0.1 s to load, only where an answer was refused
    from sqlglot.errors import TokenError  # noqa: PLC0415

    try:
        tokens = [one for one in sqlglot.tokenize(sql, read="sqlite") if one.token_type.name != "STRING"]
    except TokenError:
        return []
    parts: list[list[tuple[str, int, int]]] = []
    dotted = False
    for token in tokens:
        start, end = token.start, token.end + 1
        if token.text == "." and parts:
            dotted = True
        elif dotted:
            parts[-1].append((token.text, start, end))
            dotted = False
        else:
            parts.append([(token.text, start, end)])
    words = ["", *(part[0][0].upper() for part in parts), ""]
    around = zip(pairwise(words), words[2:], strict=False)
    return [
        _Path(".".join(one[0] for one in part), part[0][1], part[-1][2], before, after)
        for part, ((before, _), after) in zip(parts, around, strict=True)
    ]
