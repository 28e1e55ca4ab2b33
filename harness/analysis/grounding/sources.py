"""What stands in a FROM clause, and how SQLite looks a column name up among it (lookupName in its resolve.c)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from harness.analysis.grounding.dialect import is_text_of
from harness.analysis.grounding.names import ROWIDS, fold

__all__ = ["Definitions", "Found", "Path", "Scope", "Source", "look_up", "visible"]

Origin = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Path:
    """A column name, folded: `database.qualifier.name`, the first two `""` where they are not written."""

    name: str
    qualifier: str = ""
    database: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One term of a FROM clause.

    `qualifiers` are the folded names that it answers to, `columns` map folded names to (table, column) of the schema,
    None for a computed one; `hidden` ones a `*` leaves out; `unnamed` are those that SQLite calls by their text.
    `table` is the schema's table, `""` for none. `anything` says that its columns are not known, so that every name is
    taken for one. `using` are the columns by which it is joined to what stands before it, `side` is the JOIN's.
    `label` is its name as the query writes it.
    """

    qualifiers: frozenset[str]
    columns: Mapping[str, Origin | None]
    table: str = ""
    database: str = ""
    hidden: frozenset[str] = frozenset()
    anything: bool = False
    has_rowid: bool = False
    using: frozenset[str] = frozenset()
    side: str = ""
    label: str = ""
    unnamed: tuple[exp.Expression, ...] = ()

    def answers(self, path: Path) -> bool:
        """Whether the path's qualifier, if it has one, means this source."""
        if path.database and path.database != self.database:
            return False
        return not path.qualifier or path.qualifier in self.qualifiers

    def has(self, name: str) -> bool:
        """Whether there is a column of this folded name."""
        return name in self.columns or any(is_text_of(name, one) for one in self.unnamed)

    def joined(self, using: Iterable[str], side: str) -> "Source":
        """Return the source as it stands behind a JOIN."""
        return replace(self, using=self.using | frozenset(using), side=side or self.side)

    def renamed(self, qualifier: str, *, also: bool = False) -> "Source":
        """Return the source under another name, `also` under its own ones."""
        own = self.qualifiers if also else frozenset()
        return replace(self, qualifiers=own | {fold(qualifier)}, label=self.label if also else qualifier)


@dataclass(frozen=True, slots=True, eq=False)
class Definitions:
    """The common table expressions of one WITH, and of those around it."""

    tables: Mapping[str, exp.CTE]
    outer: "Definitions | None" = None

    def find(self, name: str) -> "tuple[exp.CTE, Definitions] | None":
        """Return the nearest definition of a folded name, and where it was made."""
        here: Definitions | None = self
        while here is not None:
            if name in here.tables:
                return here.tables[name], here
            here = here.outer
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The names that an expression may use: of the FROM clause, of result columns (`aliases`), of queries around it."""

    sources: tuple[Source, ...] = ()
    aliases: frozenset[str] = frozenset()
    outer: "Scope | None" = None
    definitions: Definitions | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a name means: `origin` if it is a column of the schema; more than one of `candidates` is ambiguous."""

    candidates: tuple[Source, ...] = ()
    origin: Origin | None = None


@dataclass(slots=True)
class _Search:
    """A look-up on its way from the innermost scope outwards."""

    path: Path
    tables_with_rowid: int = 0
    hits: list[Source] = field(default_factory=list)
    # A FULL JOIN's USING column is the coalesce() of both sides.
    coalesced: bool = False

    def visit(self, source: Source) -> None:
        name = self.path.name
        if not source.has(name):
            if not self.hits and source.has_rowid:
                self.tables_with_rowid += 1
            return
        if self.hits:
            if name not in source.using:
                self.coalesced = False
            elif source.side == "FULL":
                self.coalesced = True
            elif source.side == "RIGHT":
                self.hits.clear()
                self.coalesced = False
            else:
                return
        self.hits.append(source)

    def found(self) -> Found:
        candidates = tuple(self.hits[:1] if self.coalesced else self.hits)
        return Found(candidates, candidates[0].columns.get(self.path.name))


def look_up(path: Path, scope: Scope) -> Found | None:
    """Return what a name means, None where it means nothing.

    The innermost scope that has the name decides, columns before aliases.
    """
    search = _Search(path)
    here: Scope | None = scope
    while here is not None:
        answering = [source for source in here.sources if source.answers(path)]
        for source in answering:
            search.visit(source)
        if search.hits:
            return search.found()
        if any(source.anything for source in answering):
            return Found()
        if path.name in ROWIDS and search.tables_with_rowid == 1:
            return Found()
        if not path.qualifier and path.name in here.aliases:
            return Found()
        here = here.outer
    return None


def visible(scope: Scope | None) -> list[Source]:
    """Return every source that an expression may name, the nearest first."""
    sources: list[Source] = []
    while scope is not None:
        sources += scope.sources
        scope = scope.outer
    return sources
