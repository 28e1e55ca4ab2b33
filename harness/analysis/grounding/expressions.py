"""The names inside an expression: columns, functions, sub-queries."""

from sqlglot import exp

from harness.analysis.grounding.identifiers import column_path, is_double_quoted, text_of, written_path
from harness.analysis.grounding.joins import open_table
from harness.analysis.grounding.queries import Queries
from harness.analysis.grounding.quoting import is_double_quoted_value
from harness.analysis.grounding.sources import Scope, look_up
from harness.execution.build import installed_functions

__all__ = ["resolve_expression"]

_LEAVES = (exp.Literal, exp.Identifier, exp.DataType, exp.Star, exp.Var, exp.Null, exp.Boolean)
# Operators that SQLite implements by a function of the same name, which may be absent.
_OPERATORS = {"regexplike": "REGEXP", "match": "MATCH", "glob": "GLOB"}


def resolve_expression(node: exp.Expression, scope: Scope, queries: Queries) -> None:
    """Look up every name in an expression."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _LEAVES):
            continue
        if isinstance(one, exp.Column):
            _resolve_column(one, scope, queries)
        elif isinstance(one, exp.Query | exp.Values):
            queries.resolve_query(one, scope.definitions, scope)
        else:
            waiting += reversed(_operands(one, scope, queries))


def _operands(node: exp.Expression, scope: Scope, queries: Queries) -> list[exp.Expression]:
    """Return the parts of a node that are expressions, after looking up the name of the node itself."""
    if isinstance(node, exp.Dot):
        _resolve_column(node, scope, queries)
        return []
    if isinstance(node, exp.In) and node.args.get("field") is not None:
        _resolve_table_operand(node.args["field"], scope, queries)
        return [node.this]
    if isinstance(node, exp.Cast | exp.Collate):
        return [node.this]
    if isinstance(node, exp.Window):
        rest = [*(node.args.get("partition_by") or ()), node.args.get("order"), node.args.get("spec")]
        return [node.this, *(one for one in rest if one is not None)]
    if isinstance(node, exp.Alias):
        return [node.this]
    _resolve_function(node, queries)
    return list(node.iter_expressions())


def _resolve_column(node: exp.Expression, scope: Scope, queries: Queries) -> None:
    path = column_path(node)
    if path is None:
        return
    found = look_up(path, scope)
    findings = queries.findings
    if found is None:
        if is_double_quoted(node, queries.sql):
            if findings.names.owners(path.name) or not is_double_quoted_value(node, queries.sql):
                findings.miss_quoted(text_of(node.this), scope)
        else:
            findings.miss_column(path, written_path(node), scope)
    elif len(found.candidates) > 1:
        findings.doubt_column(path, written_path(node), found.candidates)
    elif found.origin:
        findings.columns.add(found.origin)


def _resolve_table_operand(field: exp.Expression, scope: Scope, queries: Queries) -> None:
    """Look up the table of `x IN table`, or the function of `x IN function(…)`."""
    if isinstance(field, exp.Column | exp.Literal):
        path = column_path(field)
        if path is not None:
            inside = Scope(outer=scope, definitions=scope.definitions)
            source = open_table(path, written_path(field), inside, queries)
            queries.findings.columns.update(origin for origin in source.columns.values() if origin)
    else:
        resolve_expression(field, scope, queries)


def _resolve_function(node: exp.Expression, queries: Queries) -> None:
    if isinstance(node, exp.Anonymous):
        name = node.this if isinstance(node.this, str) else text_of(node.this)
    else:
        name = _OPERATORS.get(node.key, "")
    if name and name.lower() not in installed_functions():
        queries.findings.miss_function(name)
