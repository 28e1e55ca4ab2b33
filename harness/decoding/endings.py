"""What may follow a complete operand or source, and what must not end yet, since a query owes a name."""

from collections.abc import Iterator

from harness.decoding.permits import FREE, Permit
from harness.decoding.scope import DEEPEST, Bracket, Frame, Scope, unmet
from harness.decoding.sources import choose_aliases, may_join
from harness.decoding.words import ENDINGS, JOINING, KEYWORDS, SET_OPERATORS

__all__ = ["owes", "permit_following", "result_names"]

_PATIENCE = 2
"""How many columns a sub-query may have beside those that it must bring before it must bring them."""
_CLOSERS = frozenset({")", ";"})
_NONE: frozenset[str] = frozenset()
_DECIDING = ("when", "then", "else", "end")
_LAST = {"order": frozenset({"asc", "desc", "nulls", "limit"}), "limit": frozenset({"offset"})}
"""What alone may come behind the last clauses."""


def permit_following(scope: Scope) -> Permit:
    """Return what may come behind an operand, a source or an alias."""
    frame, top = scope.frame, scope.top
    barred = set(_barred_end(scope))
    if isinstance(top, Frame) and frame.clause == "select":
        barred.update(_barred_arity(frame))
        barred |= {"from"} if _awaited(frame) else _NONE
        barred |= ENDINGS | _CLOSERS | {",", "from"} if frame.item in frame.spared else _NONE
    if scope.cases and scope.cases[-1] == len(scope.stack):
        barred -= KEYWORDS  # no clause can come inside CASE, and its own words may
    if scope.hurried:
        barred.update(_barred_late(scope))
    barred.update(_barred_joins(scope))
    names = None
    if scope.expect == "after_source":
        names = _source_names(scope, barred)
    elif isinstance(top, Frame) and frame.clause == "select" and scope.word not in ("alias", "*"):
        names = result_names(scope)
    taken = frame.spared if isinstance(top, Frame) and frame.clause == "select" else _NONE
    if names is None and not barred and not taken:
        return FREE
    keywords = frozenset(_keywords_after(scope)) - barred
    quoted = scope.expect == "after_source"
    return Permit(names, keywords=keywords, barred=frozenset(barred), taken=taken, depth=scope.brackets, quoted=quoted)


def _continuing(scope: Scope) -> Iterator[str]:
    """Yield the keywords that go on with an expression."""
    yield from ("and", "or")
    if len(scope.stack) not in scope.ranges:
        yield from ("not", "in", "is", "like", "glob", "between", "collate")


def _source_names(scope: Scope, barred: set[str]) -> frozenset[str] | None:
    """Return what may follow a source as its alias, without AS; bar what cannot follow without any."""
    source = scope.frame.sources[-1]
    aliases = choose_aliases(scope, source)
    if aliases.needed:
        barred |= KEYWORDS - {"as"} | _CLOSERS | {","}
    if aliases.only is not None:
        barred |= _NONE if aliases.only else {"as"}
    if source.alias not in scope.known.tables:
        return aliases.only
    # The grammar has no others here: a table's own name needs an AS.
    usual = scope.known.aliases | scope.declared
    if aliases.only is not None:
        return aliases.only & usual
    return (usual & (scope.known.aliases | {qualifier for qualifier, _ in unmet(scope)})) - aliases.taken - KEYWORDS


def _awaited(frame: Frame) -> frozenset[str]:
    """Return the names of result columns that a sub-query in FROM must still bring."""
    return frame.required - set(frame.items) - {frame.item or ""}


def result_names(scope: Scope) -> frozenset[str] | None:
    """Return what a result column may be called: anything, until it is time to bring what is awaited."""
    frame = scope.frame
    pressed = scope.hurried or len(frame.items) >= len(frame.required) + _PATIENCE
    return (_awaited(frame) or None) if pressed else None


