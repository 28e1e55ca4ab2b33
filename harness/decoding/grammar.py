"""Schema → a grammar of SQLite's SELECT for llguidance, in which a name that the schema lacks cannot be written.

`rules` says what may follow what, `names` which names there are, `terminals`, `lexemes` and `functions` how words
look. What a grammar cannot see, which names are in scope, is followed beside it: `scope`, `steps` and `permits`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.decoding.lexing import Lexeme, spell, split, unfold
from harness.decoding.matching import byte_vocabulary, compile_grammar
from harness.decoding.names import collect_names, render_any_names, render_names
from harness.decoding.permits import admits
from harness.decoding.permitting import permit
from harness.decoding.rules import render_rules
from harness.decoding.scope import Known, begin
from harness.decoding.steps import step
from harness.decoding.terminals import render_terminals
from harness.types import Schema

if TYPE_CHECKING:
    from llguidance import LLMatcher

__all__ = ["LEVELS", "Acceptance", "check", "render_grammar"]

LEVELS = ("syntax", "schema")
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether a statement can be written; if not, the token at which it fails and its position in characters."""

    accepted: bool
    position: int = 0
    token: str = ""


def render_grammar(schema: Schema, level: str = "schema", declared: Iterable[str] = ()) -> str:
    """Return the grammar as llguidance's Lark text.

    `level` is `schema`, or `syntax` for any names. `declared` are names that the statement itself made: aliases,
    CTEs and columns of sub-queries; they are allowed beside the schema's. Raises ValueError for another level.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    rules = render_rules()
    names = render_any_names() if level == "syntax" else render_names(collect_names(schema, declared))
    return "\n".join([rules, names, render_terminals(rules)])


def check(schema: Schema, sql: str, level: str = "schema") -> Acceptance:
    """Return whether a whole statement can be written under a constraint, whatever the tokeniser."""
    statement = sql.strip().rstrip(";").rstrip()
    text = statement.encode().decode("latin-1")
    failed = _follow(schema, text, level)
    if failed is None:
        return Acceptance(accepted=True)
    position = len(text[:failed].encode("latin-1").decode("utf-8", "replace"))
    return Acceptance(accepted=False, position=position, token=unfold(spell(text, failed)) or "the end")


def _follow(schema: Schema, text: str, level: str) -> int | None:
    """Return where the lexeme begins at which a statement fails, None where it does not."""
    about = schema if level == "schema" else Schema("", ())
    scope, declared, written = begin(_known(about)), frozenset[str](), 0
    matcher = _compiled(about, level, declared).deep_copy()
    for lexeme in split(f"{text} ;")[0][:-1]:
        end = lexeme.start + len(spell(text, lexeme.start))
        piece = text[written:end].encode("latin-1")
        if matcher.try_consume_tokens(list(piece)) < len(piece):
            return lexeme.start
        written = end
        if level != "schema":
            continue
        if not admits(permit(scope), lexeme):
            return lexeme.start
        scope = step(scope, lexeme)
        if scope.declared != declared:
            declared = scope.declared
            matcher = _compiled(about, level, declared).deep_copy()
            matcher.try_consume_tokens(list(text[:end].encode("latin-1")))
    over = matcher.is_accepting() and (level != "schema" or admits(permit(scope), Lexeme("sign", ";")))
    return None if over and written == len(text) else len(text)


@lru_cache(maxsize=_KEPT)
def _compiled(schema: Schema, level: str, declared: frozenset[str]) -> "LLMatcher":
    return compile_grammar(render_grammar(schema, level, map(unfold, sorted(declared))), byte_vocabulary())


@lru_cache(maxsize=_KEPT)
def _known(schema: Schema) -> Known:
    return Known.of(schema)
