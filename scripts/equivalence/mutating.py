"""Mutants of a query: one token changed, or one predicate dropped; the rest of the text stays as it is."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot.tokens import Token, TokenType

__all__ = ["KINDS", "Mutant", "mutate"]

KINDS = ("constant", "operator", "predicate", "distinct", "aggregate", "join")
_FLIPS = {
    "=": ("!=", ">=", "<="),
    "==": ("!=",),
    "!=": ("=",),
    "<>": ("=",),
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "AND": ("OR",),
    "OR": ("AND",),
    "DESC": ("ASC",),
    "ASC": ("DESC",),
    "LIKE": ("NOT LIKE",),
}
_AGGREGATES = {
    "COUNT": ("SUM", "MAX"),
    "SUM": ("AVG", "COUNT", "MAX"),
    "AVG": ("SUM", "MAX"),
    "MAX": ("MIN", "SUM"),
    "MIN": ("MAX", "AVG"),
}
_CONDITIONS = {"WHERE", "HAVING", "ON"}
_CLAUSE_ENDS = {
    *("GROUP", "GROUP BY", "ORDER", "ORDER BY", "LIMIT", "HAVING", "UNION", "INTERSECT", "EXCEPT", "JOIN", "INNER"),
    *("LEFT", "WHERE", "ON", "WINDOW", "CROSS", "NATURAL", "OFFSET", ";"),
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Mutant:
    """A query that differs from its gold in one place; `kind` is one of `KINDS`."""

    kind: str
    change: str
    sql: str


def mutate(sql: str) -> Iterator[Mutant]:
    """Yield every mutant of a query, in the order of the text."""
    tokens = sqlglot.tokenize(sql, read="sqlite")
    for position, token in enumerate(tokens):
        word = token.text.upper()
        if token.token_type in {TokenType.NUMBER, TokenType.STRING}:
            yield from _constants(sql, token)
        elif word in _FLIPS and token.token_type is not TokenType.IDENTIFIER:
            # The AND of a BETWEEN is no operator of its own.
            if word != "AND" or not _is_between(tokens, position):
                yield from (_spliced(sql, token, token, "operator", new) for new in _FLIPS[word])
        elif word == "DISTINCT":
            yield _spliced(sql, token, token, "distinct", "")
        elif word in _AGGREGATES and tokens[position + 1 : position + 2] and tokens[position + 1].text == "(":
            if not (word == "COUNT" and tokens[position + 2].text == "*"):
                yield from (_spliced(sql, token, token, "aggregate", new) for new in _AGGREGATES[word])
        elif word == "JOIN":
            yield from _joins(sql, tokens, position)
        if word in _CONDITIONS:
            yield from _dropped(sql, tokens, position)


def _spliced(sql: str, first: Token, last: Token, kind: str, new: str) -> Mutant:
    old = sql[first.start : last.end + 1]
    return Mutant(kind, f"{old} → {new or 'nothing'}", f"{sql[: first.start]}{new}{sql[last.end + 1 :]}")


def _constants(sql: str, token: Token) -> Iterator[Mutant]:
    text, quote = token.text, "'" if token.token_type is TokenType.STRING else ""
    changed: list[str] = []
    if _DATE.fullmatch(text):
        day = dt.date.fromisoformat(text) if _is_date(text) else None
        changed = [str(day + dt.timedelta(days=shift)) for shift in (1, -1)] if day else []
    elif re.fullmatch(r"\d{1,15}", text):
        width = len(text) if quote else 0
        changed = [f"{int(text) + shift:0{width}}" for shift in (1, -1) if int(text) + shift >= 0]
    elif not quote and re.fullmatch(r"\d+\.\d+", text):
        changed = [repr(float(text) + shift) for shift in (1, -1)]
    yield from (_spliced(sql, token, token, "constant", f"{quote}{one}{quote}") for one in changed)


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _joins(sql: str, tokens: list[Token], position: int) -> Iterator[Mutant]:
    before = tokens[position - 1]
    kind = before.text.upper()
    if kind == "INNER":
        yield _spliced(sql, before, tokens[position], "join", "LEFT JOIN")
    elif kind in {"OUTER", "LEFT"}:
        first = tokens[position - 2] if kind == "OUTER" else before
        yield _spliced(sql, first, tokens[position], "join", "INNER JOIN")
    elif kind not in {"CROSS", "NATURAL", "RIGHT", "FULL"}:
        yield _spliced(sql, tokens[position], tokens[position], "join", "LEFT JOIN")


def _dropped(sql: str, tokens: list[Token], clause: int) -> Iterator[Mutant]:
    """Yield the query without each part of the condition that begins at `clause`."""
    parts, joints, end = _parts(tokens, clause)
    if end <= clause + 1 or any(first > last for first, last in parts):
        return
    if len(parts) == 1:
        yield _spliced(sql, tokens[clause + 1], tokens[end - 1], "predicate", "1")
        return
    for number, (first, last) in enumerate(parts):
        start = tokens[joints[number - 1]] if number else tokens[first]
        stop = tokens[last] if number else tokens[joints[0]]
        yield _spliced(sql, start, stop, "predicate", "")


def _parts(tokens: list[Token], clause: int) -> tuple[list[tuple[int, int]], list[int], int]:
    """Return the condition's parts as token ranges, the ANDs (or ORs) between them, and where it ends."""
    depth, between, cases, end = 0, 0, 0, len(tokens)
    found: dict[str, list[int]] = {"AND": [], "OR": []}
    for position in range(clause + 1, len(tokens)):
        word = tokens[position].text.upper()
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        cases += (word == "CASE") - (word == "END")
        if depth < 0 or (depth == 0 and word in _CLAUSE_ENDS):
            end = position
            break
        if depth or cases > 0:
            continue
        if word == "BETWEEN":
            between += 1
        elif word == "AND" and between:
            between -= 1
        elif word in found:
            found[word].append(position)
    joints = found["OR"] or found["AND"]
    edges = [clause, *joints, end]
    return [(first + 1, last - 1) for first, last in pairwise(edges)], joints, end


def _is_between(tokens: list[Token], position: int) -> bool:
    depth = 0
    for token in reversed(tokens[:position]):
        word = token.text.upper()
        depth += (word == ")") - (word == "(")
        if depth < 0 or (depth == 0 and word in {"AND", "OR", "WHERE", "ON", "HAVING"}):
            return False
        if depth == 0 and word == "BETWEEN":
            return True
    return False