def _keywords_after(scope: Scope) -> Iterator[str]:
    """Yield the keywords that may follow here, as the rules have it, where something is barred."""
    if scope.top == Bracket("cast", 1) and len(scope.stack) not in scope.cases:
        yield "as"
    if scope.word in ("aggregate)", "window)", "filter)"):
        yield from ("over", *(["filter"] if scope.word == "aggregate)" else []))
    if scope.frame.clause == "select":
        yield from _keywords_selecting(scope)
    elif len(scope.stack) in scope.cases:
        yield from (*_continuing(scope), *_DECIDING)
    else:
        yield from _keywords_behind(scope)


def _keywords_selecting(scope: Scope) -> Iterator[str]:
    deciding, whole = len(scope.stack) in scope.cases, isinstance(scope.top, Frame)
    if scope.word not in ("alias", "*"):
        yield from _continuing(scope)
        yield from _DECIDING if deciding else ["as"] if whole else []
    if whole and not deciding:
        yield "from"


def _keywords_behind(scope: Scope) -> Iterator[str]:
    """Yield what may follow in the clauses behind the result columns."""
    frame, expect = scope.frame, scope.expect
    if expect == "after" and not (frame.clause == "values" and isinstance(scope.top, Frame)):
        yield from _continuing(scope)
    if expect == "after_source":
        yield "as"
    if frame.clause in ("from", "on"):
        yield from JOINING - ({"natural"} if frame.has_twins else _NONE)
        if frame.joined:
            yield from ("on", *(["using"] if frame.shared_columns else []))
    if isinstance(scope.top, Frame):
        yield from _LAST.get(frame.clause, ENDINGS - {"having"})


def _barred_end(scope: Scope) -> Iterator[str]:
    """Yield what must not come while the query owes a name."""
    if owes(scope):
        yield from _CLOSERS if isinstance(scope.top, Bracket) else ENDINGS | _CLOSERS


def owes(scope: Scope) -> bool:
    """Return whether the innermost query must not end yet: names are still to be provided, or `*` has no FROM."""
    frame = scope.frame
    if frame.clause == "select" and _awaited(frame):
        return True
    starred = frame.clause == "select" and any(item.endswith("*") for item in (*frame.items, frame.item or ""))
    return starred or (not frame.settled and bool(unmet(scope)))


def _barred_late(scope: Scope) -> Iterator[str]:
    """Yield what goes on with something that is complete: another condition, column, source or SELECT."""
    frame, height = scope.frame, len(scope.stack)
    yield "or"
    if scope.word not in ("over", "filter"):
        yield "("  # else it would be a call, of a function that is a column, too
    if scope.depth >= DEEPEST:  # its parenthesis would be one more
        yield "in"
    if not scope.ranging:
        yield "and"
    if isinstance(scope.top, Frame) and height not in scope.cases:
        yield from SET_OPERATORS
        if frame.clause not in ("from", "on"):
            # A result column that may still be called what is awaited is not left for another one.
            called = scope.word in ("alias", "*") or frame.item in frame.required
            more = frame.clause == "select" and (frame.arity is not None or (_awaited(frame) and called))
            yield from () if more else ","
        elif not unmet(scope):
            yield from {","} | JOINING


def _barred_joins(scope: Scope) -> Iterator[str]:
    """Yield what would join sources that cannot be joined so."""
    frame = scope.frame
    if frame.joined and frame.clause == "from" and scope.expect != "after" and not frame.shared_columns:
        yield "using"
    if frame.has_twins:
        yield "natural"
    if frame.clause in ("from", "on") and isinstance(scope.top, Frame) and not may_join(scope):
        yield from {","} | (JOINING - {"natural"})


def _barred_arity(frame: Frame) -> Iterator[str]:
    if frame.arity is None:
        return
    count = len(frame.items) + 1
    if count >= frame.arity:
        yield ","
    else:
        yield from ENDINGS | _CLOSERS | {"from"}
