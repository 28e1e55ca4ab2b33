"""Names in a statement: what a name that was read means where it stands."""

from collections.abc import Callable, Iterable

from harness.decoding.lexing import Lexeme
from harness.decoding.results import leave_unnamed
from harness.decoding.scope import Frame, Scope, Source, enclosing
from harness.decoding.visible import visible

__all__ = ["add_source", "declare", "read_name"]


def read_name(scope: Scope, lexeme: Lexeme) -> Scope:
    """Return the scope behind a name, bare or quoted."""
    reader = _READERS.get(scope.expect)
    return reader(scope, lexeme.text) if reader else _read_operand(scope, lexeme)


def _read_operand(scope: Scope, lexeme: Lexeme) -> Scope:
    seen = lexeme.text in visible(scope).bare
    if lexeme.kind == "double" and not seen:  # SQLite takes it for a string
        return leave_unnamed(scope)._replace(expect="after", word="literal")
    if lexeme.follower == ".":
        return scope._replace(expect="dot", qualifier=lexeme.text)
    if lexeme.kind == "word" and (lexeme.follower == "(" or not seen):
        return leave_unnamed(scope)._replace(expect="call", word=lexeme.text)
    return _refer(scope, "", lexeme.text)


def _read_table(scope: Scope, name: str) -> Scope:
    return add_source(scope, Source(name, scope.table(name) or ()), "after_source")


def _read_cte(scope: Scope, name: str) -> Scope:
    frame = scope.frame._replace(own=None, ctes=(*scope.frame.ctes, Source(name, ())))
    return scope.with_frame(frame)._replace(expect="after_cte", declared=scope.declared | {name})


def _read_cte_column(scope: Scope, name: str) -> Scope:
    *before, cte = scope.frame.ctes
    listed = (*before, cte._replace(columns=(*cte.columns, name)))
    declared = scope.declared | _new_columns(scope, (name,))
    return scope.with_frame(scope.frame._replace(ctes=listed))._replace(declared=declared)


def _read_shared_column(scope: Scope, name: str) -> Scope:
    frame = scope.frame
    return scope.with_frame(frame._replace(merged=frame.merged | {(name, len(frame.sources))}))


def _read_word(scope: Scope, _: str) -> Scope:
    return scope._replace(expect="after", word="name")


def _refer(scope: Scope, qualifier: str, column: str) -> Scope:
    frame = scope.frame
    if frame.clause == "select":
        item = column if frame.item is None and isinstance(scope.top, Frame) else ""
        frame = frame._replace(item=item, wanted=frame.wanted | {(qualifier, column)})
        if _is_lent(scope, qualifier, column):
            frame = frame._replace(wanted=scope.frame.wanted)
    return scope.with_frame(frame)._replace(expect="after", word="name", qualifier="")


def _is_lent(scope: Scope, qualifier: str, column: str) -> bool:
    """Return whether a name in front of FROM is an outer query's, whatever is read here."""
    if qualifier and scope.table(qualifier) is None:
        outer = [source for frame in enclosing(scope.stack) for source in frame.sources]
        return any(source.alias == qualifier and column in source.columns for source in outer)
    return False


def declare(scope: Scope, alias: str) -> Scope:
    """Return the scope behind the alias of a result column or a source."""
    frame = scope.frame
    if frame.clause == "select" and scope.expect in ("item_alias", "after"):
        declared = scope.declared | _new_columns(scope, (alias,))
        frame = frame._replace(item=alias, aliases=frame.aliases | {alias})
        return scope.with_frame(frame)._replace(expect="after", word="alias", declared=declared)
    declared = scope.declared | ({alias} - scope.known.aliases - set(scope.known.tables))
    if frame.sources:
        *before, last = frame.sources
        frame = frame._replace(sources=(*before, last._replace(alias=alias)))
    return scope.with_frame(frame)._replace(expect="after_alias", word="alias", declared=declared)


def _new_columns(scope: Scope, columns: Iterable[str]) -> frozenset[str]:
    """Return the names that the grammar does not know as columns."""
    return frozenset(columns) - scope.known.columns - scope.known.derived - {""}


def add_source(scope: Scope, source: Source, expect: str) -> Scope:
    """Return the scope with another source in FROM."""
    frame = scope.frame
    merged = frame.merged
    if scope.word == "natural":
        merged |= {(column, len(frame.sources) + 1) for column in source.columns if frame.holders(column)}
    frame = frame._replace(sources=(*frame.sources, source), merged=merged)
    return scope.with_frame(frame)._replace(expect=expect, word="source")


_READERS: dict[str, Callable[[Scope, str], Scope]] = {
    "item_alias": declare,
    "source_alias": declare,
    "after": declare,
    "after_source": declare,
    "source": _read_table,
    "cte": _read_cte,
    "cte_column": _read_cte_column,
    "using": _read_shared_column,
    "word": _read_word,
    "qualified": lambda scope, column: _refer(scope, scope.qualifier, column),
}
"""What a name is where it is no operand."""
