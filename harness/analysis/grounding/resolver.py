"""Queries in the order in which SQLite resolves them (resolveSelectStep in its resolve.c)."""

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from harness.analysis.grounding.dialect import Unreadable, part, read_query
from harness.analysis.grounding.expressions import resolve_expression
from harness.analysis.grounding.findings import Findings
from harness.analysis.grounding.identifiers import text_of
from harness.analysis.grounding.joins import read_from
from harness.analysis.grounding.names import Names, fold
from harness.analysis.grounding.problems import Grounding, Problem
from harness.analysis.grounding.projection import bare_name, read_projection
from harness.analysis.grounding.queries import Output
from harness.analysis.grounding.sources import Definitions, Scope

__all__ = ["resolve"]

_LONGEST = 100_000
"""Characters of SQL: more is nobody's answer, and takes seconds to read."""

_MOST_DEFINITIONS = 1_000
"""Definitions that read each other from many places multiply; nobody's question needs as many."""

OnFirst = Callable[[Output], None]
"""Called with the result columns of a query's first SELECT before the others are looked at."""


def resolve(sql: str, names: Names) -> Grounding:
    """Look up every name of one query; text that is none gives the problem `unreadable`."""
    if len(sql) > _LONGEST:
        return Grounding((Problem("unreadable", "", f"longer than {_LONGEST:,} characters"),))
    try:
        root, statements = read_query(sql)
        resolver = _Resolver(sql, names)
        resolver.resolve_query(root, None, None)
    except Unreadable as error:
        return Grounding((Problem("unreadable", "", str(error)),))
    except RecursionError:
        return Grounding((Problem("unreadable", "", "nested too deeply"),))
    if statements > 1:
        resolver.findings.refuse(f"{statements} statements")
    return resolver.findings.grounding()


class _Resolver:
    """Walks one statement; readers of clauses call back for what stands inside of their clause."""

    def __init__(self, sql: str, names: Names) -> None:
        self.sql = sql
        self.findings = Findings(names)
        self._definitions: dict[tuple[int, Scope | None], Output] = {}

    def resolve_expression(self, expression: exp.Expression, scope: Scope) -> None:
        resolve_expression(expression, scope, self)

    def resolve_query(self, query: exp.Expression, definitions: Definitions | None, outer: Scope | None) -> Output:
        return self._resolve(query, Scope(outer=outer, definitions=definitions), _ignore)

    def resolve_definition(self, cte: exp.CTE, definitions: Definitions, outer: Scope | None) -> Output:
        # SQLite copies a definition to where it is read: there, and only there, its names are looked up.
        key = (id(cte), outer)
        if key not in self._definitions:
            if len(self._definitions) >= _MOST_DEFINITIONS:
                return Output(anything=True)
            columns = [fold(text_of(name)) for name in cte.args["alias"].args.get("columns") or ()]

            def keep(output: Output) -> None:
                # What follows the first SELECT may read the definition itself.
                self._definitions[key] = Output(columns) if columns else output

            keep(Output(anything=True))
            keep(self._resolve(cte.this, Scope(outer=outer, definitions=definitions), keep))
        return self._definitions[key]

    def _resolve(self, query: exp.Expression, around: Scope, on_first: OnFirst) -> Output:
        if with_ := part(query, "with"):
            tables = {fold(text_of(cte.args["alias"].this)): cte for cte in with_.expressions}
            around = replace(around, definitions=Definitions(tables, around.definitions))
        if isinstance(query, exp.Subquery):
            output = self._resolve(query.this, around, on_first)
        elif isinstance(query, exp.SetOperation):
            output = self._resolve_compound(query, around, on_first)
        elif isinstance(query, exp.Values):
            output = self._resolve_values(query, around)
        else:
            output = self._resolve_select(query, around)
        for name in ("limit", "offset"):
            if query.args.get(name) is not None:
                self.resolve_expression(query.args[name], Scope(definitions=around.definitions))
        return output

    def _resolve_values(self, values: exp.Values, around: Scope) -> Output:
        for row in values.expressions:
            self.resolve_expression(row, around)
        width = len(values.expressions[0].expressions) if values.expressions else 0
        return Output([f"column{number + 1}" for number in range(width)])

    def _resolve_select(self, select: exp.Expression, around: Scope) -> Output:
        clause = read_from(select, around, self)
        scope = replace(around, sources=tuple(clause.sources))
        output = read_projection(select, scope, self)
        for window in select.args.get("windows") or ():
            self.resolve_expression(window, scope)
        scope = replace(scope, aliases=output.aliases)
        for condition in (select.args.get("having"), select.args.get("where"), *clause.conditions):
            if condition is not None:
                self.resolve_expression(condition, scope)
        # SQLite lets neither ORDER BY nor GROUP BY look at the queries around.
        scope = replace(scope, outer=None)
        for term in _terms(select, "order"):
            # Here, and only here, an alias comes before a column.
            if bare_name(term) not in output.aliases:
                self.resolve_expression(term, scope)
        for term in _terms(select, "group"):
            self.resolve_expression(term, scope)
        return replace(output, scope=scope)

    def _resolve_compound(self, compound: exp.SetOperation, around: Scope, on_first: OnFirst) -> Output:
        first, *others = _arms(compound)
        outputs = [self._resolve(first, around, _ignore)]
        on_first(outputs[0])
        outputs += [self._resolve(arm, around, _ignore) for arm in others]
        for term in _terms(compound, "order"):
            self._resolve_compound_term(term, outputs)
        return outputs[0]

    def _resolve_compound_term(self, term: exp.Expression, outputs: list[Output]) -> None:
        """Look up an ORDER BY term, which may speak the language of any SELECT of the compound."""
        scopes = [output.scope for output in outputs if output.scope is not None]
        if any(bare_name(term) in output.aliases for output in outputs) or not scopes:
            return
        if not any(self._resolves(term, scope) for scope in scopes):
            self.resolve_expression(term, scopes[0])

    def _resolves(self, expression: exp.Expression, scope: Scope) -> bool:
        """Whether every name in an expression can be looked up in a scope; nothing is noted."""
        kept, definitions = self.findings, dict(self._definitions)
        self.findings = Findings(kept.names)
        try:
            self.resolve_expression(expression, scope)
            return not self.findings.grounding().problems
        finally:
            self.findings, self._definitions = kept, definitions


def _ignore(_output: Output) -> None:
    """Nobody waits for the first SELECT."""


def _terms(query: exp.Expression, name: str) -> list[exp.Expression]:
    clause = query.args.get(name)
    return list(clause.expressions) if clause is not None else []


def _arms(compound: exp.Expression) -> list[exp.Expression]:
    """Return the SELECTs of a compound from the left; hundreds of them are no recursion."""
    arms: list[exp.Expression] = []
    while isinstance(compound, exp.SetOperation):
        arms.append(compound.expression)
        compound = compound.this
    return [compound, *reversed(arms)]
