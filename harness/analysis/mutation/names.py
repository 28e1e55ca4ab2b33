"""Which table's column a name in a query means; a guess where SQLite's rules are finer, for aiming only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from harness.analysis.mutation.blueprint import Blueprint
from harness.analysis.mutation.syntax import inner_select, source_nodes

__all__ = ["Names", "Reference"]

_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of one occurrence of a table in one SELECT; everything lower case but `occurrence`."""

    occurrence: str
    table: str
    column: str

    @property
    def place(self) -> tuple[str, str]:
        """The table and the column, whichever the occurrence."""
        return self.table, self.column


@dataclass
class Names:
    """Resolves the columns of one parsed query against a blueprint; `views` are the views' parsed queries."""

    blueprint: Blueprint
    views: Mapping[str, exp.Expression]
    label: str = "q"
    _numbers: dict[int, int] = field(default_factory=dict)

    def occurrences(self, select: exp.Select) -> Iterator[tuple[str, str, str]]:
        """Yield (occurrence, alias, table) for each base table that a SELECT reads directly."""
        for alias, node in source_nodes(select):
            if isinstance(node, exp.Table) and self._derived(node) is None:
                table = node.name.lower()
                if table in self.blueprint.tables:
                    yield self._occurrence(select, alias), alias, table

    def resolve(self, column: exp.Column, depth: int = 0) -> Reference | None:
        """Return what a column means, `None` for what is no base table's column."""
        select = column.find_ancestor(exp.Select)
        while select is not None and depth < _DEEPEST:
            if found := self._inside(select, column, depth):
                return found
            select = select.find_ancestor(exp.Select)
        return None

    def _inside(self, select: exp.Select, column: exp.Column, depth: int) -> Reference | None:
        name, qualifier = column.name.lower(), column.table.lower()
        for alias, node in source_nodes(select):
            if (not qualifier or qualifier == alias) and (found := self._in_source(select, alias, node, name, depth)):
                return found
        if not qualifier:
            return self._projected(select, name, depth, own=False)
        return None

    def _in_source(
        self, select: exp.Select, alias: str, node: exp.Expression, name: str, depth: int
    ) -> Reference | None:
        inner = self._derived(node)
        if inner is not None:
            return self._projected(inner, name, depth + 1, own=True)
        table = self.blueprint.tables.get(node.name.lower()) if isinstance(node, exp.Table) else None
        if table is None:
            return None
        known = {column.name.lower() for column in table.columns}
        if name == "rowid" and name not in known:
            name = table.rowid_alias.lower()
        return Reference(self._occurrence(select, alias), table.name.lower(), name) if name in known else None

    def _derived(self, node: exp.Expression) -> exp.Select | None:
        """Return the query behind a source that is no base table."""
        if not isinstance(node, exp.Table):
            return inner_select(node)
        name = node.name.lower()
        scope: Any = node
        while scope is not None:
            clause = scope.args.get("with_") or scope.args.get("with")
            for common in clause.expressions if clause is not None else ():
                if common.alias_or_name.lower() == name and not _within(node, common):
                    return inner_select(common)
            scope = scope.parent
        view = self.views.get(name)
        return inner_select(view) if view is not None else None

    def _projected(self, select: exp.Select, name: str, depth: int, *, own: bool) -> Reference | None:
        """Resolve a name that a SELECT gives to one of its results; `own` when asked from outside of it."""
        if depth >= _DEEPEST:
            return None
        for projection in select.expressions:
            if projection.alias_or_name.lower() == name and (own or isinstance(projection, exp.Alias)):
                column = projection.find(exp.Column)
                return self.resolve(column, depth + 1) if column is not None else None
        if own and any(projection.is_star for projection in select.expressions):
            return self._inside(select, exp.column(name), depth + 1)
        return None

    def _occurrence(self, select: exp.Select, alias: str) -> str:
        number = self._numbers.setdefault(id(select), len(self._numbers))
        return f"{self.label}{number}.{alias}"


def _within(node: exp.Expression, ancestor: exp.Expression) -> bool:
    parent = node.parent
    while parent is not None:
        if parent is ancestor:
            return True
        parent = parent.parent
    return False
