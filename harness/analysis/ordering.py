"""Which orders of rows a gold allows: ties of its ORDER BY may come in any order, and LIMIT may cut them anywhere.

SQLite itself tells the ties, collations and NULLs included: the gold runs once more without its LIMIT inside a query
that ranks every row by the gold's own ORDER BY terms. What comes back must contain the gold's own rows in an
order that it allows; where it doesn't, or cannot be had, there is a reason instead.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.clauses import Item, Select, Term, Token, read_select, tokenize
from harness.types import Execution, Row

__all__ = ["Ties", "find_ties", "is_limited", "is_ordered"]

_ROWS = "t2s_gold"
_UNLIMITED = -1
_RANDOM = frozenset({"random", "randomblob"})


def is_ordered(sql: str) -> bool:
    """Whether a query has an ORDER BY of its own; sub-queries, CTEs and windows don't count."""
    select = read_select(sql)
    return select is not None and bool(select.terms)


def is_limited(sql: str) -> bool:
    """Whether a query has a LIMIT of its own."""
    select = read_select(sql)
    return select is not None and bool(select.limit)


@dataclass(frozen=True)
class Ties:
    """The rows that an ordered or limited query may return, as blocks of rows that its ordering cannot tell apart.

    `blocks` are in order, each with the position of its first row, from 0; `start` and `end` cut what LIMIT and
    OFFSET leave.
    """

    blocks: tuple[tuple[int, tuple[Row, ...]], ...]
    start: int
    end: int

    def allow(self, rows: Sequence[Row]) -> bool:
        """Return whether the query may answer with `rows`, in this order."""
        expected = 0
        for position, block in self.blocks:
            low, high = max(position, self.start), min(position + len(block), self.end)
            if low >= high:
                continue
            if not _contains(block, rows[low - self.start : high - self.start]):
                return False
            expected += high - low
        return len(rows) == expected


def _contains(block: Sequence[Row], segment: Sequence[Row]) -> bool:
    return block == segment or Counter(segment) <= Counter(block)


def find_ties(sql: str, gold: Execution, run: Callable[[str], Execution]) -> Ties | str:
    """Return the ties of a query whose rows are `gold`, or why they cannot be told; `run` executes SQL where it ran."""
    select = read_select(sql)
    if select is None:
        return "the gold is not a SELECT"
    if _RANDOM.intersection(token.name for token in tokenize(sql) if token.kind == "word"):
        return "the gold is random"
    reason = ""
    try:
        start, end = _window(select, run)
        for query in _queries(select, len(gold.columns), end):
            execution = run(query.sql)
            if not execution.ok:
                reason = reason or f"its ties cannot be queried: {execution.status}: {execution.error}"
                continue
            ties = Ties(_blocks(execution.rows, query), start, end)
            if ties.allow(gold.rows):
                return ties
            reason = "the query for its ties does not give the gold's rows"
    except _Untold as untold:
        return str(untold)
    return reason


class _Untold(Exception):
    """Why ties cannot be told."""


def _window(select: Select, run: Callable[[str], Execution]) -> tuple[int, int]:
    """Return the positions that LIMIT and OFFSET leave; a negative limit is none, a negative offset 0, as in SQLite."""
    limit = _evaluate(select.limit, run) if select.limit else _UNLIMITED
    start = max(_evaluate(select.offset, run), 0) if select.offset else 0
    return start, (start + limit if limit >= 0 else 2**63)


def _evaluate(expression: str, run: Callable[[str], Execution]) -> int:
    if expression.isdecimal():
        return int(expression)
    execution = run(f"SELECT CAST({expression} AS INTEGER)")
    value = execution.rows[0][0] if execution.ok and execution.rows else None
    if not isinstance(value, int):
        raise _Untold(f"LIMIT or OFFSET {expression} cannot be told")
    return value


@dataclass(frozen=True)
class _Query:
    """A query for ties: its rows end in their rank, from 1; `unique` says that no row may occur twice."""

    sql: str
    width: int
    unique: bool


def _queries(select: Select, width: int, end: int) -> Iterator[_Query]:
    """Yield the query for ties, and once more with aliases inside expressions spelled out.

    SQLite looks for a name inside an ORDER BY expression among the tables' columns first and among the aliases
    only then. The first query fails where there is no such column.
    """
    for spelled_out in (False, True):
        keys = [_key(select, term, width, spelled_out=spelled_out) for term in select.terms]
        added = [key.expression for key in keys if key.expression]
        if spelled_out and not added:
            return
        if added and select.insertion < 0:
            raise _Untold("an ORDER BY term of the compound is none of its columns")
        names = [f"c{i}" for i in range(1, width + 1)]
        columns = ", ".join([*names, *(f"k{i}" for i in range(1, len(added) + 1))])
        numbers = iter(range(1, len(added) + 1))
        terms = ", ".join(f"{key.column or f'k{next(numbers)}'} {key.suffix}".rstrip() for key in keys)
        body = _insert(select, [f"({expression})" for expression in added])
        ranking = f"ORDER BY {terms}" if terms else ""
        ranked = f"SELECT {', '.join(names)}, RANK() OVER ({ranking}) AS position FROM {_ROWS}"  # noqa: S608 - runs where the gold did
        # DISTINCT keeps one row of several: which keys it has is only certain when there is no choice.
        unique = select.distinct and bool(added)
        wanted = "" if unique or end >= 2**63 else f" WHERE position <= {end}"
        sql = f"WITH {_ROWS}({columns}) AS ({body}) SELECT * FROM ({ranked}){wanted}"  # noqa: S608 - as above
        yield _Query(sql, width, unique)


