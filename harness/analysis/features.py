"""Which features of SQL a query uses: slices along which two systems can be compared.

Features describe the statement as it is written, not what it means: `a, b WHERE a.x = b.x` has one join, and
`WHERE x IN (1)` none. Not covered: the body of a view.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["FEATURES", "features"]

FEATURES = (
    "no_join",
    "one_join",
    "two_joins",
    "three_joins_or_more",
    "outer_join",
    "self_join",
    "flat",
    "subquery_in_from",
    "subquery_in_where",
    "subquery_in_select",
    "correlated",
    "cte",
    "set_operation",
    "aggregate",
    "group_by",
    "having",
    "window",
    "distinct",
    "order_by",
    "limit",
    "case",
    "cast",
    "date_function",
    "like",
    "in_list",
    "null_test",
    "division",
    "unreadable",
)
"""Every feature there is.

- joins are added up over the whole statement: explicit ones and commas; exactly one of the four holds
- `outer_join`: LEFT, RIGHT or FULL; `self_join`: one FROM names a table twice
- `flat`: no query inside of the query; `subquery_in_where` is one in WHERE, HAVING or a join's ON, `subquery_in_select`
  one in the projection, ORDER BY or GROUP BY; `correlated`: one that writes `t.column` of a table around it
- `aggregate` also without GROUP BY; `window`: OVER; `distinct`: SELECT DISTINCT or COUNT(DISTINCT …); `limit` also
  counts OFFSET; `case`: CASE or IIF; `division`: `/`, as ratios and percentages use it
