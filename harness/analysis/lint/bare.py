"""Values of an aggregate query that are neither grouped by nor aggregated.

SQLite takes them from any row of the group (https://sqlite.org/lang_select.html#bareagg). The data decides: only
what really differs inside of a group that the query returns is flagged, so that names beside their ids are not.
Left alone are queries whose only aggregate is one MIN or MAX, where SQLite takes the row that has it. Not covered: `*`.
"""

from collections.abc import Callable, Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError

from harness.analysis.lint.flags import Flag
from harness.analysis.lint.subqueries import Block
from harness.analysis.parsing import parse_statements
from harness.types import Execution

__all__ = ["lint_bare_columns"]

_AGGREGATE_NAMES = frozenset({"total", "json_group_array", "json_group_object"})


def lint_bare_columns(block: Block, run: Callable[[str], Execution]) -> Iterator[Flag]:
    """Yield a `bare_column` flag for each expression that is not the same throughout its group."""
    tree = _parse(block.sql)
    if tree is None or block.select.insertion < 0:
        return
    aggregates = [node for node in _own(tree) if _is_aggregate(node)]
    if not aggregates and not tree.args.get("group"):
        return
    if len(aggregates) == 1 and isinstance(aggregates[0], exp.Max | exp.Min):
        return
    bare = list(dict.fromkeys(node.sql("sqlite") for part in _shown(tree) for node in _bare(part)))
    if not bare:
        return
    # NULL is a value like any other here, which COUNT(DISTINCT) alone would not count.
    probes = [f"COUNT(DISTINCT ({text})) + MAX(({text}) IS NULL)" for text in bare]
    counted = run(block.extend(*probes, tail=True))
    if not counted.ok:
        return
    for place, text in enumerate(bare):
        values = max((_number(row[place - len(bare)]) for row in counted.rows), default=0)
        if values > 1:
            yield Flag("bare_column", f"{text} is one of up to {values} values in a group; SQLite takes any")


def _parse(sql: str) -> exp.Select | None:
    try:
        trees = parse_statements(sql)
    except (SqlglotError, RecursionError):
        return None
    return trees[0] if trees and isinstance(trees[0], exp.Select) else None


def _shown(tree: exp.Select) -> "Iterator[exp.Expr]":
    """Yield what the query returns and orders by; an alias in ORDER BY is left out: what it names is there already."""
    aliases = {one.alias.lower() for one in tree.expressions if one.alias}
    yield from (one.unalias() for one in tree.expressions)
    order = tree.args.get("order")
    for term in order.expressions if order else ():
        names = [column.name.lower() for column in term.find_all(exp.Column) if not column.table]
        if aliases.isdisjoint(names):
            yield term.this


def _bare(node: "exp.Expr") -> "Iterator[exp.Expr]":
    """Yield the largest parts of an expression that hold columns and no aggregate."""
    if _is_aggregate(node) or isinstance(node, exp.Window | exp.Query | exp.Star):
        return
    if isinstance(node, exp.Column) and node.is_star:
        return
    inner = list(_own(node))
    if any(_is_aggregate(one) or isinstance(one, exp.Window | exp.Query) for one in inner):
        for child in node.iter_expressions():
            yield from _bare(child)
    elif any(isinstance(one, exp.Column) for one in inner):
        yield node


def _own(node: "exp.Expr") -> "Iterator[exp.Expr]":
    """Yield the nodes of a query without those of queries inside of it, which are yielded but not entered."""
    yield from node.walk(prune=lambda one: one is not node and isinstance(one, exp.Query))


def _is_aggregate(node: "exp.Expr") -> bool:
    if not isinstance(node, exp.AggFunc) and not (
        isinstance(node, exp.Anonymous) and node.name.lower() in _AGGREGATE_NAMES
    ):
        return False
    if isinstance(node, exp.Max | exp.Min) and node.expressions:
        return False  # MAX of several values in one row, as older versions of sqlglot read it
    parent = node.parent.parent if isinstance(node.parent, exp.Filter) else node.parent
    return not isinstance(parent, exp.Window)


def _number(cell: object) -> int:
    return cell if isinstance(cell, int) else 0
