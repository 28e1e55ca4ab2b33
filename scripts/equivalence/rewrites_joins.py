"""Rewrites of joins: order, kind, conditions, joins too many or too few; some keep the meaning, some don't."""
# ruff: noqa: PLR2004 - shares of a draw, which is no secret

from random import Random
from typing import Any

from rewrites_predicates import pick, put
from sqlglot import exp

__all__ = ["JOIN_REWRITES"]


def swap_join(tree: Any, random: Random) -> Any:
    """Exchange the table of FROM with the one of the first join, whatever kind of join it is."""
    select = pick(tree, random, exp.Select, test=lambda one: bool(one.args.get("joins")))
    if select is None:
        return None
    start, join = select.args["from_"], random.choice(select.args["joins"])
    first, second = start.this.copy(), join.this.copy()
    start.set("this", second)
    join.set("this", first)
    return tree


def reorder_joins(tree: Any, random: Random) -> Any:
    """Exchange two joins."""
    select = pick(tree, random, exp.Select, test=lambda one: len(one.args.get("joins") or ()) > 1)
    if select is None:
        return None
    joins = [join.copy() for join in select.args["joins"]]
    random.shuffle(joins)
    select.set("joins", joins)
    return tree


def on_to_where(tree: Any, random: Random) -> Any:
    """Move a join's condition to WHERE, leaving a comma, a cross join or the join as it is."""
    select = pick(
        tree, random, exp.Select, test=lambda one: any(join.args.get("on") for join in one.args.get("joins") or ())
    )
    if select is None:
        return None
    join = random.choice([join for join in select.args["joins"] if join.args.get("on")])
    condition = join.args["on"].copy()
    join.set("on", None)
    if random.random() < 0.5 and not join.args.get("side"):
        join.set("kind", random.choice((None, "CROSS")))
    elif join.args.get("side"):
        join.set("on", exp.true())
    select.where(condition, copy=False)
    return tree


def where_to_on(tree: Any, random: Random) -> Any:
    """Move the WHERE condition to a join's ON."""
    select = pick(tree, random, exp.Select, test=lambda one: bool(one.args.get("where") and one.args.get("joins")))
    if select is None:
        return None
    join, condition = random.choice(select.args["joins"]), select.args["where"].this.copy()
    old = join.args.get("on")
    join.set("on", exp.and_(old.copy(), condition) if old else condition)
    if random.random() < 0.8:
        select.set("where", None)
    return tree


def change_join(tree: Any, random: Random) -> Any:
    """Make an inner join a left join or the other way round."""
    join = pick(tree, random, exp.Join)
    if join is None:
        return None
    outer = not join.args.get("side")
    join.set("side", "LEFT" if outer else None)
    join.set("kind", None if outer else "INNER")
    return tree


def join_partner(tree: Any, random: Random) -> Any:
    """Write a column as the one that it is joined with."""
    joins = [join.args["on"] for join in tree.find_all(exp.Join) if isinstance(join.args.get("on"), exp.EQ)]
    pairs = [
        (on.this, on.expression)
        for on in joins
        if isinstance(on.this, exp.Column) and isinstance(on.expression, exp.Column)
    ]
    random.shuffle(pairs)
    for left, right in pairs:
        for here, there in ((left, right), (right, left)):
            uses = [one for one in tree.find_all(exp.Column) if one == here and one.find_ancestor(exp.Join) is None]
            if uses:
                return put(tree, random.choice(uses), there.copy())
    return None


def lose_join(tree: Any, random: Random) -> Any:
    """Drop a join, hoping that nothing needs it."""
    select = pick(tree, random, exp.Select, test=lambda one: bool(one.args.get("joins")))
    if select is None:
        return None
    join = random.choice(select.args["joins"])
    alias = join.this.alias_or_name.lower()
    join.pop()
    used = any(column.table.lower() == alias for column in select.find_all(exp.Column))
    return None if used else tree


def add_self_join(tree: Any, random: Random) -> Any:
    """Join a table with itself on one of the columns that the query reads: harmless where that is a key."""
    found = _table_and_column(tree, random)
    if found is None:
        return None
    select, table, column = found
    side = random.choice(("INNER", "LEFT"))
    on = exp.EQ(this=column.copy(), expression=exp.column(column.this.copy(), table="again"))
    return put(tree, select, select.copy().join(exp.alias_(_bare(table), "again", table=True), on=on, join_type=side))


def add_filter_of_partner(tree: Any, random: Random) -> Any:
    """Make an inner join a left join whose partner must not be NULL."""
    select = pick(
        tree,
        random,
        exp.Select,
        test=lambda one: any(not join.args.get("side") for join in one.args.get("joins") or ()),
    )
    if select is None:
        return None
    join = random.choice([join for join in select.args["joins"] if not join.args.get("side")])
    on, alias = join.args.get("on"), join.this.alias_or_name.lower()
    columns = [one for one in on.find_all(exp.Column) if one.table.lower() == alias] if on is not None else []
    if not columns:
        return None
    join.set("side", "LEFT")
    join.set("kind", None)
    select.where(exp.Not(this=exp.Is(this=random.choice(columns).copy(), expression=exp.null())), copy=False)
    return tree


def on_to_using(tree: Any, random: Random) -> Any:
    """Write ON with columns of one name as USING, or the join as NATURAL."""
    join = pick(tree, random, exp.Join, test=lambda one: isinstance(one.args.get("on"), exp.EQ))
    if join is None:
        return None
    left, right = join.args["on"].this, join.args["on"].expression
    if not (isinstance(left, exp.Column) and isinstance(right, exp.Column) and left.name.lower() == right.name.lower()):
        return None
    join.set("on", None)
    if random.random() < 0.8:
        join.set("using", [exp.to_identifier(left.name, quoted=True)])
    else:
        join.set("method", "NATURAL")
    return tree


def exists_instead(tree: Any, random: Random) -> Any:
    """Add an EXISTS that looks for the row itself, or for another one with the same value."""
    found = _table_and_column(tree, random)
    if found is None:
        return None
    select, table, column = found
    inner = exp.select(exp.Literal.number(1)).from_(exp.alias_(_bare(table), "inner_one", table=True))
    inner = inner.where(exp.EQ(this=exp.column(column.this.copy(), table="inner_one"), expression=column.copy()))
    return put(tree, select, select.copy().where(exp.Exists(this=inner)))


def _table_and_column(tree: Any, random: Random) -> tuple[Any, Any, Any] | None:
    """Return a SELECT, a table of its FROM and a column of that table that it reads."""
    select = pick(tree, random, exp.Select, test=lambda one: isinstance(_first(one), exp.Table))
    if select is None:
        return None
    table = _first(select)
    alias = table.alias_or_name.lower()
    single = not select.args.get("joins")
    columns = [one for one in select.find_all(exp.Column) if one.table.lower() == alias or (single and not one.table)]
    columns = [one for one in columns if not isinstance(one.this, exp.Star)]
    if not columns:
        return None
    column = exp.column(random.choice(columns).this.copy(), table=alias)
    return select, table, column


def _first(select: Any) -> Any:
    start = select.args.get("from_")
    return start.this if start is not None else None


def _bare(table: Any) -> Any:
    return exp.Table(this=table.this.copy())


JOIN_REWRITES = (
    *(swap_join, reorder_joins, on_to_where, where_to_on, change_join, join_partner, lose_join, add_self_join),
    *(add_filter_of_partner, on_to_using, exists_instead),
)
