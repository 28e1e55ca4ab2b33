"""What a statement that is still being written means so far: which tables it reads and which names it owes.

A context-free grammar cannot see scope, since the SELECT list stands in front of FROM. This is the other half:
every name in front of FROM is noted as wanted, FROM must not end before somebody provides it, and behind FROM only
names in scope are visible. A `Scope` is a value: `steps` makes the next one from a lexeme, `permits` says what may
come. Its parts are named tuples and not dataclasses: a token costs several copies and look-ups of them, and tuples
do both in C.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from harness.decoding.lexing import fold
from harness.decoding.names import Names, collect_names
from harness.types import Schema

__all__ = [
    "DEEPEST",
    "Bracket",
    "Frame",
    "Known",
    "Scope",
    "Source",
    "begin",
    "enclosing",
    "frames",
    "kind_of",
    "provides",
    "unmet",
]

DEEPEST = 10
"""At this depth nothing is nested further: no gold of BIRD or Spider comes deeper than 8, and SQLite's parser has room
for 100 symbols."""
Wanted = frozenset[tuple[str, str]]
"""Pairs of qualifier (`""` for none) and column."""


@dataclass(frozen=True, eq=False)
class Known:
    """The names of a schema, folded; two of them are never equal, so that it is cheap to look up."""

    tables: Mapping[str, tuple[str, ...]]
    aliases: frozenset[str]
    derived: frozenset[str]

    @classmethod
    def of(cls, schema: Schema) -> "Known":
        """Return the names of a schema as the grammar has them."""
        names: Names = collect_names(schema)
        tables = {fold(table): tuple(map(fold, columns)) for table, columns in names.tables.items()}
        return cls(tables, names.aliases, frozenset(map(fold, names.derived)))

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every column of every table."""
        return frozenset(column for columns in self.tables.values() for column in columns)

    @cached_property
    def bound(self) -> Mapping[str, "Bound"]:
        """What a column without a qualifier is bound to bring, by the column."""
        held = {table: frozenset(columns) for table, columns in self.tables.items()}
        holders = {column: [table for table in held if column in held[table]] for column in self.columns}
        return {
            column: Bound(frozenset(tables), frozenset.intersection(*(held[table] for table in tables)))
            for column, tables in holders.items()
        }


class Bound(NamedTuple):
    """The tables that have a column, and what each of them has."""

    tables: frozenset[str]
    columns: frozenset[str]


class Source(NamedTuple):
    """A table or sub-query in FROM under the name by which it is known there, `""` for none."""

    alias: str
    columns: tuple[str, ...]


class Frame(NamedTuple):
    """A query: its CTEs and the SELECT that is being written.

    `role` is what its rows are for: top, source, cte or expression. `arity` is how many columns it must have, None
    for any number. `items` names the result columns written so far (`""` for one without a name) and `item` the one
    that is being written, None at its beginning. `outputs` are the columns of a compound's first SELECT. `own` is
    the CTE that this is the body of, with its columns where they were listed. `merged` are columns that joins have
    made one of, with the number of sources that share them, and `joined` says that the last source may still be
    given ON or USING. `recursive` says that its CTEs may see themselves, `grouped` that it has a GROUP BY or an
    aggregate, `required` are result columns that the query around this one waits for, and `spared` those that it must
    not have, since they stand bare around it.
    """

    role: str
    arity: int | None = None
    clause: str = "start"
    sources: tuple[Source, ...] = ()
    wanted: Wanted = frozenset()
    items: tuple[str, ...] = ()
    item: str | None = None
    aliases: frozenset[str] = frozenset()
    outputs: tuple[str, ...] | None = None
    ctes: tuple[Source, ...] = ()
    own: Source | None = None
    merged: frozenset[tuple[str, int]] = frozenset()
    joined: bool = False
    recursive: bool = False
    grouped: bool = False
    required: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()

    @property
    def settled(self) -> bool:
        """Whether FROM is over, so that no further source may come."""
        return self.clause not in ("start", "with", "select", "values", "from", "on")

    @property
    def has_twins(self) -> bool:
        """Whether two sources have a column of the same name: a natural join would not know which one is meant."""
        columns = [column for source in self.sources for column in source.columns]
        return len(set(columns)) < len(columns)

    @property
    def shared_columns(self) -> frozenset[str]:
        """The columns that the last source has in common with exactly one source before it."""
        if not self.sources:
            return frozenset()
        earlier = self._replace(sources=self.sources[:-1])
        return frozenset(column for column in self.sources[-1].columns if column and earlier.holders(column) == 1)

    def holders(self, column: str) -> int:
        """Return how many sources have a column; one where a join merged them."""
        joined = max((upto for one, upto in self.merged if one == column), default=0) if self.merged else 0
        return bool(joined) + len([True for source in self.sources[joined:] if column in source.columns])


class Bracket(NamedTuple):
    """An open parenthesis that is no query (yet).

    `kind` is group, call (scalar), aggregate, extreme (`min` and `max`, which are one or the other), window, over,
    filter, cast, row (of VALUES), columns, using or source (a sub-query in FROM). `arity` is how many columns a query
    must have here, None for any number.
    """

    kind: str
    arity: int | None = None


