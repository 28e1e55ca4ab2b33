"""IN (query) and EXISTS as joins: where a row can meet at most one row, or where duplicates don't matter."""

from collections.abc import Iterator
from dataclasses import replace

from harness.analysis.equivalence.dependencies import Dependencies
from harness.analysis.equivalence.equalities import Classes
from harness.analysis.equivalence.predicates import Normaliser
from harness.analysis.equivalence.terms import Block, Compound, Frozen, Query, Term, contains, walk
from harness.analysis.equivalence.world import World

__all__ = ["join_subqueries"]


def join_subqueries(
    block: Block, world: World, normaliser: Normaliser, outer: Classes, *, duplicates_matter: bool
) -> Block:
    """Turn conjuncts `x IN (SELECT y FROM …)` and `EXISTS (SELECT … FROM …)` of WHERE into inner joins.

    `x IN (SELECT y …)` compares as `x = y` does, affinity and all, and WHERE lets through only what is true, so a row
    stays iff it meets a row of the sub-query. A join repeats it once for each row met: that is right where keys leave
    at most one, or where the query that reads these rows removes duplicates anyway. NOT IN and NOT EXISTS stay as
    they are.
    """
    for index, term in enumerate(block.where):
        inner = _opened(term, normaliser)
        if inner is None or _stands_twice(block, inner):
            continue
        if duplicates_matter and not Dependencies(inner, world, outer).decide_all(()):
            continue
        where = (*block.where[:index], *inner.where, *block.where[index + 1 :])
        joined = replace(block, sources=(*block.sources, *inner.sources), where=tuple(dict.fromkeys(where)))
        return join_subqueries(joined, world, normaliser, outer, duplicates_matter=duplicates_matter)
    return block


def _opened(term: Term, normaliser: Normaliser) -> Block | None:
    """Return the sub-query of a conjunct with the comparison that IN makes among its conditions."""
    inner = term.query
    if term.head not in ("exists", "in_query") or not isinstance(inner, Block):
        return None
    chooses = inner.group is None and inner.limit is None and bool(inner.sources)
    joined = all(source.join == "inner" and source.query is None for source in inner.sources)
    nests = any(contains(part, _is_nested_or_aggregate) for part in inner.terms())
    if not chooses or not joined or nests:
        return None
    if term.head == "in_query":
        equal = normaliser.condition(Term("=", (term.args[0], inner.outputs[0])))
        inner = replace(inner, where=(*inner.where, *equal))
    return replace(inner, order=(), distinct=False)


def _is_nested_or_aggregate(term: Term) -> bool:
    return term.head == "aggregate" or term.query is not None


def _stands_twice(block: Block, inner: Block) -> bool:
    """Whether an alias has brought the sub-query to a second place, which would then read the joined rows."""
    wanted = {source.uid for source in inner.sources}
    found = [uid for term in block.terms() for uid in _nested_uids(term) if uid in wanted]
    return len(found) > len(wanted) or any(source.uid in wanted for source in block.sources)


def _nested_uids(term: Term) -> Iterator[int]:
    for part in walk(term):
        if part.query is not None:
            yield from _query_uids(part.query)


def _query_uids(query: Query) -> Iterator[int]:
    if isinstance(query, Frozen):
        yield from _query_uids(query.query)
    elif isinstance(query, Compound):
        yield from _query_uids(query.left)
        yield from _query_uids(query.right)
    else:
        for source in query.sources:
            yield source.uid
            if source.query is not None:
                yield from _query_uids(source.query)
        for term in query.terms():
            yield from _nested_uids(term)
