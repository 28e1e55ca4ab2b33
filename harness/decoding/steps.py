"""One lexeme further: what a lexeme does to the scope of a statement.

The grammar has the say about syntax, so nothing is refused here; what is not understood changes nothing.
"""

from collections.abc import Callable

from harness.decoding.brackets import RANGES, close_bracket, mark_range, open_bracket, read_star, separate
from harness.decoding.lexing import Lexeme
from harness.decoding.naming import declare, read_name
from harness.decoding.results import end_item, leave_unnamed, result_columns
from harness.decoding.scope import Bracket, Frame, Scope
from harness.decoding.sources import provided, required_columns
from harness.decoding.words import CONSTANTS, ENDINGS, JOINING, KEYWORDS, SET_OPERATORS

__all__ = ["step"]

_CLAUSES = ENDINGS | {"from"}
_LEADING = frozenset({"select", "values"})
_OPERAND_WORDS = CONSTANTS | {"not", "case", "distinct", "all", "exists", "cast", "select", "with", "values", "from"}
"""What is a keyword where an operand may come; another word is a name there."""
_OPENING = {"over": ("partition", "order"), "filter": ("where",)}
_NAMED = frozenset({"item_alias", "source_alias", "cte", "cte_column", "word", "qualified", "using"})
_LEADING_TO_OPERAND = """
    and or not is in like glob between escape when then else case by having where on limit offset distinct all order
    partition
"""
_BEFORE_OPERAND = frozenset(_LEADING_TO_OPERAND.split())
_AFTER_OPERAND = CONSTANTS | {"end", "asc", "desc", "nulls", "first", "last"}
_ENDING_RANGES = "and or on select when then else end as by join using"
_RANGE_ENDS = _CLAUSES | frozenset(_ENDING_RANGES.split())
_AFTER_CLAUSE = {"from": "source", "limit": "operand", "having": "operand", "where": "operand"}


def step(scope: Scope, lexeme: Lexeme) -> Scope:
    """Return the scope behind a lexeme."""
    fresh = scope._replace(fresh=False) if scope.fresh else scope
    if lexeme.kind == "sign":
        return _sign(fresh, lexeme.text)
    if lexeme.kind in ("name", "double"):
        return read_name(fresh, lexeme)
    if lexeme.kind == "word":
        return _word(scope, fresh, lexeme)
    if scope.expect in _NAMED:  # AS 'name'
        return read_name(fresh, lexeme)
    if scope.expect == "frame":
        return fresh
    return leave_unnamed(fresh)._replace(expect="after", word="literal")


def _word(scope: Scope, fresh: Scope, lexeme: Lexeme) -> Scope:
    text, expect = lexeme.text, scope.expect
    if text == "recursive" and expect == "cte" and scope.word == "with":
        return fresh.with_frame(fresh.frame._replace(recursive=True))._replace(word=text)
    if expect in _NAMED:
        return read_name(fresh, lexeme)
    if expect == "source" and text not in _LEADING | {"with"}:
        return read_name(fresh, lexeme)
    if expect == "operand":
        opening = scope.fresh and isinstance(scope.top, Bracket) and text in _OPENING.get(scope.top.kind, ())
        if not (opening or text in _OPERAND_WORDS or (scope.word == "case" and text == "when")):
            return read_name(fresh, lexeme)
    if expect in ("after", "after_source") and text not in KEYWORDS:
        return declare(fresh, text)
    return fresh if expect == "frame" else _keyword(scope, fresh, text)


def _keyword(scope: Scope, fresh: Scope, text: str) -> Scope:
    behind = mark_range(fresh, text) if text in RANGES or text in _RANGE_ENDS else fresh
    if _is_filler(scope, text):
        return behind._replace(word=text)
    if text in _LEADING:
        return _open_query(scope, behind, text)._replace(expect="operand", word=text)
    if isinstance(scope.top, Frame) and text in _CLAUSES:
        return _begin_clause(behind, text)
    special = _SPECIAL.get(text)
    return special(scope, behind) if special else _go_on(scope, behind, text)


def _is_filler(scope: Scope, text: str) -> bool:
    """Return whether a keyword only belongs to its neighbours: NOT MATERIALIZED, UNION ALL, IS DISTINCT FROM."""
    if text == "from":
        return scope.expect == "operand"
    materializing = scope.frame.clause == "with" and text in ("not", "materialized")
    return materializing or (text == "all" and scope.expect == "query")


def _go_on(scope: Scope, behind: Scope, text: str) -> Scope:
    """Return the scope behind a keyword inside of a clause."""
    if text == "end" and scope.cases:
        behind = behind._replace(cases=scope.cases[:-1])
    if text in _AFTER_OPERAND:
        return leave_unnamed(behind)._replace(expect="after", word=text)
    if text in _BEFORE_OPERAND:
        named = behind if text in ("distinct", "all") and scope.word == "select" else leave_unnamed(behind)
        return _expect_operand(scope, named, text)
    if text in ("rows", "range", "groups") and isinstance(scope.top, Bracket):
        return behind._replace(expect="frame", word=text)
    joining = text in JOINING | {"outer"} and scope.frame.clause in ("from", "on")
    word = "natural" if scope.word == "natural" else text
    return behind._replace(expect="joining" if joining else behind.expect, word=word)


