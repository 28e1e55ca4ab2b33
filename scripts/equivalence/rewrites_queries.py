"""Rewrites of whole queries: names, aggregates, DISTINCT, ORDER BY, GROUP BY; some keep the meaning, some don't."""

# ruff: noqa: PLR2004 - shares of a draw, which is no secret

from random import Random
from typing import Any

from rewrites_predicates import pick, put
from sqlglot import exp

__all__ = ["QUERY_REWRITES"]


def _select(tree: Any, random: Random) -> Any:
    return pick(tree, random, exp.Select)


def rename_aliases(tree: Any, random: Random) -> Any:
    """Give every table another alias, sometimes the name of another table or column."""
    tables = [node for node in tree.find_all(exp.Table) if node.alias]
    if not tables:
        return None
    names = {table.alias.lower(): f"x{number}" for number, table in enumerate(tables)}
    if random.random() < 0.2:
        names[tables[0].alias.lower()] = tables[-1].name
    for table in tables:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(names[table.alias.lower()])))
    for column in tree.find_all(exp.Column):
        if column.table.lower() in names:
            column.set("table", exp.to_identifier(names[column.table.lower()]))
    return tree


def drop_aliases(tree: Any, random: Random) -> Any:
    """Write columns without their tables."""
    columns = [node for node in tree.find_all(exp.Column) if node.table]
    for column in columns if random.random() < 0.5 else columns[:1]:
        column.set("table", None)
    return tree if columns else None


def change_case(tree: Any, random: Random) -> Any:
    """Change the case of identifiers, or quote them."""
    quoted = random.random() < 0.5
    for node in list(tree.find_all(exp.Identifier)):
        node.set("this", str(node.this).swapcase())
        node.set("quoted", quoted or node.args.get("quoted"))
    return tree


def change_distinct(tree: Any, random: Random) -> Any:
    """Add or drop DISTINCT."""
    select = _select(tree, random)
    if select is None:
        return None
    select.set("distinct", None if select.args.get("distinct") else exp.Distinct())
    return tree


def change_count(tree: Any, random: Random) -> Any:
    """Write COUNT(*) for COUNT(column), COUNT(column) for COUNT(*), with DISTINCT, as SUM of a CASE."""
    node = pick(tree, random, exp.Count)
    if node is None:
        return None
    column = pick(tree, random, exp.Column, test=lambda one: not isinstance(one.this, exp.Star))
    options = [exp.Count(this=exp.Star()), exp.Count(this=exp.Literal.number(1))]
    inner = node.this if isinstance(node.this, exp.Column) else column
    if inner is not None:
        filled = exp.Not(this=exp.Is(this=inner.copy(), expression=exp.null()))
        branch = exp.If(this=filled, true=exp.Literal.number(1))
        options += [
            exp.Count(this=inner.copy()),
            exp.Count(this=exp.Distinct(expressions=[inner.copy()])),
            exp.Sum(this=exp.Case(ifs=[branch], default=exp.Literal.number(0))),
        ]
    return put(tree, node, random.choice(options))


def count_of_case(tree: Any, random: Random) -> Any:
    """Write SUM(CASE … THEN 1 ELSE 0 END) as COUNT(CASE … THEN 1 END), and COUNT as SUM."""
    node = pick(tree, random, exp.Sum, exp.Count, test=lambda one: isinstance(one.this, exp.Case | exp.If))
    if node is None:
        return None
    inner = node.this.copy()
    key = "default" if isinstance(inner, exp.Case) else "false"
    if isinstance(node, exp.Sum):
        inner.set(key, exp.null() if random.random() < 0.8 else inner.args.get(key))
        return put(tree, node, exp.Count(this=inner))
    inner.set(key, exp.Literal.number(0))
    return put(tree, node, exp.Sum(this=inner))


def change_order(tree: Any, random: Random) -> Any:
    """Turn the direction of a key, drop a key or all of them, add one, write it as an ordinal or an alias."""
    order = pick(tree, random, exp.Order)
    if order is None:
        select = tree if isinstance(tree, exp.Select) else None
        return select.order_by(exp.Literal.number(1), copy=False) if select is not None and select.expressions else None
    key, chosen = random.choice(order.expressions), random.randrange(5)
    if chosen == 0:
        key.set("desc", not key.args.get("desc"))
    elif chosen == 1:
        order.pop()
    elif chosen == 2:
        key.set("this", exp.Literal.number(1))
    elif chosen == 3:
        order.append("expressions", exp.Ordered(this=exp.Literal.number(1), nulls_first=True))
    else:
        order.append("expressions", key.copy())
    return tree


