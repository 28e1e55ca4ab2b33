"""Rewrites between sub-queries, joins, set operations and projections."""

# ruff: noqa: PLR2004 - shares of a draw, which is no secret

from random import Random
from typing import Any

from rewrites_predicates import pick, put
from sqlglot import exp

__all__ = ["SUBQUERY_REWRITES"]


def in_to_exists(tree: Any, random: Random) -> Any:
    """Write `x IN (SELECT y …)` as EXISTS; under NOT the two differ on NULL."""
    node = pick(tree, random, exp.In, test=lambda one: isinstance(_inner(one), exp.Select))
    if node is None:
        return None
    inner = _inner(node).copy()
    target = inner.expressions[0].unalias().copy()
    if inner.args.get("group") or inner.args.get("limit") or target.find(exp.AggFunc):
        return None
    inner.where(exp.EQ(this=target, expression=node.this.copy()), copy=False)
    inner.set("expressions", [exp.Literal.number(1)])
    return put(tree, node, exp.Exists(this=inner))


def in_to_join(tree: Any, random: Random) -> Any:
    """Write `x IN (SELECT y …)` as a join with the sub-query, with DISTINCT or without."""
    node = pick(
        tree,
        random,
        exp.In,
        test=lambda one: isinstance(_inner(one), exp.Select) and not isinstance(one.parent, exp.Not),
    )
    select = node.find_ancestor(exp.Select) if node is not None else None
    if node is None or select is None:
        return None
    inner = _inner(node).copy()
    inner.set("expressions", [exp.alias_(inner.expressions[0].unalias().copy(), "joined_key")])
    inner.set("distinct", exp.Distinct() if random.random() < 0.6 else None)
    on = exp.EQ(this=node.this.copy(), expression=exp.column("joined_key", table="joined"))
    node.replace(exp.true())
    select.join(inner.subquery("joined"), on=on, join_type="INNER", copy=False)
    return tree


def join_to_in(tree: Any, random: Random) -> Any:
    """Write a join whose table is only used in its ON and in WHERE as IN: duplicates differ."""
    select = pick(tree, random, exp.Select, test=lambda one: len(one.args.get("joins") or ()) == 1)
    if select is None:
        return None
    join = select.args["joins"][0]
    on, alias = join.args.get("on"), join.this.alias_or_name.lower()
    if not isinstance(on, exp.EQ) or not all(isinstance(side, exp.Column) for side in (on.this, on.expression)):
        return None
    theirs, ours = (on.this, on.expression) if on.this.table.lower() == alias else (on.expression, on.this)
    if any(column.table.lower() == alias for one in select.expressions for column in one.find_all(exp.Column)):
        return None
    inner = exp.select(theirs.copy()).from_(join.this.copy())
    where = select.args.get("where")
    kept = []
    for condition in (
        where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []
    ):
        tables = {column.table.lower() for column in condition.find_all(exp.Column)}
        if tables == {alias}:
            inner.where(condition.copy(), copy=False)
        else:
            kept.append(condition.copy())
    membership = exp.In(this=ours.copy(), query=inner.subquery())
    select.set("joins", [])
    select.set("where", exp.Where(this=exp.and_(*kept, membership)))
    return tree


def distinct_in_list(tree: Any, random: Random) -> Any:
    """Add DISTINCT or ORDER BY to the sub-query of an IN."""
    node = pick(tree, random, exp.In, test=lambda one: isinstance(_inner(one), exp.Select))
    if node is None:
        return None
    inner = _inner(node)
    if random.random() < 0.5:
        inner.set("distinct", None if inner.args.get("distinct") else exp.Distinct())
    else:
        inner.order_by(exp.Literal.number(1), copy=False)
    return tree


def change_set_operation(tree: Any, random: Random) -> Any:
    """Swap the sides of a set operation, or turn UNION into UNION ALL and back."""
    node = pick(tree, random, exp.SetOperation)
    if node is None:
        return None
    if random.random() < 0.4 and isinstance(node, exp.Union):
        node.set("distinct", not node.args.get("distinct"))
        return tree
    left, right = node.this.copy(), node.expression.copy()
    node.set("this", right)
    node.set("expression", left)
    return tree


def set_operation_to_condition(tree: Any, random: Random) -> Any:
    """Write UNION of the same source as OR, INTERSECT as AND, EXCEPT as AND NOT."""
    node = pick(
        tree,
        random,
        exp.SetOperation,
        test=lambda one: all(isinstance(side, exp.Select) for side in (one.this, one.expression)),
    )
    if node is None or not all(side.args.get("where") for side in (node.this, node.expression)):
        return None
    first, second = node.this.args["where"].this.copy(), node.expression.args["where"].this.copy()
    joined = {"union": exp.or_(first, second), "intersect": exp.and_(first, second)}
    select = node.this.copy()
    select.set("where", exp.Where(this=joined.get(node.key, exp.and_(first, exp.not_(second)))))
    if random.random() < 0.7:
        select.set("distinct", exp.Distinct())
    return put(tree, node, select)


