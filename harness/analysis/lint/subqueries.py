"""The queries inside of a query, each as text that can run by itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis.clauses import Select, Token, read_select, tokenize

__all__ = ["Block", "read_blocks"]


@dataclass(frozen=True, slots=True)
class Block:
    """A query of a statement: `sql` as it stands there, `runnable` with the statement's WITH in front.

    `select` is `runnable` taken apart; `outer` says that it is the statement itself. Whether a correlated one runs by
    itself is for SQLite to say.
    """

    sql: str
    runnable: str
    select: Select
    outer: bool

    @property
    def tail(self) -> str:
        """ORDER BY and LIMIT, with the space in front."""
        return self.runnable[len(self.select.body) :]

    def extend(self, *expressions: str, tail: bool) -> str:
        """Return the query with further result columns, and with its ORDER BY and LIMIT when `tail`.

        A compound has no place for more columns: ask `select.insertion` first.
        """
        body, at = self.select.body, self.select.insertion
        body = ", ".join([body[:at], *expressions]) + body[at:] if expressions else body
        return body + self.tail if tail else body


def read_blocks(sql: str) -> Iterator[Block]:
    """Yield the statement and the queries in its brackets, the outer one first; those of EXISTS are left out.

    EXISTS asks for any row, so that neither order nor choice of its rows can matter.
    """
    tokens = tokenize(sql)
    if not tokens:
        return
    whole = _slice(sql, tokens)
    if (select := read_select(whole)) is not None:
        yield Block(whole, whole, select, outer=True)
    prefix = _read_with(sql, tokens)
    for part in _bracketed(tokens):
        inner = _slice(sql, part)
        runnable = inner if part[0].keyword == "WITH" else prefix + inner
        if (select := read_select(runnable)) is not None:
            yield Block(inner, runnable, select, outer=False)


def _slice(sql: str, tokens: tuple[Token, ...]) -> str:
    return sql[tokens[0].start : tokens[-1].end]


def _read_with(sql: str, tokens: tuple[Token, ...]) -> str:
    """Return the WITH clause in front of the statement's own SELECT, with a space behind it; `""` for none."""
    if tokens[0].keyword != "WITH":
        return ""
    main = next((token for token in tokens if token.depth == 0 and token.keyword in ("SELECT", "VALUES")), None)
    return sql[tokens[0].start : main.start] if main else ""


def _bracketed(tokens: tuple[Token, ...]) -> Iterator[tuple[Token, ...]]:
    for place, token in enumerate(tokens[:-1]):
        exists = place > 0 and tokens[place - 1].keyword == "EXISTS"
        if token.text != "(" or exists or tokens[place + 1].keyword not in ("SELECT", "WITH"):
            continue
        ends = (i for i in range(place, len(tokens)) if tokens[i].text == ")" and tokens[i].depth == token.depth)
        end = next(ends, len(tokens))
        yield tokens[place + 1 : end]
