"""The trees that everything here works on: terms for expressions, blocks for SELECTs, compounds for set operations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.analysis.equivalence.syntax import QuerySyntax

__all__ = [
    "FALSE", "NULL", "TRUE", "Block", "Compound", "Frozen", "Key", "Query", "Source", "Term",
    "column", "conjuncts", "contains", "integer", "rebuild", "walk",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """An expression: `head` names the operator, `text` holds a literal, a name or a type.

    A resolved column has the head `column`, its lower-case name in `text` and the `uid` of the source that it
    belongs to. Sub-queries hang in `query`; as they were read, before resolution, in `syntax`.
    """

    head: str
    args: "tuple[Term, ...]" = ()
    text: str = ""
    uid: int = -1
    query: "Query | None" = None
    syntax: "QuerySyntax | None" = None


@dataclass(frozen=True, slots=True)
class Key:
    """One ORDER BY term; NULL stands first in ascending order unless `nulls_first` says otherwise."""

    term: Term
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Source:
    """One item of FROM: a table's name, or a query; `join` is `inner`, `cross` (fixes SQLite's join order) or `left`.

    `on` holds the conditions of a left join; those of inner joins stand in the block's `where`. `shared` says
    that the query stood in a WITH clause.
    """

    uid: int
    table: str
    query: "Query | None"
    join: str = "inner"
    on: tuple[Term, ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One SELECT. `where` and `having` are conjunctions; `group` is `None` without GROUP BY."""

    sources: tuple[Source, ...]
    outputs: tuple[Term, ...]
    names: tuple[str, ...]
    where: tuple[Term, ...] = ()
    group: tuple[Term, ...] | None = None
    having: tuple[Term, ...] = ()
    order: tuple[Key, ...] = ()
    limit: Term | None = None
    offset: Term | None = None
    distinct: bool = False

    def terms(self) -> Iterator[Term]:
        """Yield every expression of the block, join conditions included, sub-queries' insides not."""
        yield from self.outputs
        yield from self.where
        for source in self.sources:
            yield from source.on
        yield from self.group or ()
        yield from self.having
        for key in self.order:
            yield key.term

    def replace_terms(self, change: Callable[[Term], Term]) -> "Block":
        """Return the block with `change` applied to each of its expressions."""
        return replace(
            self,
            outputs=tuple(map(change, self.outputs)),
            where=tuple(map(change, self.where)),
            sources=tuple(replace(source, on=tuple(map(change, source.on))) for source in self.sources),
            group=None if self.group is None else tuple(map(change, self.group)),
            having=tuple(map(change, self.having)),
            order=tuple(replace(key, term=change(key.term)) for key in self.order),
        )


@dataclass(frozen=True, slots=True)
class Compound:
    """`left operator right`; the operator is one of `union`, `union all`, `intersect`, `except`.

    `order` holds columns, counted from 0, whether they descend and whether NULL comes first.
    """

    operator: str
    left: "Query"
    right: "Query"
    names: tuple[str, ...]
    order: tuple[tuple[int, bool, bool], ...] = ()
    limit: Term | None = None
    offset: Term | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """A query in which nothing may be moved, for the given reason: its result hangs on how SQLite runs it."""

    query: "Block | Compound"
    reason: str
    names: tuple[str, ...]


Query: TypeAlias = Block | Compound | Frozen

NULL = Term("null")
TRUE = Term("int", text="1")
FALSE = Term("int", text="0")


def integer(value: int) -> Term:
    """Return an integer literal."""
    return Term("int", text=str(value))


def column(uid: int, name: str) -> Term:
    """Return a resolved column."""
    return Term("column", text=name, uid=uid)


def conjuncts(term: Term) -> Iterator[Term]:
    """Yield the terms that AND connects at the top of `term`, from left to right."""
    if term.head == "and":
        for arg in term.args:
            yield from conjuncts(arg)
    else:
        yield term


def walk(term: Term) -> Iterator[Term]:
    """Yield `term` and every term below it, sub-queries' insides not included."""
    yield term
    for arg in term.args:
        yield from walk(arg)


def contains(term: Term, test: Callable[[Term], bool]) -> bool:
    """Whether `test` holds for `term` or any term below it, sub-queries' insides not included."""
    return any(map(test, walk(term)))


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """Return `term` with other arguments, itself when they are the same."""
    return term if all(a is b for a, b in zip(args, term.args, strict=True)) else replace(term, args=args)
