"""Numbers stored as text that a gold orders, compares or searches for their largest as text: there '9' is above '10'.

Looks at columns of tables where they stand bare: in ORDER BY, in MAX and MIN, beside a literal in a comparison. What is
stored decides: only columns whose text is mostly numbers, and only where text and numbers really come to other
orders, so that years and padded codes are not flagged.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from sqlglot import exp
from sqlglot.errors import SqlglotError

from harness.analysis.lint.flags import Flag
from harness.analysis.parsing import parse_statements
from harness.identifiers import quote
from harness.types import Execution, Schema

__all__ = ["lint_text_numbers"]

Run = Callable[[str], Execution]
_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*")
_MOSTLY = 0.5
_VALUES = 2_000
"""How many different values of a column are looked at."""


def lint_text_numbers(sql: str, schema: Schema, run: Run) -> Iterator[Flag]:
    """Yield a `text_as_number` flag for each use of a column that depends on its numbers being text."""
    tree = _parse(sql)
    if tree is None:
        return
    seen: set[tuple[str, str, str]] = set()
    for node, column in _uses(tree):
        place = _find_place(column, schema)
        if place is None:
            continue
        probe = _compare(node, place[1]) if isinstance(node, exp.Predicate) else ""
        if (*place, probe) in seen:
            continue
        seen.add((*place, probe))
        if example := _find_difference(place, probe, run):
            yield Flag("text_as_number", f"{node.sql('sqlite')}: {'.'.join(place)} holds numbers as text: {example}")


def _parse(sql: str) -> "exp.Expr | None":
    try:
        trees = parse_statements(sql)
    except (SqlglotError, RecursionError):
        return None
    return trees[0] if trees else None


def _uses(tree: "exp.Expr") -> "Iterator[tuple[exp.Expr, exp.Column]]":
    """Yield what orders or compares a bare column, and the column."""
    for order in tree.find_all(exp.Ordered, exp.Max, exp.Min):
        column = _resolve_alias(order.this)
        # Older versions of sqlglot read MAX of several values in one row as the aggregate, too.
        if isinstance(column, exp.Column) and not order.expressions:
            yield order, column
    for comparison in tree.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between):
        operands = list(comparison.iter_expressions())
        columns = [one for one in operands if isinstance(one, exp.Column)]
        if len(columns) == 1 and all(one is columns[0] or _is_number(one) for one in operands):
            yield comparison, columns[0]


def _resolve_alias(node: "exp.Expr") -> "exp.Expr":
    select = node.find_ancestor(exp.Select)
    if isinstance(node, exp.Column) and not node.table and select is not None:
        named: list[exp.Expr] = [item for item in select.expressions if item.alias.lower() == node.name.lower()]
        return named[0].unalias() if named else node
    return node


def _is_number(node: "exp.Expr") -> bool:
    if isinstance(node, exp.Neg):
        return _is_number(node.this)
    return isinstance(node, exp.Literal) and _NUMBER.fullmatch(node.name) is not None


def _find_place(column: exp.Column, schema: Schema) -> tuple[str, str] | None:
    """Return the table and column of the schema that a column is, None for one that a sub-query makes."""
    known = {table.name.lower(): table for table in schema.tables}
    root = column.root()
    made = {cte.alias.lower() for cte in root.find_all(exp.CTE)}
    select = column.find_ancestor(exp.Select)
    while select is not None:
        for source in _sources(select):
            table = known.get(source.name.lower())
            if table is None or table.name.lower() in made:
                continue
            if column.table and column.table.lower() != source.alias_or_name.lower():
                continue
            for one in table.columns:
                if one.name.lower() == column.name.lower():
                    return table.name, one.name
        select = select.find_ancestor(exp.Select)
    return None


def _sources(select: exp.Select) -> list[exp.Table]:
    clauses = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or ())]
    return [clause.this for clause in clauses if clause is not None and isinstance(clause.this, exp.Table)]


def _compare(node: "exp.Expr", column: str) -> str:
    """Return a comparison of the bare column as it stands, and as it would be of numbers: two result columns."""

    def plain(one: "exp.Expr") -> "exp.Expr":
        return exp.column(exp.to_identifier(column, quoted=True)) if isinstance(one, exp.Column) else one

    def numeric(one: "exp.Expr") -> "exp.Expr":
        if isinstance(one, exp.Column):
            return exp.cast(plain(one), "REAL")
        return exp.Literal.number(one.name.strip()) if isinstance(one, exp.Literal) else one

    return ", ".join(node.copy().transform(change).sql("sqlite") for change in (plain, numeric))


def _find_difference(place: tuple[str, str], probe: str, run: Run) -> str:
    """Return two values that change their order, or one whose comparison comes out otherwise; `""` for none."""
    table, column = (quote(name, '"') for name in place)
    what = ", ".join([column, *([probe] if probe else [])])
    texts = f"FROM {table} WHERE TYPEOF({column}) = 'text'"
    stored = run(f"SELECT DISTINCT {what} {texts} LIMIT {_VALUES}")
    numeric = [row for row in stored.rows if isinstance(row[0], str) and _NUMBER.fullmatch(row[0])]
    if not numeric or len(numeric) < _MOSTLY * len(stored.rows):
        return ""
    if probe:
        return next((f"{row[0]!r} comes out otherwise" for row in numeric if row[1] != row[2]), "")
    return _find_inversion([str(row[0]) for row in numeric])


def _find_inversion(values: Sequence[str]) -> str:
    ordered = sorted(values)
    for first, second in pairwise(ordered):
        if float(first) > float(second):
            return f"{first!r} comes before {second!r}"
    return ""