def or_to_union(tree: Any, random: Random) -> Any:
    """Write a top-level OR as UNION (ALL)."""
    if not isinstance(tree, exp.Select) or tree.args.get("order") or tree.args.get("limit"):
        return None
    where = tree.args.get("where")
    if where is None or not isinstance(where.this, exp.Or):
        return None
    sides = []
    for condition in (where.this.this, where.this.expression):
        side = tree.copy()
        side.set("where", exp.Where(this=condition.copy()))
        sides.append(side)
    return exp.union(*sides, distinct=random.random() < 0.7)


def alias_projections(tree: Any, random: Random) -> Any:
    """Give every result column a name, sometimes that of a column of the tables."""
    if not isinstance(tree, exp.Select) or tree.is_star:
        return None
    column = pick(tree, random, exp.Column)
    name = column.name if column is not None and random.random() < 0.3 else ""
    plain = [one.unalias().copy() for one in tree.expressions]
    tree.set("expressions", [exp.alias_(one, name or f"result_{i}", quoted=True) for i, one in enumerate(plain)])
    return tree


def reorder_projections(tree: Any, random: Random) -> Any:
    """Swap result columns, or return one of them twice."""
    if not isinstance(tree, exp.Select) or len(tree.expressions) < 2:
        return None
    columns = [one.copy() for one in tree.expressions]
    random.shuffle(columns)
    tree.set("expressions", columns)
    return tree


def scalar_sub_query(tree: Any, random: Random) -> Any:
    """Write a constant or a column as a sub-query that returns it."""
    node = pick(
        tree, random, exp.Literal, exp.Column, test=lambda one: isinstance(one.parent, exp.EQ | exp.GT | exp.LT)
    )
    if node is None:
        return None
    return put(tree, node, exp.select(node.copy()).subquery())


def cte_of_sub_query(tree: Any, random: Random) -> Any:
    """Name a derived table with WITH."""
    node = pick(
        tree, random, exp.Subquery, test=lambda one: bool(one.alias) and isinstance(one.parent, exp.From | exp.Join)
    )
    if node is None or not isinstance(tree, exp.Select) or tree.args.get("with_"):
        return None
    name, inner = node.alias, node.this.copy()
    node.replace(exp.to_table(name))
    return tree.with_(name, as_=inner)


def aggregate_of_distinct(tree: Any, random: Random) -> Any:
    """Put DISTINCT inside of an aggregate, or take it out: MIN and MAX don't mind."""
    node = pick(
        tree,
        random,
        exp.Max,
        exp.Min,
        exp.Sum,
        exp.Avg,
        exp.Count,
        test=lambda one: isinstance(one.this, exp.Expression),
    )
    if node is None or isinstance(node.this, exp.Star):
        return None
    inner = node.this
    new = inner.expressions[0].copy() if isinstance(inner, exp.Distinct) else exp.Distinct(expressions=[inner.copy()])
    node.set("this", new)
    return tree


def date_part(tree: Any, random: Random) -> Any:
    """Write `strftime('%Y', d) = '1990'` as SUBSTR, LIKE or a range."""
    node = pick(
        tree,
        random,
        exp.EQ,
        test=lambda one: isinstance(one.this, exp.TimeToStr) and isinstance(one.expression, exp.Literal),
    )
    if node is None:
        return None
    column, year = node.this.find(exp.Column), str(node.expression.this)
    if column is None:
        return None
    four = exp.func("SUBSTR", column.copy(), exp.Literal.number(1), exp.Literal.number(4))
    ends = {"low": exp.Literal.string(f"{year}-01-01"), "high": exp.Literal.string(f"{year}-12-31")}
    options = [
        exp.EQ(this=four, expression=exp.Literal.string(year)),
        exp.Like(this=column.copy(), expression=exp.Literal.string(f"{year}%")),
        exp.Between(this=column.copy(), **ends),
        exp.EQ(this=exp.Cast(this=node.this.copy(), to=exp.DataType.build("INT")), expression=exp.Literal.number(year)),
    ]
    return put(tree, node, random.choice(options))


def _inner(node: Any) -> Any:
    query = node.args.get("query")
    return query.this if isinstance(query, exp.Subquery) else query


SUBQUERY_REWRITES = (
    *(in_to_exists, in_to_join, join_to_in, distinct_in_list, change_set_operation, set_operation_to_condition),
    *(or_to_union, alias_projections, reorder_projections, scalar_sub_query, cte_of_sub_query),
    *(aggregate_of_distinct, date_part),
)
