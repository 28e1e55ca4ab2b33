"""Where SQLite refuses an aggregate, or computes it in another query than the one that it stands in."""

from harness.analysis.equivalence.terms import Block, Compound, Query, Term, contains, walk
from harness.analysis.equivalence.tokens import UnreadableError

__all__ = ["check_aggregates", "check_outer_aggregates"]


def _is_aggregate(term: Term) -> bool:
    return contains(term, lambda part: part.head == "aggregate")


def check_aggregates(block: Block) -> None:
    """Raise where SQLite says "misuse of aggregate", and where aggregates only sort."""
    places = [*block.where, *(block.group or ()), *(term for source in block.sources for term in source.on)]
    if any(map(_is_aggregate, places)):
        raise UnreadableError("an aggregate where rows are chosen")
    for term in block.terms():
        for part in walk(term):
            if part.head == "aggregate" and any(map(_is_aggregate, part.args)):
                raise UnreadableError("an aggregate inside an aggregate")
    sorts = any(_is_aggregate(key.term) for key in block.order)
    if sorts and block.group is None and not any(map(_is_aggregate, block.outputs)):
        raise UnreadableError("an aggregate only in ORDER BY")
    if block.group is None and block.having:
        raise UnreadableError("HAVING without GROUP BY")


def check_outer_aggregates(query: Query) -> None:
    """Raise for an aggregate over outer columns only: SQLite computes it in the outer query."""
    if isinstance(query, Compound):
        check_outer_aggregates(query.left)
        check_outer_aggregates(query.right)
    if not isinstance(query, Block):
        return
    own = {source.uid for source in query.sources}
    for term in query.terms():
        for part in walk(term):
            used = {leaf.uid for arg in part.args for leaf in walk(arg) if leaf.head == "column"}
            if part.head == "aggregate" and used and not used & own:
                raise UnreadableError("an aggregate that belongs to an outer query")
