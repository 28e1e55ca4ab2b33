"""The FROM clause: which sources it brings into scope, and what USING and NATURAL demand of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from harness.analysis.grounding.dialect import part
from harness.analysis.grounding.identifiers import text_of
from harness.analysis.grounding.names import fold
from harness.analysis.grounding.queries import Queries
from harness.analysis.grounding.sources import Path, Scope, Source
from harness.analysis.grounding.tables import (
    built_in_source,
    derived_source,
    function_source,
    schema_source,
    unknown_source,
)
from harness.execution.build import numbers_subqueries

__all__ = ["FromClause", "open_table", "read_from"]


@dataclass(slots=True)
class FromClause:
    """The sources in order, and the expressions that SQLite looks up together with WHERE: ON, function arguments."""

    sources: list[Source] = field(default_factory=list)
    conditions: list[exp.Expression] = field(default_factory=list)


def read_from(select: exp.Expression, around: Scope, queries: Queries) -> FromClause:
    """Read the FROM clause of a SELECT; `around` holds the enclosing scope and the definitions in force."""
    clause = FromClause()
    first = part(select, "from")
    if first is not None:
        clause = _read_term(first.this, around, queries)
        _read_joins(select, clause, around, queries)
    return clause


def open_table(path: Path, written: str, around: Scope, queries: Queries) -> Source:
    """Return what a table's name means, noting that it is read, or that it does not exist.

    `path.name` is the table, `path.qualifier` its database.
    """
    found = around.definitions.find(path.name) if around.definitions and not path.qualifier else None
    if found is not None:
        cte, definitions = found
        output = queries.resolve_definition(cte, definitions, around.outer)
        return derived_source(output, has_rowid=False).renamed(written)
    source = None
    if path.qualifier in ("", "main"):
        source = schema_source(path.name, queries.findings.names)
    if source is not None:
        queries.findings.tables.add(path.name)
        return source
    source = built_in_source(path.name)
    if source is not None and path.qualifier in ("", source.database):
        return source
    source = function_source(path.name) if path.qualifier in ("", "main") else None
    if source is not None:
        return source
    queries.findings.miss_table(written, around.definitions)
    return unknown_source(path.name)


def _read_term(node: exp.Expression, around: Scope, queries: Queries) -> FromClause:
    if isinstance(node, exp.Table):
        clause = _read_table(node, around, queries)
    elif _is_group(node):
        clause = _read_term(node.this, around, queries)
    elif isinstance(node, exp.Query | exp.Values):
        output = queries.resolve_query(node, around.definitions, around.outer)
        clause = FromClause([derived_source(output, has_rowid=numbers_subqueries())])
    else:
        clause = FromClause([unknown_source("")])  # syntax of other systems, such as LATERAL: no matter of names
    alias = text_of(getattr(node.args.get("alias"), "this", None))
    several = len(clause.sources) > 1
    if alias:
        clause.sources = [source.renamed(alias, also=several) for source in clause.sources]
    _read_joins(node, clause, around, queries)
    if several or len(clause.sources) > 1:
        _resolve_group(clause, around, queries)
    return clause


def _is_group(node: object) -> bool:
    """Whether a term is a pair of parentheses around other terms, and no query."""
    if not isinstance(node, exp.Subquery):
        return False
    inner = node.this
    return isinstance(inner, exp.Table) or (
        isinstance(inner, exp.Subquery) and bool(inner.args.get("joins") or inner.args.get("alias") or _is_group(inner))
    )


def _read_table(node: exp.Table, around: Scope, queries: Queries) -> FromClause:
    call = node.this
    if isinstance(call, exp.Anonymous):
        name = call.this if isinstance(call.this, str) else text_of(call.this)
        source = open_table(Path(fold(name)), name, around, queries)
        return FromClause([source], list(call.expressions))
    name, database = text_of(call), text_of(node.args.get("db"))
    written = f"{database}.{name}" if database else name
    return FromClause([open_table(Path(fold(name), fold(database)), written, around, queries)])


def _read_joins(node: exp.Expression, clause: FromClause, around: Scope, queries: Queries) -> None:
    joins = node.args.get("joins") or ()
    sides = [str(join.args.get("side") or "").upper() for join in joins]
    coalesces = not {"RIGHT", "FULL"}.isdisjoint(sides)
    for join, side in zip(joins, sides, strict=True):
        right = _read_term(join.this, around, queries)
        using = [text_of(name) for name in join.args.get("using") or ()]
        if str(join.args.get("method") or "").upper() == "NATURAL":
            using = [*using, *_shared(clause.sources, right.sources)]
        for name in using:
            left_owners = _use(name, clause.sources, queries)
            _use(name, right.sources, queries)
            if coalesces and len(left_owners) > 1:
                # SQLite must know which left table a RIGHT or FULL JOIN fills up, and only then.
                queries.findings.doubt_column(Path(fold(name)), name, left_owners)
        clause.sources += [source.joined(map(fold, using), side) for source in right.sources]
        clause.conditions += right.conditions
        if join.args.get("on") is not None:
            clause.conditions.append(join.args["on"])


def _shared(left: Sequence[Source], right: Sequence[Source]) -> list[str]:
    """Return the columns by which NATURAL joins."""
    known = {name for source in left for name in source.columns if name not in source.hidden}
    return [name for source in right for name in source.columns if name in known and name not in source.hidden]


def _use(name: str, sources: Sequence[Source], queries: Queries) -> list[Source]:
    """Look up a column of USING on one side; returns the sources there that have one of their own."""
    path = Path(fold(name))
    owners = [source for source in sources if source.has(path.name)]
    if owners:
        origin = owners[0].columns.get(path.name)
        if origin:
            queries.findings.columns.add(origin)
    elif not any(source.anything for source in sources):
        queries.findings.miss_column(path, name, Scope(tuple(sources)))
    return owners[:1] + [source for source in owners[1:] if path.name not in source.using]


def _resolve_group(clause: FromClause, around: Scope, queries: Queries) -> None:
    """Look up the conditions between parentheses, which see nothing of the terms beside them."""
    scope = Scope(tuple(clause.sources), outer=around.outer, definitions=around.definitions)
    for condition in clause.conditions:
        queries.resolve_expression(condition, scope)
    clause.conditions = []
