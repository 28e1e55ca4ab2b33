"""Which names are in scope where an operand is expected, and which columns behind a qualifier.

In front of FROM that is every name which some table can still provide; behind it what the sources have.
"""

from functools import lru_cache
from typing import NamedTuple

from harness.decoding.clashes import without_clashes
from harness.decoding.scope import Frame, Known, Scope, enclosing, frames
from harness.decoding.sources import bound_columns, readable

__all__ = ["Visible", "columns_of", "visible"]

_NONE: frozenset[str] = frozenset()
_MOST_DERIVED = 3
_DEEPEST = 2
_MOST_QUALIFIERS = 8
"""How many columns of sub-queries that are yet to come, how deep, and how many qualifiers FROM may be promised."""


class Visible(NamedTuple):
    """Names in scope: columns that need no qualifier, and qualifiers."""

    bare: frozenset[str]
    qualifiers: frozenset[str]


def visible(scope: Scope) -> Visible:
    """Return the names that may be written where an operand is expected."""
    # Only what the names depend on: the same object comes back for every operand of a clause.
    frame = scope.frame
    qualified = {qualifier for qualifier, _ in frame.wanted} - {""}
    # The names of a single alias do not change what else may be named.
    telling = len(qualified) > 1 or scope.hurried
    wanted = frame.wanted if telling else frozenset(pair for pair in frame.wanted if pair[1] not in scope.known.columns)
    inner = frame._replace(items=(), item=None, arity=None, wanted=wanted)
    *outer, _ = (one for one in scope.stack if isinstance(one, Frame))
    names = _visible(scope.known, (*outer, inner), scope.hurried)
    bare = frozenset(column for qualifier, column in frame.wanted if not qualifier)
    if frame.clause != "select" or not bare or scope.ctes() or any(enclosing(scope.stack)):
        return names
    return names._replace(bare=without_clashes(names.bare, scope.known, bare))


@lru_cache(maxsize=5_000)
def _visible(known: Known, stack: tuple[Frame, ...], late: bool) -> Visible:  # noqa: FBT001 - as `lru_cache` sees it
    scope = Scope(known, stack, late=late)
    frame = scope.frame
    bare: set[str] = set()
    qualifiers: set[str] = set()
    if frame.clause == "select":
        ctes = scope.ctes()
        bare |= {column for columns in readable(scope).values() for column in columns} if ctes else known.columns
        bare -= bound_columns(scope, None)
        bare |= known.derived if may_derive(scope) else _NONE
        used = {qualifier for qualifier, _ in frame.wanted}
        qualifiers |= (
            used
            if len(used) >= (1 if late else _MOST_QUALIFIERS)
            else known.aliases | set(known.tables) | {name for name, columns in ctes.items() if any(columns)}
        )
    elif frame.clause == "order" and frame.outputs is not None:
        return Visible(frozenset(frame.outputs) - {""}, _NONE)
    else:
        bare |= {column for source in frame.sources for column in source.columns if frame.holders(column) == 1}
        bare |= frame.aliases if frame.settled else _NONE
        qualifiers |= {source.alias for source in frame.sources if any(source.columns)}
    for outer in enclosing(scope.stack):
        bare |= {column for source in outer.sources for column in source.columns if outer.holders(column) == 1}
        qualifiers |= {source.alias for source in outer.sources if any(source.columns)}
        if outer.clause == "select":
            bare |= {column for qualifier, column in outer.wanted if not qualifier}
            qualifiers |= {qualifier for qualifier, _ in outer.wanted}
    return Visible(frozenset(bare - {""}), frozenset(qualifiers - {""}))


def may_derive(scope: Scope) -> bool:
    """Return whether a column of a sub-query that is yet to come may be named: a few times, not too deep or late."""
    derived = {column for _, column in scope.frame.wanted} - scope.known.columns
    deep = sum(frame.role == "source" for frame in frames(scope.stack))
    return not scope.hurried and len(derived) < _MOST_DERIVED and deep < _DEEPEST


def columns_of(scope: Scope, qualifier: str) -> frozenset[str]:
    """Return the columns that may stand behind a qualifier."""
    found: set[str] = set()
    frame = scope.frame
    if frame.clause == "select":
        found |= _promised(scope, qualifier)
    else:
        found |= _held(frame, qualifier)
    # A name of this query hides the same name of a query around it.
    if frame.clause != "select" and found:
        return frozenset(found)
    for outer in enclosing(scope.stack):
        found |= _held(outer, qualifier)
        if outer.clause == "select":
            found |= {column for one, column in outer.wanted if one == qualifier}
    return frozenset(found - {""})


def _held(frame: Frame, qualifier: str) -> frozenset[str]:
    return frozenset(column for source in frame.sources if source.alias == qualifier for column in source.columns)


def _promised(scope: Scope, qualifier: str) -> frozenset[str]:
    """Return the columns of which one may follow a qualifier in front of FROM: a single table must have them all."""
    own = scope.table(qualifier)
    if own is not None:
        return frozenset(own)
    if qualifier not in scope.known.aliases:
        return _NONE
    wanted = {column for one, column in scope.frame.wanted if one == qualifier and column != "*"}
    once = bound_columns(scope, qualifier) & {column for one, column in scope.frame.wanted if not one}
    tables = readable(scope).values()
    fitting = [columns for columns in tables if wanted.issubset(columns)]
    clear = [columns for columns in fitting if once.isdisjoint(columns)]
    holding = {column for columns in clear or fitting for column in columns}
    derives = may_derive(scope) and len(wanted) <= _MOST_DERIVED
    return frozenset(holding or scope.known.columns) | (scope.known.derived if derives else _NONE)
