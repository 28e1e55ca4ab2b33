"""What two queries compare, join and count: where a database that tells them apart must be aimed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sqlglot import exp

from harness.analysis.mutation.blueprint import Blueprint
from harness.analysis.mutation.names import Names, Reference
from harness.analysis.mutation.syntax import constant, parse
from harness.types import Cell

__all__ = ["Comparison", "Reading", "read"]

_OPERATORS: dict[type, str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.Like: "like",
    exp.Glob: "like",
    exp.Is: "=",
    exp.NullSafeEQ: "=",
    exp.NullSafeNEQ: "!=",
    exp.In: "=",
    exp.Between: ">=",
    exp.Case: "=",
}
_DATE_NODES = (exp.TimeToStr, exp.Substring, exp.Date, exp.TsOrDsToTimestamp, exp.TsOrDsToDate, exp.Year)
_DATE_WORDS = ("strftime", "substr", "date", "julianday")
_MOST_ROWS = 120


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column compared with a constant; `dated` when a date function stands between them."""

    reference: Reference
    operator: str
    value: Cell
    dated: bool
    negated: bool


@dataclass
class Reading:
    """All that was found in one query, where `parts` are its SELECTs and `counts` numbers of rows (LIMIT, HAVING)."""

    names: Names
    parts: list[exp.Select] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    joins: list[tuple[Reference, Reference]] = field(default_factory=list)
    related: list[tuple[Reference, Reference]] = field(default_factory=list)
    columns: list[Reference] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


def read(sql: str, blueprint: Blueprint, label: str) -> Reading:
    """Read a query and the views that it may use; an empty reading where sqlglot understands nothing."""
    views = {name: tree for name, view in blueprint.views.items() if (tree := parse(view.sql)) is not None}
    reading = Reading(Names(blueprint, views, label))
    tree = parse(sql)
    for one in ([tree] if tree is not None else []) + list(views.values()):
        _collect(one, reading)
    return reading


def _collect(tree: exp.Expression, reading: Reading) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Select):
            reading.parts.append(node)
        elif isinstance(node, exp.Column):
            if found := reading.names.resolve(node):
                reading.columns.append(found)
        elif isinstance(node, exp.Limit | exp.Offset):
            reading.counts.extend(_sizes(node.expression))
        elif isinstance(node, exp.Join) and node.args.get("using"):
            _collect_using(node, reading)
        elif type(node) in _OPERATORS:
            _collect_comparison(node, reading)


def _collect_using(join: exp.Join, reading: Reading) -> None:
    select = join.find_ancestor(exp.Select)
    if select is None:
        return
    for column in join.args["using"]:
        sides = [
            Reference(occurrence, table, column.name.lower())
            for occurrence, _alias, table in reading.names.occurrences(select)
            if any(one.name.lower() == column.name.lower() for one in reading.names.blueprint.tables[table].columns)
        ]
        reading.joins.extend(pairwise(sides))


def _collect_comparison(node: Any, reading: Reading) -> None:
    operator, negated = _OPERATORS[type(node)], _negated(node)
    for left, right in _sides(node):
        left_columns, right_columns = _columns(left, reading), _columns(right, reading)
        values = _constants(right, reading)
        if isinstance(left, exp.Column) and isinstance(right, exp.Column | exp.Query | exp.Subquery):
            known = reading.joins if operator == "=" else reading.related
            known.extend((one, two) for one in left_columns[:1] for two in right_columns[:1])
        elif left_columns and right_columns:
            reading.related.extend((one, two) for one in left_columns[:2] for two in right_columns[:2])
        if values and not right_columns:
            dated = _is_dated(left)
            reading.comparisons.extend(
                Comparison(one, operator, value, dated, negated) for one in left_columns for value in values
            )
            if left.find(exp.AggFunc) or not left_columns:
                reading.counts.extend(size for value in values for size in _as_size(value))


def _sides(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (tested, tested against) in both directions where both make sense."""
    if isinstance(node, exp.In):
        against = [*node.expressions, *([node.args["query"]] if node.args.get("query") else [])]
        yield from ((node.this, one) for one in against)
    elif isinstance(node, exp.Between):
        yield from ((node.this, node.args["low"]), (node.this, node.args["high"]))
    elif isinstance(node, exp.Case):
        yield from ((node.this, branch.this) for branch in node.args["ifs"] if node.this is not None)
    elif node.this is not None and node.expression is not None:
        yield node.this, node.expression
        yield node.expression, node.this


def _columns(node: exp.Expression, reading: Reading) -> list[Reference]:
    """Return the base columns in an operand; of a sub-query, those that it returns."""
    query = node.this if isinstance(node, exp.Subquery) else node
    if isinstance(query, exp.Query):
        select = query.find(exp.Select)
        found = [column for one in (select.expressions if select else ()) for column in one.find_all(exp.Column)]
    else:
        found = list(node.find_all(exp.Column))
    return [reference for column in found if (reference := reading.names.resolve(column))]


def _constants(node: exp.Expression, reading: Reading) -> list[Cell]:
    """Return the literals of an operand; double-quoted text that names nothing is text, as SQLite has it."""
    if isinstance(node, exp.Query | exp.Subquery):
        return []
    if isinstance(node, exp.Column):
        quoted = isinstance(node.this, exp.Identifier) and node.this.args.get("quoted") and not node.table
        return [node.name] if quoted and reading.names.resolve(node) is None else []
    if whole := constant(node):
        return list(whole)
    return [value for child in node.iter_expressions() for value in _constants(child, reading)]


def _is_dated(node: exp.Expression) -> bool:
    if isinstance(node, exp.Column):
        return False
    return node.find(*_DATE_NODES) is not None or any(word in node.sql("sqlite").lower() for word in _DATE_WORDS)


def _negated(node: exp.Expression) -> bool:
    return bool(node.args.get("negate")) or isinstance(node.parent, exp.Not)


def _sizes(node: exp.Expression | None) -> list[int]:
    return [] if node is None else [size for value in constant(node) for size in _as_size(value)]


def _as_size(value: Cell) -> list[int]:
    try:
        number = int(value) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return []
    return [number] if 0 < number <= _MOST_ROWS else []
