"""Where the clauses of a SELECT stand in its own text, found by SQLite's lexical rules and bracket depth.

The text is never written anew from a tree: what is derived from it are slices of what SQLite itself accepted. SELECT,
FROM, ORDER, LIMIT and the set operators are reserved words and everything nested stands in brackets, so a
reserved word at depth 0 is the statement's own. Source: https://sqlite.org/lang_keywords.html,
https://sqlite.org/lang_select.html.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Item", "Select", "Term", "Token", "read_select", "tokenize"]

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\n\f\r\ufeff]+|--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>[xX]?'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_\x80-\U0010ffff][\w$]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_SET_OPERATORS = frozenset({"UNION", "INTERSECT", "EXCEPT"})
_TAIL = frozenset({"ORDER", "LIMIT"})
_AFTER_RESULT = frozenset({"FROM", "WHERE", "GROUP", "HAVING"}) | _SET_OPERATORS | _TAIL
# Words that cannot end an expression in front of an alias without AS …
_OPERATORS = frozenset(
    {"ALL", "AND", "BETWEEN", "CASE", "COLLATE", "DISTINCT", "ELSE", "ESCAPE", "FROM", "GLOB", "IN", "IS", "LIKE"}
    | {"MATCH", "NOT", "OR", "REGEXP", "THEN", "WHEN"}
)
# … and words that end one but are no alias.
_ENDINGS = frozenset({"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "END", "ISNULL", "NOTNULL", "NULL"})


@dataclass(frozen=True, slots=True)
class Token:
    """A lexeme: `kind` is string, quoted, number, word or mark; a bracket has the depth of what surrounds it."""

    kind: str
    text: str
    start: int
    depth: int

    @property
    def end(self) -> int:
        """The position behind it."""
        return self.start + len(self.text)

    @property
    def keyword(self) -> str:
        """The word in capitals, `""` for anything that is not a bare word."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """What it names as an identifier, in lower case and without quotes; `""` for numbers and marks."""
        if self.kind == "word":
            return self.text.lower()
        if self.kind in ("quoted", "string"):
            quote = self.text[-1]
            return self.text[1:-1].replace(quote * 2, quote).lower()
        return ""


@dataclass(frozen=True, slots=True)
class Item:
    """A result column: its expression's tokens and its explicit alias in lower case, `""` without one."""

    tokens: tuple[Token, ...]
    alias: str

    @property
    def star(self) -> bool:
        """Whether it stands for several columns: `*` or `t.*`."""
        return self.tokens[-1].text == "*"


@dataclass(frozen=True, slots=True)
class Term:
    """An ORDER BY term: its expression's tokens without outer brackets, and the rest (`COLLATE NOCASE DESC`)."""

    tokens: tuple[Token, ...]
    suffix: str


@dataclass(frozen=True, slots=True)
class Select:
    """A query taken apart.

    `body` is the text without its last ORDER BY and LIMIT; `insertion` is where in `body` further result columns can
    be written, -1 in a compound. `items` are the result columns of the first SELECT. `limit` and `offset`
    are expressions, `""` without one.
    """

    sql: str
    body: str
    insertion: int
    distinct: bool
    items: tuple[Item, ...]
    terms: tuple[Term, ...]
    limit: str
    offset: str

    def slice(self, tokens: Sequence[Token]) -> str:
        """Return the text from the first to the last of `tokens`."""
        return self.sql[tokens[0].start : tokens[-1].end]


def tokenize(sql: str) -> tuple[Token, ...]:
    """Split a statement as SQLite does, up to its semicolon; white space and comments are left out."""
    tokens: list[Token] = []
    depth = 0
    for found in _TOKEN.finditer(sql):
        text, kind = found.group(), found.lastgroup or ""
        if kind == "skip":
            continue
        if text == ";" and tokens:
            break
        if text == ")":
            depth -= 1
        if text != ";":
            tokens.append(Token(kind, text, found.start(), depth))
        if text == "(":
            depth += 1
    return tuple(tokens)