- `null_test`: IS NULL, IS NOT NULL, COALESCE, IFNULL or NULLIF
- `unreadable`: sqlglot cannot parse it as one query, then nothing else is listed
"""

_JOINS = FEATURES[:4]
_OUTER = frozenset({"LEFT", "RIGHT", "FULL"})
_DATE_NAMES = frozenset({"date", "time", "datetime", "julianday", "strftime", "unixepoch", "timediff"})
# What sqlglot does not know as an aggregate function.
_AGGREGATE_NAMES = frozenset({"total", "json_group_array", "json_group_object"})


@lru_cache(maxsize=8192)
def features(sql: str) -> tuple[str, ...]:
    """Return the features that `sql` uses, in the order of `FEATURES`; `("unreadable",)` for what is no query."""
    root = _parse(sql)
    if root is None:
        return ("unreadable",)
    found = {*_shape(root), *_clauses(root), *_operators(root)}
    return tuple(name for name in FEATURES if name in found)


def _parse(sql: str) -> "exp.Expr | None":
    from sqlglot import exp  # noqa: PLC0415 - 0.1 s: only those who ask for features pay for it
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    from harness.analysis.parsing import parse_statements  # noqa: PLC0415

    try:
        parsed = parse_statements(sql)
    except (SqlglotError, RecursionError):
        return None
    root = parsed[0] if len(parsed) == 1 else None
    while isinstance(root, exp.Subquery):
        root = root.this
    if isinstance(root, exp.Values):
        return root
    return root if isinstance(root, exp.Query) and root.selects else None


def _shape(root: "exp.Expr") -> Iterator[str]:
    """Yield how tables and queries are put together."""
    from sqlglot import exp  # noqa: PLC0415

    joins = list(root.find_all(exp.Join))
    yield _JOINS[min(len(joins), len(_JOINS) - 1)]
    if any(join.side in _OUTER for join in joins):
        yield "outer_join"
    if any(_names_table_twice(select) for select in root.find_all(exp.Select)):
        yield "self_join"
    places = {_place(query) for query in root.find_all(exp.Select, exp.SetOperation) if query is not root}
    inner = places - {"set_operation"}
    yield from inner or {"flat"}
    if root.find(exp.SetOperation):
        yield "set_operation"
    if inner and _is_correlated(root):
        yield "correlated"


def _names_table_twice(select: "exp.Select") -> bool:
    from sqlglot import exp  # noqa: PLC0415

    sources = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or ())]
    names = [source.this.name.lower() for source in sources if source and isinstance(source.this, exp.Table)]
    return len(set(names)) < len(names)


def _place(query: "exp.Expr") -> str:
    """Return the feature of a query inside another one; `set_operation` for one side of UNION and the like."""
    from sqlglot import exp  # noqa: PLC0415

    node, parent = query, query.parent
    while isinstance(parent, exp.Subquery) and isinstance(parent.parent, exp.SetOperation | exp.Subquery):
        node, parent = parent, parent.parent
    if isinstance(parent, exp.SetOperation):
        return "set_operation"
    while parent is not None and not isinstance(parent, exp.Select):
        if isinstance(parent, exp.CTE):
            return "cte"
        if isinstance(parent, exp.From) or (isinstance(parent, exp.Join) and node.arg_key == "this"):
            return "subquery_in_from"
        if isinstance(parent, exp.Where | exp.Having | exp.Join):
            return "subquery_in_where"
        node, parent = parent, parent.parent
    return "subquery_in_select"


def _is_correlated(root: "exp.Expr") -> bool:
    from sqlglot.errors import SqlglotError  # noqa: PLC0415
    from sqlglot.optimizer.scope import traverse_scope  # noqa: PLC0415

    try:
        scopes = [scope for scope in traverse_scope(root) if scope.is_correlated_subquery]
    except SqlglotError:  # a name that stands twice in one FROM
        return False
    # Without its table's name a column could be anybody's.
    return any(column.table for scope in scopes for column in scope.external_columns)


def _clauses(root: "exp.Expr") -> Iterator[str]:
    from sqlglot import exp  # noqa: PLC0415

    clauses = {
        "cte": exp.With,
        "group_by": exp.Group,
        "having": exp.Having,
        "window": exp.Window,
        "distinct": exp.Distinct,
        "limit": (exp.Limit, exp.Offset),
    }
    for name, types in clauses.items():
        if root.find(*(types if isinstance(types, tuple) else (types,))):
            yield name
    if any(not isinstance(order.parent, exp.Window) for order in root.find_all(exp.Order)):
        yield "order_by"
    if any(_aggregates(one) for one in root.find_all(exp.Func)):
        yield "aggregate"


def _aggregates(function: "exp.Func") -> bool:
    from sqlglot import exp  # noqa: PLC0415

    if not isinstance(function, exp.AggFunc) and function.name.lower() not in _AGGREGATE_NAMES:
        return False
    if isinstance(function, exp.Max | exp.Min) and function.expressions:
        return False  # MAX of several values in one row, as older versions of sqlglot read it
    parent = function.parent.parent if isinstance(function.parent, exp.Filter) else function.parent
    return not isinstance(parent, exp.Window)


def _operators(root: "exp.Expr") -> Iterator[str]:
    from sqlglot import exp  # noqa: PLC0415

    operators = {
        "case": (exp.Case, exp.If),
        "cast": (exp.Cast,),
        "like": (exp.Like, exp.ILike, exp.Glob),
        "division": (exp.Div,),
        "null_test": (exp.Coalesce, exp.Nullif),
    }
    for name, types in operators.items():
        if root.find(*types):
            yield name
    if any(isinstance(one.expression, exp.Null) for one in root.find_all(exp.Is)):
        yield "null_test"
    if any(one.expressions for one in root.find_all(exp.In)):
        yield "in_list"
    if any(_reads_the_calendar(one) for one in root.find_all(exp.Func)):
        yield "date_function"


def _reads_the_calendar(function: "exp.Func") -> bool:
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(function, exp.Anonymous):
        return function.name.lower() in _DATE_NAMES
    return isinstance(function, exp.Date | exp.Time | exp.TimeToStr | exp.TsOrDsToTimestamp)
