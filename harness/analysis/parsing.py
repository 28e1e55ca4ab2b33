"""Reading SQL with sqlglot in a time that its length bounds.

sqlglot tries every way to nest joins without ON, which takes it twice as long with each: `… JOIN t JOIN t JOIN t …`, as
models that repeat themselves write it, would take for ever. So those get a condition before they are parsed.
"""

import logging
import re
from collections.abc import Sequence

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect

__all__ = ["complete_joins", "describe_error", "parse_statements"]

_MISSING = re.compile(r"Required keyword: '\w+' missing for <class '[\w.]*?(\w+)'>")

_CONDITIONS = frozenset({TokenType.ON, TokenType.USING})
_ENDS = frozenset(
    {
        TokenType.COMMA,
        TokenType.CROSS,
        TokenType.EXCEPT,
        TokenType.FULL,
        TokenType.GROUP_BY,
        TokenType.HAVING,
        TokenType.INNER,
        TokenType.INTERSECT,
        TokenType.JOIN,
        TokenType.LEFT,
        TokenType.LIMIT,
        TokenType.NATURAL,
        TokenType.ORDER_BY,
        TokenType.OUTER,
        TokenType.R_PAREN,
        TokenType.RIGHT,
        TokenType.SEMICOLON,
        TokenType.UNION,
        TokenType.WHERE,
        TokenType.WINDOW,
    }
)
"""What comes behind the right side of a join that has no condition."""


def complete_joins(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens with `ON TRUE` behind each join that has no condition of its own.

    SQLite's joins don't nest without parentheses (https://sqlite.org/syntax/join-clause.html), so nothing is lost.
    """
    completed: list[Token] = []
    waiting = [False]  # for each open parenthesis: is there a join without its condition?
    for token in tokens:
        kind = token.token_type
        if waiting[-1] and kind in _ENDS:
            completed += (Token(TokenType.ON, "ON"), Token(TokenType.TRUE, "TRUE"))
            waiting[-1] = False
        if kind == TokenType.JOIN:
            waiting[-1] = True
        elif kind in _CONDITIONS:
            waiting[-1] = False
        elif kind == TokenType.L_PAREN:
            waiting.append(False)
        elif kind == TokenType.R_PAREN and len(waiting) > 1:
            waiting.pop()
        completed.append(token)
    return completed


def parse_statements(sql: str) -> list[exp.Expr]:
    """Return the trees of all statements in `sql`, read as SQLite's; raises `SqlglotError` or `RecursionError`."""
    # sqlglot warns on the log when it falls back to an opaque command; whoever asks looks at the tree.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    dialect = Dialect.get_or_raise("sqlite")
    trees = dialect.parser().parse(complete_joins(dialect.tokenize(sql)), sql)
    # What it makes of a comment behind the last semicolon is no statement.
    return [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]


def describe_error(error: Exception) -> str:
    """Return the first line of what sqlglot says, the same in every process.

    Of several parts that an expression lacks it names one by the order of a set, which differs.
    """
    lines = str(error).splitlines()
    return _MISSING.sub(r"A part of \1 is missing", lines[0]) if lines else type(error).__name__
