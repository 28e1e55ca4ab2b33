"""What a walk through a query finds: the names that exist, and a diagnosis of those that don't."""

from collections.abc import Callable, Iterable

from harness.analysis.grounding.names import ROWIDS, Names, fold
from harness.analysis.grounding.problems import Grounding, Problem
from harness.analysis.grounding.sources import Definitions, Path, Scope, Source, visible
from harness.analysis.grounding.suggestions import Suggestions

__all__ = ["Findings"]

_MOST_SUGGESTIONS = 50
"""Looking for a near name takes time; text that invents more names than this is told so without."""


class Findings:
    """Collects; asks `Names` what exists and never looks at trees."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.tables: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self._suggest = Suggestions(names)
        self._problems: dict[tuple[str, str], Problem] = {}

    def grounding(self) -> Grounding:
        """Return everything found so far."""
        return Grounding(tuple(self._problems.values()), frozenset(self.tables), frozenset(self.columns))

    def miss_table(self, name: str, definitions: Definitions | None) -> None:
        """Note a table that does not exist; `name` may carry a database in front."""
        self._note("unknown_table", name, "", lambda: self._suggest.table(name.rpartition(".")[2], definitions))

    def miss_star(self, qualifier: str, scope: Scope) -> None:
        """Note `qualifier.*` where nothing in scope has this name."""
        table = self.names.tables.get(fold(qualifier))
        if table is None:
            self._note("unknown_table", qualifier, "", lambda: self._suggest.source(qualifier, scope))
            return
        aliases = [source.label for source in visible(scope) if source.table == fold(qualifier)]
        self._note("wrong_scope", f"{qualifier}.*", table.name, lambda: f"{aliases[0]}.*" if aliases else "")

    def miss_function(self, name: str) -> None:
        """Note a function that this SQLite does not have."""
        self._note("unknown_function", name, "", lambda: self._suggest.function(name))

    def miss_column(self, path: Path, written: str, scope: Scope) -> None:
        """Note a column that no table in scope has; `written` is the path as the query has it."""
        table = self.names.tables.get(path.qualifier)
        owners = (table.name,) if table and path.name in table.columns else self.names.owners(path.name)
        if owners or path.name in ROWIDS:
            kind = "wrong_scope" if owners else "unknown_column"
            self._note(kind, written, ", ".join(owners), lambda: self._suggest.owner(path, owners, scope))
            return
        asked = [source for source in visible(scope) if path.qualifier and source.answers(path)]
        tables = dict.fromkeys(self.names.tables[source.table].name for source in asked if source.table)
        # Folding keeps the length: the column is the end of what is written.
        name = written[-len(path.name) :]
        self._note("unknown_column", written, ", ".join(tables), lambda: self._suggest.column(name, scope, asked))

    def miss_quoted(self, name: str, scope: Scope) -> None:
        """Note a name between double quotes that means nothing and is therefore a string."""
        self._note("quoted_string", name, "", lambda: self._suggest.column(name, scope, ()))

    def doubt_column(self, path: Path, written: str, candidates: Iterable[Source]) -> None:
        """Note a column that several tables in scope have."""
        sources = list(candidates)
        where = ", ".join(source.label or "a sub-query" for source in sources)
        # A qualifier did not help: two sources share it.
        self._note(
            "ambiguous", written, where, lambda: "" if path.qualifier else self._suggest.write(sources[0], path.name)
        )

    def refuse(self, reason: str) -> None:
        """Note that the text as a whole is not one query."""
        self._note("unreadable", "", reason, str)

    def _note(self, kind: str, name: str, where: str, suggest: Callable[[], str]) -> None:
        key = (kind, fold(name))
        if key not in self._problems:
            suggestion = suggest() if len(self._problems) < _MOST_SUGGESTIONS else ""
            self._problems[key] = Problem(kind, name, where, suggestion)
