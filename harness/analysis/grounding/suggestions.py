"""What a query could have meant by a name that does not exist: the nearest real ones, those in scope first."""

from collections.abc import Iterable, Iterator, Mapping

from harness.analysis.grounding.names import ROWIDS, Names, fold
from harness.analysis.grounding.nearness import Candidate, nearest
from harness.analysis.grounding.sources import Definitions, Path, Scope, Source, visible
from harness.execution.build import installed_functions
from harness.identifiers import quote

__all__ = ["Suggestions"]

_IN_SCOPE, _ASKED = 0.1, 0.2
_FOREIGN = {
    "concat": "||",
    "convert": "CAST",
    "date_diff": "julianday",
    "date_format": "strftime",
    "date_part": "strftime",
    "datediff": "julianday",
    "day": "strftime",
    "extract": "strftime",
    "getdate": "date",
    "hour": "strftime",
    "if": "iif",
    "isnull": "ifnull",
    "left": "substr",
    "len": "length",
    "locate": "instr",
    "minute": "strftime",
    "month": "strftime",
    "now": "datetime",
    "nvl": "ifnull",
    "position": "instr",
    "regexp": "GLOB",
    "right": "substr",
    "timestampdiff": "julianday",
    "to_char": "strftime",
    "to_date": "date",
    "year": "strftime",
}
"""Functions of other systems and what SQLite has in their place."""


class Suggestions:
    """Answers with text that the query may write, quotes where it needs them, or `""`."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def table(self, name: str, definitions: Definitions | None) -> str:
        """Return the nearest table, or common table expression in force."""
        known = [Candidate(table.name, quote(table.name)) for table in self._names.tables.values()]
        known += [Candidate(one, quote(one), _IN_SCOPE) for one in _defined(definitions)]
        return nearest(name, known)

    def source(self, qualifier: str, scope: Scope) -> str:
        """Return the nearest name of something in scope."""
        return nearest(qualifier, (Candidate(source.label, quote(source.label)) for source in visible(scope)))

    def function(self, name: str) -> str:
        """Return what SQLite has in the place of another system's function, else the nearest function."""
        known = (Candidate(one, one) for one in sorted(installed_functions()))
        return _FOREIGN.get(name.lower(), "") or nearest(name, known)

    def column(self, name: str, scope: Scope, asked: Iterable[Source]) -> str:
        """Return the nearest column; those of the sources that were `asked` for it come first."""
        return nearest(name, self._candidates(scope, list(asked)))

    def owner(self, path: Path, owners: Iterable[str], scope: Scope) -> str:
        """Return the column as something else in scope has it: one of its tables, or a query that passes it on."""
        owning = {fold(owner) for owner in owners}
        for source in visible(scope):
            found = source.has_rowid if path.name in ROWIDS else source.has(path.name)
            if found and source.label and (source.table in owning or not source.table or not owning):
                return self.write(source, path.name)
        return ""

    def write(self, source: Source, column: str) -> str:
        """Return a source's column, folded, as the query may write it."""
        name = quote(self._written(source).get(column, column))
        return f"{quote(source.label)}.{name}" if source.label else name

    def _candidates(self, scope: Scope, asked: list[Source]) -> Iterator[Candidate]:
        for source in asked:
            yield from (Candidate(name, quote(name), _ASKED) for name in self._written(source).values())
        seen = {source.table for source in visible(scope)}
        for source in visible(scope):
            if source not in asked:
                for folded, name in self._written(source).items():
                    yield Candidate(name, self.write(source, folded) if asked else quote(name), _IN_SCOPE)
        for folded, table in self._names.tables.items():
            if folded not in seen:
                yield from (Candidate(name, f"{quote(table.name)}.{quote(name)}") for name in table.columns.values())

    def _written(self, source: Source) -> Mapping[str, str]:
        """Return the columns of a source from folded to written name."""
        table = self._names.tables.get(source.table)
        return table.columns if table else {name: name for name in source.columns}


def _defined(definitions: Definitions | None) -> Iterator[str]:
    while definitions is not None:
        yield from definitions.tables
        definitions = definitions.outer
