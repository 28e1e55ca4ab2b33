"""What is known of every source while a query is rewritten, and the affinity of any expression over them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.analysis.equivalence.facts import Affinity, TableFacts, is_numeric, type_affinity
from harness.analysis.equivalence.terms import Block, Compound, Frozen, Query, Term

__all__ = ["SourceFacts", "World", "compare_alike", "keeps_value", "table_source"]


@dataclass(frozen=True)
class SourceFacts:
    """A table or derived table, by column name.

    `keys` identify a row where none of their columns is NULL; `null_safe_keys` also where some are. `settled` are the
    columns where equal values are the same value: `1` and `1.0` cannot both stand there.
    """

    affinities: Mapping[str, Affinity]
    not_null: frozenset[str] = frozenset()
    keys: tuple[frozenset[str], ...] = ()
    null_safe_keys: tuple[frozenset[str], ...] = ()
    settled: frozenset[str] = frozenset()


@dataclass
class World:
    """The tables of the database, and the facts of each source met so far by its number.

    With `same_plan`, rows are taken to be visited in the same order before and after every rewriting: then sums come
    out the same, and LIMIT keeps the same of several tied rows. Somebody has to see to it that they are.
    """

    tables: Mapping[str, TableFacts]
    same_plan: bool = False
    sources: dict[int, SourceFacts] = field(default_factory=dict)

    def affinity(self, term: Term) -> Affinity:
        """Return the affinity that SQLite's `sqlite3ExprAffinity` gives an expression; `none` for most."""
        if term.head == "column":
            return self.sources[term.uid].affinities.get(term.text, "none")
        if term.head == "cast":
            return type_affinity(term.text)
        if term.head == "scalar" and term.query is not None:
            return self._query_affinity(term.query)
        return "none"

    def is_settled(self, term: Term) -> bool:
        """Whether a column is one where equal values are the same value."""
        return term.text in self.sources[term.uid].settled

    def _query_affinity(self, query: Query) -> Affinity:
        while isinstance(query, Frozen):
            query = query.query
        while isinstance(query, Compound):
            query = query.left
        block = query
        if isinstance(block, Block):
            return self.affinity(block.outputs[0])
        return "none"


def table_source(table: TableFacts) -> SourceFacts:
    """Return the facts of a table as a source.

    TEXT columns hold text and blobs, REAL columns no integers, the rowid nothing but integers; in any other column
    one value may stand in two forms.
    """
    settled = {name for name, affinity in table.affinities.items() if affinity in ("text", "real")}
    return SourceFacts(
        affinities=table.affinities,
        not_null=table.not_null,
        keys=table.keys,
        settled=frozenset(settled | ({table.rowid} if table.rowid else set())),
    )


def compare_alike(left: Affinity, right: Affinity) -> bool:
    """Whether `=` between columns of these affinities converts neither side, so that it is an equivalence of values."""
    if is_numeric(left):
        return is_numeric(right)
    return left == right and left in ("text", "blob")


def keeps_value(own: Affinity, other: Affinity) -> bool:
    """Whether a comparison leaves the side with affinity `own` as it is stored, given the other side's affinity.

    SQLite applies NUMERIC to a side that is not numeric when the other is, and TEXT to a side without affinity when
    the other is TEXT (https://sqlite.org/datatype3.html, section 4.2). Then one value of the other side meets only
    one stored value here.
    """
    if is_numeric(own):
        return True
    if own == "text":
        return not is_numeric(other)
    return own == "blob" and not is_numeric(other)
