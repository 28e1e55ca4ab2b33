"""Reading a query without losing its names: sqlglot's SQLite, but for functions, which stay as they are written."""

from typing import Any, ClassVar, cast

from sqlglot import TokenType, exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import SqlglotError

from harness.analysis.parsing import complete_joins, describe_error

__all__ = ["NamesDialect", "Unreadable", "is_text_of", "part", "read_query"]

_NO_PARENTHESES = (TokenType.CURRENT_DATE, TokenType.CURRENT_TIME, TokenType.CURRENT_TIMESTAMP)
_Parser: Any = SQLite.Parser
_BEGINNINGS = (TokenType.SELECT, TokenType.WITH, TokenType.VALUES, TokenType.L_PAREN)


class NamesDialect(SQLite):
    """SQLite whose every call is `exp.Anonymous`, so that `CONCAT` and `YEAR` are looked up like any other name."""

    class Parser(_Parser):  # type: ignore[misc]
        """sqlglot's parser of SQLite without its knowledge of functions."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CAST": _Parser.FUNCTION_PARSERS["CAST"]}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {
            token: _Parser.NO_PAREN_FUNCTIONS[token] for token in _NO_PARENTHESES
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": _Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
        # `->` between the parentheses of a call is JSON's operator, no lambda.
        LAMBDAS: ClassVar[dict[Any, Any]] = {}


class Unreadable(Exception):
    """The text is not one query; the message says why."""


def read_query(sql: str) -> tuple[exp.Expression, int]:
    """Return the tree of the query that `sql` is, and how many statements there are: SQLite compiles the first.

    Raises `Unreadable` when the first is no query.
    """
    dialect = NamesDialect()
    try:
        tokens = dialect.tokenize(sql)
        if tokens and tokens[0].token_type not in _BEGINNINGS:
            raise Unreadable("does not begin with SELECT, WITH or VALUES")
        statements = [one for one in dialect.parser().parse(complete_joins(tokens), sql) if one is not None]
    except (SqlglotError, RecursionError) as error:
        raise Unreadable(describe_error(error)) from error
    if not statements:
        raise Unreadable("no statement")
    root = cast("exp.Expression", statements[0])
    if not isinstance(root, exp.Query | exp.Values):
        raise Unreadable(f"not a query but {root.key}")
    return root, len(statements)


def part(node: exp.Expression, name: str) -> Any:
    """Return an argument whose name sqlglot 28 gave an underscore, such as `from_` and `with_`."""
    return node.args.get(f"{name}_") or node.args.get(name)


def is_text_of(name: str, expression: exp.Expression) -> bool:
    """Whether a name is an expression's own text, spaces and case aside: what SQLite calls a column without AS."""
    # Printing is slow, and no text of an expression that is asked for by name looks like a plain one.
    return not name.isidentifier() and _squeeze(name) == _squeeze(expression.sql(dialect=NamesDialect))


def _squeeze(text: str) -> str:
    return "".join(text.split()).lower()