def _expect_operand(scope: Scope, named: Scope, text: str) -> Scope:
    """Return the scope behind a keyword that an operand follows; `word` says how the keyword is meant."""
    height, betweens = len(scope.stack), scope.betweens
    if text == "not" and scope.expect == "after":  # NOT IN, NOT LIKE, NOT BETWEEN
        return named._replace(word=text)
    if text == "case":
        named = named._replace(cases=(*scope.cases, height))
    if text in ("order", "partition"):
        return named._replace(expect="by", word=text)
    if text == "between":
        return named._replace(expect="operand", word=text, betweens=(*betweens, height))
    if text == "and" and betweens and betweens[-1] == height:
        return named._replace(expect="operand", word="between and", betweens=betweens[:-1])
    if text == "where" and isinstance(scope.top, Bracket):
        named = named._replace(stack=(*named.stack[:-1], Bracket("filter")))
    if text in ("not", "distinct") and scope.word in ("is", "is not"):
        return named._replace(expect="operand", word=f"{scope.word} {text}")
    return named._replace(expect="operand", word=text)


def _open_query(scope: Scope, fresh: Scope, clause: str) -> Scope:
    """Return the scope with the query that a SELECT or WITH begins on top."""
    if scope.fresh and isinstance(scope.top, Bracket):
        if scope.top.kind == "source":
            required = required_columns(scope)
            frame = Frame("source", None, clause, required=required, spared=provided(scope.frame) - required)
        else:
            frame = Frame("expression", scope.top.arity, clause)
        return fresh._replace(stack=(*fresh.stack[:-1], frame))
    return fresh.with_frame(fresh.frame._replace(clause=clause))


def _begin_clause(scope: Scope, text: str) -> Scope:
    frame = end_item(scope.frame)
    if text in SET_OPERATORS:
        outputs = result_columns(frame) if frame.outputs is None else frame.outputs
        arity = None if any(item.endswith("*") for item in frame.items) else len(outputs)
        recursive = frame.recursive and text == "union"
        after = Frame(frame.role, arity, "start", outputs=outputs, ctes=frame.ctes, own=frame.own, recursive=recursive)
        return scope.with_frame(after)._replace(expect="query", word=text)
    frame = frame._replace(clause=text, grouped=frame.grouped or text == "group")
    return scope.with_frame(frame)._replace(expect=_AFTER_CLAUSE.get(text, "by"), word=text)


def _as(scope: Scope) -> Scope:
    top, clause = scope.top, scope.frame.clause
    if isinstance(top, Bracket):
        expect = "word" if top.kind == "cast" else "source_alias"
    else:
        expect = {"select": "item_alias", "with": "body"}.get(clause, "source_alias")
    return scope._replace(expect=expect, word="as")


def _join(scope: Scope) -> Scope:
    natural = scope.word == "natural"
    frame = scope.frame._replace(clause="from", joined=not natural)
    return scope.with_frame(frame)._replace(expect="source", word="natural" if natural else "join")


def _condition(scope: Scope, word: str, expect: str) -> Scope:
    frame = scope.frame._replace(clause="on", joined=False)
    return scope.with_frame(frame)._replace(expect=expect, word=word)


def _sign(scope: Scope, text: str) -> Scope:
    reader = _SIGNS.get(text)
    if reader:
        return reader(scope)
    if text == "*" and scope.expect in ("operand", "qualified"):
        return read_star(scope)
    return leave_unnamed(scope)._replace(expect="operand", word="operator")


def _dot(scope: Scope) -> Scope:
    return scope._replace(expect="qualified") if scope.expect == "dot" else scope


_SIGNS: dict[str, Callable[[Scope], Scope]] = {
    "(": open_bracket,
    ")": close_bracket,
    ",": separate,
    ".": _dot,
    ";": lambda scope: scope._replace(expect="end", word=";"),
}
_SPECIAL: dict[str, Callable[[Scope, Scope], Scope]] = {
    "with": lambda scope, behind: _open_query(scope, behind, "with")._replace(expect="cte", word="with"),
    "as": lambda _, behind: _as(behind),
    "join": lambda _, behind: _join(behind),
    "on": lambda _, behind: _condition(behind, "on", "operand"),
    "using": lambda _, behind: _condition(behind, "using", "using_open"),
    "collate": lambda _, behind: leave_unnamed(behind)._replace(expect="word", word="collate"),
    "over": lambda _, behind: leave_unnamed(behind)._replace(expect="word", word="over"),
}
"""Keywords with a meaning of their own, for the scope in front of them and the one to go on from."""
