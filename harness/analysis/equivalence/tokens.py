"""SQL text to tokens, as SQLite's tokeniser has it (sqlite.org/lang.html, src/tokenize.c)."""

import re
from typing import NamedTuple

__all__ = ["Token", "UnreadableError", "fold", "tokenize"]


class UnreadableError(Exception):
    """The text is no query that this package understands; the message is the reason that a proof gives."""


class Token(NamedTuple):
    """`kind` is `word` (bare), `quoted` (double), `name` (other quotes), `text`, `blob`, `int`, `real`, `mark`, `end`.

    `value` is lower case for bare words, unquoted for quoted ones.
    """

    kind: str
    value: str


# What may not follow a number: SQLite takes `12ab` for one bad token.
_WORD = r"A-Za-z0-9_$\x80-\U0010ffff"
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\n\f\r]+|--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<blob>[xX]'(?:[0-9a-fA-F]{{2}})*')
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<name>`(?:[^`]|``)*`|\[[^\]]*\])
    |(?P<real>(?:[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)(?![{_WORD}]))
    |(?P<int>[0-9]+(?![.{_WORD}]))
    |(?P<word>[A-Za-z_\x80-\U0010ffff][{_WORD}]*)
    |(?P<mark><>|<=|>=|<<|>>|==|!=|\|\||[-+*/%&|~<>=(),.;])""",
    re.VERBOSE | re.DOTALL,
)
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_MAX_TOKENS = 4000
_MAX_INTEGER = 9223372036854775807


def tokenize(sql: str) -> list[Token]:
    """Split a statement into tokens, an `end` behind them; one semicolon at the end is dropped.

    Raises `UnreadableError` for parameters, hexadecimal numbers and anything that is no SQL.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        found = _TOKEN.match(sql, position)
        if found is None:
            raise UnreadableError(f"cannot read {sql[position : position + 12]!r}")
        position = found.end()
        if found.lastgroup != "space":
            tokens.append(_token(str(found.lastgroup), found.group()))
    while tokens and tokens[-1] == ("mark", ";"):
        tokens.pop()
    if len(tokens) > _MAX_TOKENS:
        raise UnreadableError("longer than this prover reads")
    return [*tokens, Token("end", "")]


def fold(name: str) -> str:
    """Return a name as SQLite compares names: ASCII letters in lower case, others as they are."""
    return name.translate(_LOWER)


def _token(kind: str, text: str) -> Token:
    if kind == "word":
        return Token(kind, fold(text))
    if kind in ("text", "quoted") or text.startswith("`"):
        return Token(kind, text[1:-1].replace(text[0] * 2, text[0]))
    if kind == "name":
        return Token(kind, text[1:-1])
    if kind == "int":
        digits = text.lstrip("0") or "0"
        # Python refuses to convert thousands of digits; SQLite reads what exceeds its integers as REAL.
        too_large = len(digits) > len(str(_MAX_INTEGER)) or int(digits) > _MAX_INTEGER
        return Token("real", text) if too_large else Token(kind, digits)
    return Token(kind, text.lower() if kind in ("real", "blob") else text)
