"""The result columns of a SELECT: what they are called, and what a `*` stands for."""

from collections.abc import Iterable

from sqlglot import exp

from harness.analysis.grounding.identifiers import column_path, text_of
from harness.analysis.grounding.names import fold
from harness.analysis.grounding.queries import Output, Queries
from harness.analysis.grounding.sources import Path, Scope, Source

__all__ = ["bare_name", "read_projection"]

_MOST_COLUMNS = 2_000
"""SQLite refuses more in one result; stars of stars would double them without end."""


def read_projection(select: exp.Expression, scope: Scope, queries: Queries) -> Output:
    """Look up the names in the result columns of a SELECT; aliases are not in scope among them."""
    projection = _Projection(scope, queries)
    for column in select.expressions:
        projection.add(column)
    return Output(
        tuple(projection.columns), tuple(projection.unnamed), frozenset(projection.aliases), projection.anything
    )


def bare_name(node: exp.Expression) -> str:
    """Return the folded name that an expression is, parentheses and COLLATE aside; `""` when it is more than that."""
    while isinstance(node, exp.Paren | exp.Collate | exp.Ordered):
        node = node.this
    path = column_path(node) if isinstance(node, exp.Column) else None
    return path.name if path and not path.qualifier else ""


class _Projection:
    def __init__(self, scope: Scope, queries: Queries) -> None:
        self.scope = scope
        self.queries = queries
        self.columns: list[str] = []
        self.unnamed: list[exp.Expression] = []
        self.aliases: set[str] = set()
        self.anything = False

    def add(self, column: exp.Expression) -> None:
        if isinstance(column, exp.Star):
            self._expand(self.scope.sources)
        elif isinstance(column, exp.Column) and isinstance(column.this, exp.Star):
            self._expand_one(text_of(column.args.get("table")))
        elif isinstance(column, exp.Alias):
            self.queries.resolve_expression(column.this, self.scope)
            name = fold(text_of(column.args["alias"]))
            self.columns.append(name)
            self.aliases.add(name)
        else:
            self.queries.resolve_expression(column, self.scope)
            self._name(column)

    def _expand_one(self, qualifier: str) -> None:
        sources = [source for source in self.scope.sources if source.answers(Path("*", fold(qualifier)))]
        if not sources:
            self.queries.findings.miss_star(qualifier, self.scope)
            self.anything = True
        self._expand(sources)

    def _expand(self, sources: Iterable[Source]) -> None:
        for source in sources:
            shown = [name for name in source.columns if name not in source.hidden and name not in source.using]
            if len(self.columns) + len(shown) > _MOST_COLUMNS:
                self.anything = True
                return
            self.columns += shown
            self.aliases.update(shown)
            self.queries.findings.columns.update(origin for origin in source.columns.values() if origin)
            self.unnamed += source.unnamed
            self.anything = self.anything or source.anything

    def _name(self, column: exp.Expression) -> None:
        """Name a column without AS as SQLite does: by the column that it is, else by its text."""
        while isinstance(column, exp.Paren | exp.Collate):
            column = column.this
        path = column_path(column) if isinstance(column, exp.Column | exp.Dot) else None
        if path is None:
            self.unnamed.append(column)
        else:
            self.columns.append(path.name)