def change_limit(tree: Any, random: Random) -> Any:
    """Drop a LIMIT, write it with OFFSET 0, or add one that is huge."""
    limit = pick(tree, random, exp.Limit)
    if limit is None:
        return tree.limit(10**6, copy=False) if isinstance(tree, exp.Select) else None
    if random.random() < 0.5:
        limit.parent.set("offset", exp.Offset(expression=exp.Literal.number(0)))
    else:
        limit.pop()
    return tree


def extreme(tree: Any, random: Random) -> Any:
    """Write `ORDER BY x DESC LIMIT 1` as `WHERE x = (SELECT MAX(x) …)`: ties, NULL and emptiness differ."""
    select = pick(
        tree,
        random,
        exp.Select,
        test=lambda one: bool(one.args.get("order") and one.args.get("limit") and not one.args.get("group")),
    )
    if select is None:
        return None
    key = select.args["order"].expressions[0]
    if not isinstance(key, exp.Ordered):
        return None
    extremum = exp.Max if key.args.get("desc") else exp.Min
    inner = select.copy()
    for part in ("order", "limit", "offset"):
        select.set(part, None)
        inner.set(part, None)
    inner.set("expressions", [extremum(this=key.this.copy())])
    if len(select.expressions) == 1 and select.expressions[0] == key.this and random.random() < 0.7:
        select.set("expressions", [extremum(this=key.this.copy())])
        return tree
    select.where(exp.EQ(this=key.this.copy(), expression=inner.subquery()), copy=False)
    return tree


def derived_table(tree: Any, random: Random) -> Any:
    """Read a table through `(SELECT * FROM t)`, or the whole query through `SELECT * FROM (…)` or a CTE."""
    if random.random() < 0.5:
        table = pick(tree, random, exp.Table)
        if table is None:
            return None
        inner = exp.select("*").from_(
            exp.to_table(table.name, dialect="sqlite") if table.name.isidentifier() else table.copy()
        )
        if random.random() < 0.2:
            inner = inner.distinct()
        return put(tree, table, inner.subquery(table.alias_or_name))
    if not isinstance(tree, exp.Select):
        return None
    if random.random() < 0.5 or tree.args.get("with_"):
        return exp.select("*").from_(tree.subquery("whole"))
    return exp.select("*").from_("whole").with_("whole", as_=tree)


def group_and_distinct(tree: Any, random: Random) -> Any:
    """Write DISTINCT as GROUP BY, GROUP BY without aggregates as DISTINCT, or add a key to GROUP BY."""
    select = _select(tree, random)
    if select is None:
        return None
    group = select.args.get("group")
    plain = [one.this if isinstance(one, exp.Alias) else one for one in select.expressions]
    if select.args.get("distinct") and group is None:
        select.set("distinct", None)
        select.set("group", exp.Group(expressions=[one.copy() for one in plain]))
        return tree
    if group is None:
        return None
    if random.random() < 0.5 and not any(one.find(exp.AggFunc) for one in plain) and not select.args.get("having"):
        select.set("group", None)
        select.set("distinct", exp.Distinct())
    else:
        columns = [one for one in plain if isinstance(one, exp.Column)]
        column = random.choice(columns) if columns else pick(select, random, exp.Column)
        group.append("expressions", column.copy())
    return tree


def having_to_where(tree: Any, random: Random) -> Any:
    """Move a HAVING to WHERE, or a WHERE to HAVING."""
    select = pick(tree, random, exp.Select, test=lambda one: bool(one.args.get("group")))
    if select is None:
        return None
    having, where = select.args.get("having"), select.args.get("where")
    if having is not None and having.find(exp.AggFunc) is None:
        select.set("having", None)
        return put(tree, select, select.copy().where(having.this.copy()))
    if where is None:
        return None
    select.set("where", None)
    return put(tree, select, select.copy().having(where.this.copy()))


QUERY_REWRITES = (
    *(rename_aliases, drop_aliases, change_case, change_distinct, change_count, count_of_case, change_order),
    *(change_limit, extreme, derived_table, group_and_distinct, having_to_where),
)
