"""From the scope of a statement to what may come next."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from harness.decoding.endings import permit_following, result_names
from harness.decoding.functions import function_names
from harness.decoding.permits import FREE, Permit
from harness.decoding.scope import Bracket, Frame, Scope, kind_of
from harness.decoding.sources import choose_aliases, choose_tables, required_columns
from harness.decoding.visible import columns_of, visible
from harness.decoding.words import CONSTANTS

__all__ = ["permit"]

_NONE: frozenset[str] = frozenset()
_QUERIES = frozenset({"select", "with", "values"})
_NESTING = frozenset({"case", "exists", "cast"})
_OPERANDS = CONSTANTS | _NESTING
_OPENED = frozenset({"in", "exists", "cast", "over", "filter"})
"""What a parenthesis must follow."""
_NESTED = frozenset("(")
_LIST = Bracket("group", 1)
"""What may be a query or a list of operands."""
_BEFORE_NOT = "select distinct all where and or not on having by when then else case ( ,"
_HEADS = frozenset(_BEFORE_NOT.split())
"""Behind what NOT may come."""
_CALLED = {"any": ("scalar", "aggregate", "window"), "group": ("scalar", "aggregate"), "row": ("scalar",)}
_UNGROUPED = function_names("scalar", "window") - function_names("aggregate")
_SIGN_ONLY = {"call": Permit(_NONE, only="("), "dot": Permit(_NONE, only=".")}


@lru_cache(maxsize=20_000)
def permit(scope: Scope) -> Permit:
    """Return what may come next."""
    if scope.expect in ("after", "after_source", "after_alias"):
        return permit_following(scope)
    asked = _PERMITS.get(scope.expect)
    return _SIGN_ONLY.get(scope.expect, FREE) if asked is None else asked(scope)


def _source(scope: Scope) -> Permit:
    if scope.fresh:  # behind its parenthesis a sub-query must begin; VALUES brings no names
        return Permit(_NONE, keywords=_QUERIES - ({"values"} if required_columns(scope) else _NONE), quoted=True)
    barred = _NESTED if scope.hurried and not required_columns(scope) else _NONE
    return Permit(choose_tables(scope), barred=barred, quoted=True)


def _alias(scope: Scope) -> Permit:
    if not scope.frame.sources:  # nothing is there to be called anything, which the grammar says too
        return Permit(_NONE)
    aliases = choose_aliases(scope, scope.frame.sources[-1])
    return Permit(aliases.only, taken=aliases.taken, quoted=True)


def _column(scope: Scope) -> Permit:
    return Permit(columns_of(scope, scope.qualifier), quoted=True, barred=_barred_star(scope), behind_dot=True)


def _operand(scope: Scope) -> Permit:
    if scope.word in ("limit", "offset") or (scope.word == "," and scope.frame.clause == "limit"):
        return Permit(_NONE)
    names = visible(scope)
    calls = function_names(*_CALLED[kind_of(scope)])
    if scope.frame.clause == "order" and not scope.frame.grouped:  # SQLite sorts by an aggregate only where it groups
        calls = _UNGROUPED
    keywords = frozenset(_operand_keywords(scope))
    barred = _barred_star(scope)
    if scope.hurried:
        calls = _NONE
        listing = scope.top == _LIST and scope.frame.clause != "limit"  # where only a query may stand in brackets
        keywords -= _NESTING | (_QUERIES if listing else _NONE)
        barred |= _NONE if scope.word in _OPENED or scope.frame.clause == "values" else _NESTED
    return Permit(names.bare, names.qualifiers, calls, keywords, barred=barred, depth=scope.brackets)


def _operand_keywords(scope: Scope) -> Iterator[str]:
    """Yield the keywords with which an operand may begin here, as the rules have it."""
    word, top = scope.word, scope.top
    yield from _OPERANDS
    if word in _HEADS:
        yield "not"
    if word == "select":
        yield from ("distinct", "all")
    elif word == "case":
        yield "when"
    elif word in ("is", "is not"):
        yield from ("distinct", *(["not"] if word == "is" else []))
    elif word.endswith("distinct") and word != "distinct":
        yield "from"
    if scope.fresh and isinstance(top, Bracket):
        yield from {"group": _QUERIES, "over": ("partition", "order"), "filter": ("where",)}.get(top.kind, ())
        if top.kind in ("aggregate", "extreme"):
            yield "distinct"


def _barred_star(scope: Scope) -> frozenset[str]:
    frame = scope.frame
    starred = isinstance(scope.top, Frame) and frame.clause == "select" and (frame.arity is not None or frame.spared)
    return frozenset("*") if starred else _NONE


_PERMITS: dict[str, Callable[[Scope], Permit]] = {
    "operand": _operand,
    "qualified": _column,
    "source": _source,
    "using": lambda scope: Permit(scope.frame.shared_columns, quoted=True),
    "source_alias": _alias,
    "item_alias": lambda scope: Permit(result_names(scope), taken=scope.frame.spared, quoted=True),
}