def _insert(select: Select, expressions: Sequence[str]) -> str:
    if not expressions:
        return select.body
    at = select.insertion
    return ", ".join([select.body[:at], *expressions]) + select.body[at:]


@dataclass(frozen=True)
class _Key:
    """What a term orders by: a result column, or an expression to be added to them."""

    column: str
    expression: str
    suffix: str


def _key(select: Select, term: Term, width: int, *, spelled_out: bool) -> _Key:
    """Resolve a term as SQLite does: https://sqlite.org/lang_select.html#the_order_by_clause."""
    index = _position(term) or _result_column(select, term, width)
    if index:
        return _Key(f"c{index}", "", term.suffix)
    item = _alias(select, term)
    if item is not None:
        return _Key("", select.slice(item.tokens), term.suffix)
    aliases = {item.alias: select.slice(item.tokens) for item in reversed(select.items) if item.alias}
    return _Key("", _rewrite(select, term.tokens, aliases, spelled_out=spelled_out), term.suffix)


def _position(term: Term) -> int:
    """Return the column that an integer names, 0 when it is none; SQLite skips brackets and a plus in front."""
    tokens = [token for token in term.tokens if token.text not in ("+", "(", ")")]
    return int(tokens[0].text) if len(tokens) == 1 and tokens[0].text.isdecimal() else 0


def _alias(select: Select, term: Term) -> Item | None:
    if len(term.tokens) != 1 or term.tokens[0].kind not in ("word", "quoted"):
        return None
    return next((item for item in select.items if item.alias == term.tokens[0].name), None)


def _result_column(select: Select, term: Term, width: int) -> int:
    """Return the number of the result column that a term is, 0 when it is none or its number is not certain."""
    item = _alias(select, term)
    if item is None and select.insertion < 0:
        wanted = _spell(term.tokens)
        item = next((one for one in select.items if wanted in (_spell(one.tokens), _spell(_unqualify(one)))), None)
    if item is None:
        return 0
    index = select.items.index(item)
    stars = [i for i, one in enumerate(select.items) if one.star]
    if not stars or index < stars[0]:
        return index + 1
    return width - (len(select.items) - 1 - index) if index > stars[-1] else 0


def _spell(tokens: Sequence[Token]) -> list[str]:
    return [token.text if token.kind == "string" else token.name or token.text for token in tokens]


def _unqualify(item: Item) -> tuple[Token, ...]:
    """Return the name alone of a column that is qualified, anything else as it is."""
    qualified = len(item.tokens) > 1 and all(token.text == "." for token in item.tokens[1::2])
    return item.tokens[-1:] if qualified else item.tokens


def _rewrite(select: Select, tokens: Sequence[Token], aliases: dict[str, str], *, spelled_out: bool) -> str:
    """Return an expression's text, with aliases in brackets that make SQLite say so when there is no such column."""
    parts: list[str] = []
    end = tokens[0].start
    for i, token in enumerate(tokens):
        parts.append(select.sql[end : token.start])
        qualified = (i > 0 and tokens[i - 1].text == ".") or (i + 1 < len(tokens) and tokens[i + 1].text in ".(")
        if token.kind in ("word", "quoted") and token.name in aliases and not qualified:
            parts.append(f"({aliases[token.name]})" if spelled_out else f"[{token.name}]")
        else:
            parts.append(token.text)
        end = token.end
    return "".join(parts)


def _blocks(rows: Sequence[Row], query: _Query) -> tuple[tuple[int, tuple[Row, ...]], ...]:
    """Group rows by their rank, in order."""
    blocks: dict[int, list[Row]] = {}
    for row in rows:
        rank = row[query.width]
        assert isinstance(rank, int)
        blocks.setdefault(rank - 1, []).append(row[: query.width])
    if query.unique and len({row[: query.width] for row in rows}) < len(rows):
        raise _Untold("DISTINCT and an ORDER BY of columns that are not selected: which row is kept is not defined")
    return tuple((position, tuple(blocks[position])) for position in sorted(blocks))
