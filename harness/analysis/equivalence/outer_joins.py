"""LEFT JOIN, where it is none: conditions that reject its NULLs make it inner; unused, a unique one vanishes."""

from collections.abc import Iterable
from dataclasses import replace

from harness.analysis.equivalence.dependencies import columns_of, pinned_columns
from harness.analysis.equivalence.nullability import rejected_by
from harness.analysis.equivalence.terms import Block, Compound, Frozen, Query, Source, Term, walk
from harness.analysis.equivalence.world import World

__all__ = ["drop_unused", "strengthen", "uses_source"]


def strengthen(block: Block) -> Block:
    """Turn a LEFT JOIN into an inner one when WHERE cannot be true with NULL in some column of its right side.

    The rows that the left join adds have NULL in all of these columns, so WHERE drops every one of them; its
    condition then is one more conjunct of WHERE, which may strengthen the joins that it stands on.
    """
    rejecting = {uid for term in block.where for uid, _ in rejected_by(term)}
    for index, source in enumerate(block.sources):
        if source.join == "left" and source.uid in rejecting:
            inner = replace(source, join="inner", on=())
            sources = (*block.sources[:index], inner, *block.sources[index + 1 :])
            return strengthen(replace(block, sources=sources, where=(*block.where, *source.on)))
    return block


def drop_unused(block: Block, world: World, *, duplicates_matter: bool) -> Block:
    """Remove a LEFT JOIN that nothing reads and that cannot multiply rows.

    It keeps every row of its left side; it finds at most one row for each when its condition pins a key. Where
    duplicates don't matter (`SELECT DISTINCT`), it may find several.
    """
    own = {source.uid for source in block.sources}
    for source in block.sources:
        if source.join != "left" or uses_source(_without(block, source), source.uid):
            continue
        elsewhere = own - {source.uid}
        known = {(uid, name) for uid in elsewhere for name in world.sources[uid].affinities}
        pinned = {name for _, name in pinned_columns(source.on, source.uid, known, own, world)}
        if not duplicates_matter or any(key <= pinned for key in world.sources[source.uid].keys):
            return drop_unused(_without(block, source), world, duplicates_matter=duplicates_matter)
    return block


def uses_source(query: Query, uid: int) -> bool:
    """Whether anything in the query, at any depth, reads a column of the source."""
    if isinstance(query, Frozen):
        return uses_source(query.query, uid)
    if isinstance(query, Compound):
        return uses_source(query.left, uid) or uses_source(query.right, uid)
    inner = (source.query for source in query.sources if source.query is not None)
    return _reads(query.terms(), uid) or any(uses_source(part, uid) for part in inner)


def _reads(terms: Iterable[Term], uid: int) -> bool:
    for term in terms:
        if any(place[0] == uid for place in columns_of(term)):
            return True
        if any(part.query is not None and uses_source(part.query, uid) for part in walk(term)):
            return True
    return False


def _without(block: Block, source: Source) -> Block:
    return replace(block, sources=tuple(other for other in block.sources if other.uid != source.uid))
