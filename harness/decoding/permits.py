"""What the next lexeme of a statement may be, as far as scope goes; the grammar has the say about the rest."""

from typing import NamedTuple

from harness.decoding.lexing import Lexeme

__all__ = ["FREE", "Permit", "admits"]

_NONE: frozenset[str] = frozenset()


class Permit(NamedTuple):
    """What the next lexeme may be; all words are folded.

    `names` are the names that may be written, None for any word that the grammar allows. `qualifiers` are those that
    need a dot behind them, `calls` the functions, and `keywords` the keywords that are possible beside names; where
    any word is allowed they say which ones a barred keyword must not be taken for. `barred` are the keywords and the
    signs that must not come, `taken` the names, and `depth` is how many parentheses may still be closed before `)` is
    one of those signs. `quoted` says that what stands in double quotes is a name and nothing else, `only` is the one
    sign that may come, if any, and `behind_dot` says that keywords are names here.
    """

    names: frozenset[str] | None = None
    qualifiers: frozenset[str] = _NONE
    calls: frozenset[str] = _NONE
    keywords: frozenset[str] = _NONE
    barred: frozenset[str] = _NONE
    taken: frozenset[str] = _NONE
    depth: int = 0
    quoted: bool = False
    only: str = ""
    behind_dot: bool = False


FREE = Permit()
"""Whatever the grammar allows."""


def admits(permit: Permit, lexeme: Lexeme) -> bool:
    """Return whether a complete lexeme may come."""
    if permit.only:
        return lexeme.kind == "sign" and lexeme.text == permit.only
    if lexeme.kind == "sign":
        return lexeme.text not in permit.barred or (lexeme.text in (")", ",") and permit.depth > 0)
    if lexeme.kind == "number" or (lexeme.kind == "string" and (permit.names is None or not permit.quoted)):
        return True
    if lexeme.kind == "double" and not permit.quoted:
        return lexeme.follower != "." or permit.names is None or lexeme.text in permit.qualifiers
    return _admits_name(permit, lexeme)


def _admits_name(permit: Permit, lexeme: Lexeme) -> bool:
    text = lexeme.text
    if permit.names is None:
        return text not in permit.barred and text not in permit.taken
    if lexeme.follower == ".":
        return text in permit.qualifiers
    called = lexeme.kind == "word" and lexeme.follower == "("
    if lexeme.kind != "word" or (text in permit.names and not called):
        return text in permit.names
    return text in permit.calls or (text in permit.keywords and text not in permit.barred)
