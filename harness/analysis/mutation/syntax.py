"""Reading SQL into trees: the few questions that this package asks of sqlglot."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from sqlglot import exp
from sqlglot.errors import SqlglotError

from harness.analysis.parsing import parse_statements
from harness.types import Cell

__all__ = ["conjuncts", "constant", "inner_select", "parse", "source_nodes"]

_DEEPEST = 100


@lru_cache(maxsize=512)
def parse(sql: str) -> exp.Expression | None:
    """Return the tree of one query (not to be changed: it is shared), `None` where sqlglot reads none."""
    try:
        trees = parse_statements(sql)
    except (SqlglotError, RecursionError):
        return None
    if len(trees) != 1:
        return None
    tree = trees[0].expression if isinstance(trees[0], exp.Create) else trees[0]
    return cast("exp.Expression", tree) if isinstance(tree, exp.Query) and not _is_too_deep(tree) else None


def _is_too_deep(tree: Any) -> bool:
    """Whether copying or writing the tree, which sqlglot does level by level, could end in a RecursionError."""
    level: list[Any] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in node.iter_expressions()]
    return bool(level)


def inner_select(node: exp.Expression | None) -> exp.Select | None:
    """Return the SELECT that gives a derived table, CTE or view its column names."""
    while node is not None and not isinstance(node, exp.Select):
        node = node.this if isinstance(node, exp.Subquery | exp.CTE | exp.SetOperation | exp.Paren) else None
    return node


def source_nodes(select: exp.Select) -> Iterator[tuple[str, exp.Expression]]:
    """Yield (lower-case alias, node) for FROM and every JOIN of a SELECT."""
    start = select.args.get("from_") or select.args.get("from")
    joined = [join.this for join in select.args.get("joins") or ()]
    for node in ([start.this] if start is not None else []) + joined:
        yield node.alias_or_name.lower(), node


def conjuncts(condition: Any) -> list[Any]:
    """Return the parts of a condition that AND joins."""
    if condition is None:
        return []
    if isinstance(condition, exp.Paren):
        return conjuncts(condition.this)
    if isinstance(condition, exp.And):
        return [*conjuncts(condition.left), *conjuncts(condition.right)]
    return [condition]


def constant(node: Any) -> tuple[Cell, ...]:  # noqa: PLR0911  (one for each kind of literal)
    """Return the value of a literal (negated too) as a tuple of one, empty for anything else."""
    if isinstance(node, exp.Paren):
        return constant(node.this)
    if isinstance(node, exp.Neg):
        return tuple(-value for value in constant(node.this) if isinstance(value, int | float))
    if isinstance(node, exp.Null):
        return (None,)
    if isinstance(node, exp.Boolean):
        return (int(node.this),)
    if not isinstance(node, exp.Literal):
        return ()
    if node.is_string:
        return (str(node.this),)
    text = str(node.this)
    return (int(text),) if text.isdigit() and len(text) < 19 else (float(text),)  # noqa: PLR2004  (64 bits)