@lru_cache(maxsize=512)
def read_select(sql: str) -> Select | None:
    """Take a query apart; `None` when it is not a SELECT, with or without WITH."""
    tokens = tokenize(sql)
    starts = [i for i, token in enumerate(tokens) if token.depth == 0 and token.keyword == "SELECT"]
    if not starts or tokens[0].keyword not in ("SELECT", "WITH"):
        return None
    first = starts[0] + 1
    distinct = first < len(tokens) and tokens[first].keyword == "DISTINCT"
    if first < len(tokens) and tokens[first].keyword in ("DISTINCT", "ALL"):
        first += 1
    end = _find(tokens, first, _AFTER_RESULT)
    tail = _find(tokens, first, _TAIL)
    if first >= end:
        return None
    compound = any(token.depth == 0 and token.keyword in _SET_OPERATORS for token in tokens[first:tail])
    terms, limit, offset = _read_tail(sql, tokens[tail:])
    start = tokens[0].start
    return Select(
        sql=sql,
        body=sql[start : tokens[tail - 1].end],
        insertion=-1 if compound else tokens[end - 1].end - start,
        distinct=distinct,
        items=tuple(_read_item(part) for part in _split(tokens[first:end])),
        terms=terms,
        limit=limit,
        offset=offset,
    )


def _find(tokens: Sequence[Token], start: int, keywords: frozenset[str]) -> int:
    """Return the position of the first of `keywords` at depth 0, else the end. `IS DISTINCT FROM` is an operator."""
    for i in range(start, len(tokens)):
        if tokens[i].depth == 0 and tokens[i].keyword in keywords and (i == 0 or tokens[i - 1].keyword != "DISTINCT"):
            return i
    return len(tokens)


def _split(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    """Split at the commas of depth 0; empty parts are dropped."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.depth == 0 and token.text == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts if part]


def _read_item(tokens: tuple[Token, ...]) -> Item:
    last = tokens[-1]
    if len(tokens) == 1 or last.kind in ("number", "mark") or last.keyword in _ENDINGS:
        return Item(tokens, "")
    before = tokens[-2]
    if before.keyword == "AS":
        return Item(tokens[:-2], last.name)
    if before.keyword in _OPERATORS or (before.kind == "mark" and before.text != ")"):
        return Item(tokens, "")
    return Item(tokens[:-1], last.name)


def _read_tail(sql: str, tokens: tuple[Token, ...]) -> tuple[tuple[Term, ...], str, str]:
    """Return the ORDER BY terms, the limit and the offset of what follows the body."""
    cut = _find(tokens, 0, frozenset({"LIMIT"}))
    terms = tuple(_read_term(sql, part) for part in _split(tokens[2:cut]))
    parts = _split(tokens[cut + 1 :])
    if len(parts) == 2:  # noqa: PLR2004  (LIMIT offset, count)
        return terms, _text(sql, parts[1]), _text(sql, parts[0])
    rest = tokens[cut + 1 :]
    at = _find(rest, 1, frozenset({"OFFSET"})) if rest else 0
    return terms, _text(sql, rest[:at]), _text(sql, rest[at + 1 :])


def _text(sql: str, tokens: Sequence[Token]) -> str:
    return sql[tokens[0].start : tokens[-1].end] if tokens else ""


def _read_term(sql: str, tokens: tuple[Token, ...]) -> Term:
    suffixes: list[str] = []
    while len(tokens) > 1:
        if tokens[0].text == "(" and _closes(tokens):
            tokens = tokens[1:-1]
        elif size := _measure_suffix(tokens):
            suffixes.append(_text(sql, tokens[-size:]))
            tokens = tokens[:-size]
        else:
            break
    return Term(tokens, " ".join(reversed(suffixes)))


def _measure_suffix(tokens: tuple[Token, ...]) -> int:
    """Return how many tokens at the end say how the term is ordered; 0 for none."""
    before, last = tokens[-2:]
    if last.keyword in ("ASC", "DESC") and before.text != ".":
        return 1
    if before.keyword == "NULLS" and last.keyword in ("FIRST", "LAST") and len(tokens) > 2:  # noqa: PLR2004
        return 2
    rest = tokens[:-2]
    # Behind anything longer COLLATE belongs to the last operand: `a = b COLLATE NOCASE` compares with it.
    whole = len(rest) == 1 or (bool(rest) and rest[0].text == "(" and _closes(rest))
    return 2 if before.keyword == "COLLATE" and whole else 0


def _closes(tokens: Sequence[Token]) -> bool:
    """Whether the first bracket is closed by the last token."""
    depth = tokens[0].depth
    return next(i for i, token in enumerate(tokens) if token.text == ")" and token.depth == depth) == len(tokens) - 1
