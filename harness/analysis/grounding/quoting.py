"""When a name in double quotes that means nothing is a trap, and when it is only a string in the wrong quotes."""

from typing import Any

from sqlglot import exp

from harness.analysis.grounding.identifiers import is_double_quoted

__all__ = ["is_double_quoted_value"]

_COMPARISONS = frozenset(
    {"eq", "neq", "gt", "gte", "lt", "lte", "is", "nullsafeeq", "nullsafeneq"}
    | {"dpipe", "escape", "glob", "like", "match", "regexplike"}
)
"""sqlglot's keys of the operators that compare or join text."""

_CLOCK = frozenset({"date", "datetime", "julianday", "strftime", "time", "timediff", "unixepoch"})


def is_double_quoted_value(column: exp.Expression, sql: str) -> bool:
    """Whether a double-quoted name stands where a string makes sense and another operand says what it is for.

    `country = "France"`, `iif(age > 17, "adult", "minor")` and `date("now")` say what they mean, wrong as the quotes
    are; `SELECT "nmae"`, `"nmae" = 'Bob'`, `count("nmae")` and `GROUP BY "nmae"` do not.
    """
    node: Any = column
    while isinstance(node.parent, exp.Paren):
        node = node.parent
    parent, role = node.parent, node.arg_key
    if isinstance(parent, exp.In | exp.Between):
        others = [parent.this]
    elif isinstance(parent, exp.If):
        around = parent.parent
        return bool(role != "this" or (isinstance(around, exp.Case) and around.this is not None))
    elif isinstance(parent, exp.Case):
        return bool(role == "default")
    elif isinstance(parent, exp.Anonymous) and str(parent.name).lower() in _CLOCK:
        return True
    elif isinstance(parent, exp.Anonymous) or (parent is not None and parent.key in _COMPARISONS):
        others = [one for one in parent.iter_expressions() if one is not node]
    else:
        return False
    return any(not _is_constant(one, sql) for one in others)


def _is_constant(node: Any, sql: str) -> bool:
    node = node.unnest()
    return isinstance(node, exp.Literal | exp.Null | exp.Boolean) or (
        isinstance(node, exp.Column) and is_double_quoted(node, sql)
    )
