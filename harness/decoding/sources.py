"""FROM, while it is being written: which tables and aliases leave it possible to provide every name that is wanted.

What a SELECT list wants must be provided before FROM may end, so that a statement must not be led where it cannot be:
`SELECT T1.name FROM city AS T1` is stopped in front of `city`, or of `T1`, when it is another table that has a name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from harness.decoding.scope import Frame, Scope, Source, unmet

__all__ = [
    "Aliases",
    "bound_columns",
    "choose_aliases",
    "choose_tables",
    "may_join",
    "provided",
    "readable",
    "required_columns",
]

_NUMBERED = re.compile(r"t[0-9]+")
_PATIENCE = 4
"""How many sources may come before each one must provide something."""
_NONE: frozenset[str] = frozenset()
Missing = dict[str, set[str]]


class Aliases(NamedTuple):
    """What a source may be called: one of `only`, or anything but `taken` where that is None; `needed`: it must be."""

    only: frozenset[str] | None
    taken: frozenset[str]
    needed: bool


def choose_tables(scope: Scope) -> frozenset[str]:
    """Return what may be read next.

    Where the place's own alias (`t1` for the first …) is wanted, it is a table that has what is wanted of it, or of
    another numbered alias. A table that makes a wanted name ambiguous does not come where another one can, nor one
    behind which what is missing could come only from such a table. Only such as provide something come after a few
    sources, where few tokens are left, and where a sub-query must still bring what no table has.
    """
    frame, missing = scope.frame, _missing(scope)
    tables = readable(scope)
    if scope.word == "natural":
        twice = {column for source in frame.sources for column in source.columns if frame.holders(column) > 1}
        tables = {name: columns for name, columns in tables.items() if twice.isdisjoint(columns)} or tables
    brought = provided(frame)
    clear = {name: columns for name, columns in tables.items() if brought.isdisjoint(columns)} or tables
    clear = {name: columns for name, columns in clear.items() if _leaves_open(scope, columns, missing)} or clear
    pressed = bool(missing) and len(frame.sources) >= _PATIENCE
    if pressed or required_columns(scope):
        found = {name for name, columns in clear.items() if _helps(scope, name, columns, missing)}
        every = {name for name, columns in tables.items() if _helps(scope, name, columns, missing)}
        return frozenset(found or every)
    if f"t{len(frame.sources) + 1}" in missing:
        numbered = {qualifier: wanted for qualifier, wanted in missing.items() if _NUMBERED.fullmatch(qualifier)}
        clear = {name: columns for name, columns in clear.items() if _helps(scope, name, columns, numbered)} or clear
    if scope.hurried and missing:
        clear = {name: columns for name, columns in clear.items() if _helps(scope, name, columns, missing)} or clear
    return frozenset(clear)


def choose_aliases(scope: Scope, source: Source) -> Aliases:
    """Return what the source that was written last may be called."""
    frame = scope.frame
    before = frame.sources[:-1]
    lacking = {qualifier for qualifier, column in frame.wanted if column not in (*source.columns, "*")}
    taken = frozenset(({one.alias for one in before} | lacking) - {""})
    missing = _missing(_without_last(scope))
    if source.alias and source.alias in missing:
        return Aliases(frozenset({source.alias}), taken, needed=False)
    fitting = frozenset(q for q, wanted in missing.items() if q and wanted <= set(source.columns)) - taken
    awaited = not source.alias and any(not _is_known(scope, c) for q in fitting for c in missing[q])
    forced = (fitting & _only_here(scope, missing)).difference(scope.known.tables)
    pressed = scope.hurried or len(before) >= _PATIENCE
    idle = pressed and bool(fitting) and missing.get("", set()).isdisjoint(source.columns)
    needed = bool(source.alias) and source.alias in taken
    if forced or awaited or idle:
        return Aliases(forced or fitting, taken, needed=True)
    return Aliases(None, taken, needed)


def may_join(scope: Scope) -> bool:
    """Return whether a table may be read beside those that are: one is missing, or leaves every bare name clear."""
    brought = provided(scope.frame)
    if not brought or unmet(scope):
        return True
    return any(brought.isdisjoint(columns) for columns in readable(scope).values())


def required_columns(scope: Scope) -> frozenset[str]:
    """Return what a sub-query in FROM must bring, because no table has it."""
    missing = _missing(scope)
    place = f"t{len(scope.frame.sources) + 1}"
    for qualifier in sorted(missing, key=lambda one: (one != "", one != place, one)):
        unknown = frozenset(column for column in missing[qualifier] if not _is_known(scope, column))
        if unknown:
            return frozenset(missing[qualifier]) if qualifier else unknown
    return _NONE


def bound_columns(scope: Scope, qualifier: str | None) -> frozenset[str]:
    """Return the columns that the aliases wanted so far are bound to bring, whichever tables they turn out to be.

    Without a qualifier of its own such a column is ambiguous as soon as two of them bring it; for a given alias
    those are returned which another one brings already, else (None) those that two bring.
    """
    wanted: dict[str, set[str]] = {}
    for one, column in scope.frame.wanted:
        if one and one != qualifier and column != "*":
            wanted.setdefault(one, set()).add(column)
    tables = [frozenset(columns) for columns in readable(scope).values()]
    seen: set[str] = set()
    twice: set[str] = set()
    for columns in wanted.values():
        holding = [table for table in tables if columns <= table]
        certain = frozenset.intersection(*holding) if holding else _NONE
        twice |= seen & certain
        seen |= certain
    return frozenset(seen if qualifier is not None else twice)


def readable(scope: Scope) -> dict[str, tuple[str, ...]]:
    """Return the tables that can be read here and the CTEs whose columns are known; these hide tables of their name."""
    return {**scope.known.tables, **{name: columns for name, columns in scope.ctes().items() if columns}}


def provided(frame: Frame) -> frozenset[str]:
    """Return the columns that are wanted without a qualifier and that some source has."""
    return frozenset(column for qualifier, column in frame.wanted if not qualifier and frame.holders(column))


def _leaves_open(scope: Scope, columns: tuple[str, ...], missing: Missing) -> bool:
    """Return whether behind a table of these columns the rest can come and every bare name has one holder.

    Looks one table ahead: whether each thing that is missing has a table for itself.
    """
    frame, held = scope.frame, set(columns)
    bare = {column for qualifier, column in frame.wanted if not qualifier}
    once = {column for column in bare if column in held or frame.holders(column)}
    tables = [set(others) for others in readable(scope).values() if once.isdisjoint(others)] if once else []
    return not once or all(
        any(need <= others for others in tables)
        for need in _needs(missing)
        if not need <= held and all(_is_known(scope, column) for column in need)
    )


def _only_here(scope: Scope, missing: Missing) -> frozenset[str]:
    """Return the aliases of which another table could only bring a second one of a bare column."""
    once = provided(scope.frame)
    tables = [set(columns) for columns in readable(scope).values()] if once else []
    return frozenset(
        qualifier
        for qualifier, wanted in missing.items()
        if once and qualifier and all(_is_known(scope, column) for column in wanted)
        if not any(wanted <= columns and once.isdisjoint(columns) for columns in tables)
    )


def _needs(missing: Missing) -> Iterator[set[str]]:
    """Yield what one table each must have: all that is wanted of an alias, and each bare column."""
    for qualifier, wanted in missing.items():
        yield from [wanted] if qualifier else [{column} for column in wanted]


def _is_known(scope: Scope, column: str) -> bool:
    return any(column in columns for columns in readable(scope).values())


def _helps(scope: Scope, table: str, columns: Iterable[str], missing: Mapping[str, set[str]]) -> bool:
    """Return whether a table provides anything that is missing."""
    held = set(columns)
    for qualifier, wanted in missing.items():
        if not qualifier:
            helps = not held.isdisjoint(wanted)
        elif scope.table(qualifier) is not None:
            helps = qualifier == table
        else:
            helps = wanted <= held
        if helps:
            return True
    return False


def _missing(scope: Scope) -> Missing:
    """Return what the query still wants, columns by qualifier."""
    found: Missing = {}
    for qualifier, column in unmet(scope):
        found.setdefault(qualifier, set()).update({column} - {"*"})
    return found


def _without_last(scope: Scope) -> Scope:
    return scope.with_frame(scope.frame._replace(sources=scope.frame.sources[:-1]))
