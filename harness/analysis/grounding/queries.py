"""What the readers of clauses ask of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from harness.analysis.grounding.findings import Findings
from harness.analysis.grounding.sources import Definitions, Scope

__all__ = ["Output", "Queries"]


@dataclass(frozen=True, slots=True)
class Output:
    """The result columns of a query.

    `columns` are folded names, `""` for those that have none; `unnamed` are the latter's expressions; `aliases` are
    the names that other clauses of the same query may use: given by AS or by a `*`. `anything` says that there may be
    more columns, `scope` is that of the query's ORDER BY.
    """

    columns: Sequence[str] = ()
    unnamed: Sequence[exp.Expression] = ()
    aliases: frozenset[str] = frozenset()
    anything: bool = False
    scope: Scope | None = None


class Queries(Protocol):
    """Looks up all names of whole queries, and of the common table expressions that they read."""

    sql: str
    findings: Findings

    def resolve_query(self, query: exp.Expression, definitions: Definitions | None, outer: Scope | None) -> Output:
        """Look up a query's names; `outer` is the scope around it, None where there is none."""
        ...

    def resolve_definition(self, cte: exp.CTE, definitions: Definitions, outer: Scope | None) -> Output:
        """Look up the names of a common table expression, made in `definitions`, that is read within `outer`."""
        ...

    def resolve_expression(self, expression: exp.Expression, scope: Scope) -> None:
        """Look up every name in an expression."""
        ...