class Scope(NamedTuple):
    """The statement so far. `expect` says what comes next, `word` what came last, `qualifier` the name before a dot.

    `fresh` says that a parenthesis was opened and nothing stands in it yet. `betweens` are the heights of the stack
    at which a BETWEEN waits for its AND, `cases` those at which a CASE waits for its END, `ranges` those at which a
    condition has had its LIKE, IN, IS or BETWEEN. `declared` are the names that the statement made. `late` says that
    few tokens are left, so that nothing begins that the statement can do without.
    """

    known: Known
    stack: tuple[Frame | Bracket, ...] = (Frame("top"),)
    expect: str = "query"
    word: str = ""
    qualifier: str = ""
    fresh: bool = False
    betweens: tuple[int, ...] = ()
    cases: tuple[int, ...] = ()
    ranges: tuple[int, ...] = ()
    declared: frozenset[str] = frozenset()
    late: bool = False

    @property
    def hurried(self) -> bool:
        """Whether nothing may begin that the statement can do without: few tokens are left, or it is nested deep."""
        return self.late or self.depth >= DEEPEST

    @property
    def depth(self) -> int:
        """How many queries, parentheses and CASEs are open."""
        return len(self.stack) + len(self.cases)

    @property
    def ranging(self) -> bool:
        """Whether the AND of a BETWEEN may come next."""
        return len(self.stack) in self.betweens

    @property
    def top(self) -> Frame | Bracket:
        """The innermost query or parenthesis."""
        return self.stack[-1]

    @property
    def frame(self) -> Frame:
        """The innermost query."""
        found = self.stack[-1 - self.brackets]
        assert isinstance(found, Frame)
        return found

    @property
    def brackets(self) -> int:
        """How many parentheses are open inside the innermost query."""
        depth = 0
        while not isinstance(self.stack[-1 - depth], Frame):
            depth += 1
        return depth

    def with_frame(self, frame: Frame) -> "Scope":
        """Return the scope with another innermost query."""
        at = len(self.stack) - 1 - self.brackets
        return self._replace(stack=(*self.stack[:at], frame, *self.stack[at + 1 :]))

    def table(self, name: str) -> tuple[str, ...] | None:
        """Return the columns of a table or of a CTE that can be seen from here, None where there is none."""
        ctes = self.ctes()
        return ctes[name] if name in ctes else self.known.tables.get(name)

    def ctes(self) -> dict[str, tuple[str, ...]]:
        """Return the CTEs that can be seen from here; a recursive one sees itself behind its first SELECT, once."""
        found: dict[str, tuple[str, ...]] = {}
        frame = self.frame
        again = frame.own is None or frame.own.alias in {source.alias for source in frame.sources}
        if frame.own and frame.recursive and frame.outputs is not None and not again:
            found[frame.own.alias] = frame.own.columns or frame.outputs
        bodies = {one.own.alias for one in frames(self.stack) if one.own}
        for frame in frames(self.stack):
            for cte in reversed(frame.ctes):
                if cte.alias not in bodies and cte.columns:
                    found.setdefault(cte.alias, cte.columns)
        return found


def begin(known: Known) -> Scope:
    """Return the scope before the first word."""
    return Scope(known)


def frames(stack: tuple[Frame | Bracket, ...]) -> Iterator[Frame]:
    """Yield the queries of a stack, the innermost first."""
    yield from (one for one in reversed(stack) if isinstance(one, Frame))


def provides(frame: Frame, qualifier: str, column: str) -> bool:
    """Return whether the sources of a query have what is wanted."""
    if qualifier:
        return any(one.alias == qualifier and (column == "*" or column in one.columns) for one in frame.sources)
    return frame.holders(column) > 0


def unmet(scope: Scope) -> Wanted:
    """Return what the innermost query wants and nobody around it provides so far."""
    inner = scope.frame
    if not inner.wanted:
        return inner.wanted
    outer = tuple(enclosing(scope.stack))
    return frozenset(
        pair for pair in inner.wanted if not provides(inner, *pair) and not any(_lends(one, pair) for one in outer)
    )


def enclosing(stack: tuple[Frame | Bracket, ...]) -> Iterator[Frame]:
    """Yield the queries around the innermost one that it can see.

    A sub-query in FROM does not see its siblings, and ORDER BY and GROUP BY see nothing of the outside.
    """
    inner, *outer = frames(stack)
    for frame in outer:
        if inner.clause in ("order", "group"):
            return
        if inner.role == "expression":
            yield frame
        inner = frame


def _lends(frame: Frame, pair: tuple[str, str]) -> bool:
    """Return whether an outer query has, or is bound to have, what an inner one wants."""
    qualifier, column = pair
    has = provides(frame, *pair) if qualifier else frame.holders(column) == 1
    return has or (not frame.settled and frame.clause == "select" and pair in frame.wanted)


def kind_of(scope: Scope) -> str:
    """Return which expressions may stand here: any, group (no windows) or row (no aggregates either)."""
    for bracket in reversed(scope.stack):
        if isinstance(bracket, Frame):
            break
        if bracket.kind in ("aggregate", "filter"):
            return "row"
        if bracket.kind in ("window", "over"):
            return "group" if bracket.kind == "window" else "any"
    return {"select": "any", "order": "any", "having": "group"}.get(scope.frame.clause, "row")
