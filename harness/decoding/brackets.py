"""Parentheses, commas and stars: where queries, calls and lists begin and end."""

from harness.decoding.functions import function_names
from harness.decoding.naming import add_source
from harness.decoding.results import end_item, leave_unnamed, result_columns
from harness.decoding.scope import Bracket, Frame, Scope, Source, kind_of

__all__ = ["RANGES", "close_bracket", "mark_range", "open_bracket", "read_star", "separate"]

RANGES = frozenset({"in", "is", "like", "glob", "between"})
"""What a condition may have once."""
_EXTREMES = frozenset({"min", "max"})


def mark_range(scope: Scope, text: str) -> Scope:
    """Return the scope that remembers whether the condition being written has had its LIKE, IN, IS or BETWEEN."""
    height = len(scope.stack)
    if text in RANGES:
        return scope._replace(ranges=(*scope.ranges, height))
    if text == "and" and scope.betweens and scope.betweens[-1] == height:
        return scope
    return scope._replace(ranges=tuple(one for one in scope.ranges if one < height))


def open_bracket(scope: Scope) -> Scope:
    """Return the scope behind an opening parenthesis."""
    expect = scope.expect
    if expect == "source":
        return scope._replace(stack=(*scope.stack, Bracket("source")), fresh=True)
    if expect == "body":
        *_, cte = scope.frame.ctes
        body = Frame("cte", len(cte.columns) or None, own=cte, recursive=scope.frame.recursive)
        return scope._replace(stack=(*scope.stack, body), expect="query", word="(")
    if expect == "after_cte":
        return scope._replace(stack=(*scope.stack, Bracket("columns")), expect="cte_column")
    if expect == "using_open":
        return scope._replace(stack=(*scope.stack, Bracket("using")), expect="using")
    unnamed = leave_unnamed(scope)
    bracket = Bracket(_bracket_kind(scope), None if scope.word == "exists" else 1)
    if bracket.kind in ("aggregate", "extreme") and not unnamed.frame.grouped:
        unnamed = unnamed.with_frame(unnamed.frame._replace(grouped=True))
    return unnamed._replace(stack=(*unnamed.stack, bracket), expect="operand", word="(", fresh=True)


def _bracket_kind(scope: Scope) -> str:
    if scope.word in ("cast", "over", "filter"):
        return scope.word
    if scope.frame.clause == "values" and isinstance(scope.top, Frame):
        return "row"
    return _call_kind(scope) if scope.expect == "call" else "group"


def _call_kind(scope: Scope) -> str:
    if scope.word in function_names("window"):
        return "window"
    if kind_of(scope) == "row" or scope.word not in function_names("aggregate"):
        return "call"
    return "extreme" if scope.word in _EXTREMES else "aggregate"


def close_bracket(scope: Scope) -> Scope:
    """Return the scope behind a closing parenthesis."""
    top = scope.top
    if isinstance(top, Frame):
        return _close_query(scope, top)
    below = _pop(scope)
    expect = {"columns": "after_cte", "using": "after_alias"}.get(top.kind, "after")
    kind = "aggregate" if top.kind == "extreme" else top.kind
    word = f"{kind})" if kind in ("aggregate", "window", "filter") else ")"
    return below._replace(expect=expect, word=word)


def _close_query(scope: Scope, frame: Frame) -> Scope:
    if len(scope.stack) == 1:
        return scope
    frame = end_item(frame)
    columns = result_columns(frame) if frame.outputs is None else frame.outputs
    below = _pop(scope)
    if frame.role == "source":
        return add_source(below, Source("", columns), "after_source")
    if frame.role == "cte":
        outer = below.frame
        *before, cte = outer.ctes
        finished = (*before, cte._replace(columns=cte.columns or columns))
        return below.with_frame(outer._replace(ctes=finished))._replace(expect="query", word=")")
    return below._replace(expect="after", word=")")


def _pop(scope: Scope) -> Scope:
    height = len(scope.stack)
    open_ones = (scope.betweens, scope.cases, scope.ranges)
    betweens, cases, ranges = (tuple(one for one in heights if one < height) for heights in open_ones)
    return scope._replace(stack=scope.stack[:-1], betweens=betweens, cases=cases, ranges=ranges)


def separate(scope: Scope) -> Scope:
    """Return the scope behind a comma."""
    scope = mark_range(scope, ",")
    top = scope.top
    if isinstance(top, Bracket):
        if top.kind in ("columns", "using"):
            return scope
        bracket = top._replace(kind="call") if top.kind == "extreme" else top
        return scope._replace(stack=(*scope.stack[:-1], bracket), expect="operand", word=",")
    frame = end_item(top)
    if frame.clause in ("from", "on"):
        frame = frame._replace(clause="from", joined=False)
        return scope.with_frame(frame)._replace(expect="source", word=",")
    expect = "cte" if frame.clause == "with" else "operand"
    return scope.with_frame(frame)._replace(expect=expect, word=",")


def read_star(scope: Scope) -> Scope:
    """Return the scope behind a star that stands for columns."""
    if isinstance(scope.top, Frame):
        frame = scope.frame
        # What a query around this one waits for must now come from the sources of this one.
        wanted = frame.wanted | {("", column) for column in frame.required - set(frame.items)}
        item = f"{scope.qualifier}.*" if scope.expect == "qualified" else "*"
        frame = frame._replace(item=item, wanted=wanted, required=frozenset())
        if scope.expect == "qualified":
            frame = frame._replace(wanted=frame.wanted | {(scope.qualifier, "*")})
        scope = scope.with_frame(frame)
    return scope._replace(expect="after", word="*", qualifier="")
