"""Sub-queries of FROM and WITH tables, merged into the query that reads them where they only choose and rename.

A derived table without grouping, DISTINCT and LIMIT is the bag of the rows that its own FROM and WHERE give; the
outer query sees each once, so its sources and conditions can stand in the outer query itself, and each of its columns
is the expression that made it: SQLite gives both the same affinity. Its ORDER BY decides nothing.
"""

from dataclasses import replace

from harness.analysis.equivalence.terms import Block, Compound, Frozen, Query, Source, Term, contains, rebuild, walk

__all__ = ["merge_sources", "merge_whole", "substitute"]


def merge_sources(block: Block) -> Block:
    """Merge every inner-joined derived table that only chooses rows and columns.

    One that contains a left join is merged only where it comes first or everything is an inner join: FROM is read
    from left to right, and inner joins commute with left ones, but nothing is gained from relying on more.
    """
    for index, source in enumerate(block.sources):
        if source.join != "inner" or not isinstance(source.query, Block) or not _only_chooses(source.query):
            continue
        inner = source.query
        sources = (*block.sources[:index], *inner.sources, *block.sources[index + 1 :])
        merged = substitute(replace(block, sources=sources), source, inner.outputs)
        return merge_sources(replace(merged, where=(*merged.where, *inner.where)))
    return block


def merge_whole(block: Block, *, same_plan: bool) -> Block:
    """Replace `SELECT … FROM (query) WHERE …` by the query with these columns and this condition.

    The outer query must neither group nor aggregate. With a grouped query inside, its WHERE is a condition on groups:
    HAVING. A LIMIT inside is only let out where ties are cut the same way, by the same plan.
    """
    if not _may_merge(block, same_plan=same_plan):
        return block
    source, inner = block.sources[0], block.sources[0].query
    assert isinstance(inner, Block)
    outer = substitute(block, source, inner.outputs)
    if any(map(_aggregates, inner.outputs)) and _loses_aggregates(block, outer, inner):
        return block
    grouped = inner.group is not None
    return replace(
        inner,
        outputs=outer.outputs,
        names=outer.names,
        where=inner.where if grouped else (*inner.where, *outer.where),
        having=(*inner.having, *outer.where) if grouped else (),
        order=outer.order or inner.order,
        limit=outer.limit or inner.limit,
        offset=outer.offset or inner.offset,
    )


def _may_merge(block: Block, *, same_plan: bool) -> bool:
    if len(block.sources) != 1 or not isinstance(block.sources[0].query, Block):
        return False
    inner = block.sources[0].query
    chooses = not block.distinct and block.group is None and not any(map(_aggregates, block.outputs))
    # What is filtered above a sum has been summed, and may have overflowed; above a LIMIT, it has taken a place.
    passes = not block.where and not block.order and block.limit is None
    limited = inner.limit is not None and not same_plan
    return chooses and not inner.distinct and not limited and (passes or not (same_plan or inner.limit is not None))


def _loses_aggregates(block: Block, outer: Block, inner: Block) -> bool:
    """Whether an aggregate would disappear, or move into a sub-query, where it would count that query's rows."""
    nested = any(part.query is not None for term in block.terms() for part in walk(term))
    whole = inner.group is None and (bool(block.where) or not all(map(_aggregates, outer.outputs)))
    return nested or whole


def substitute(block: Block, source: Source, outputs: tuple[Term, ...]) -> Block:
    """Put expressions where a derived table's columns stood, at any depth."""
    assert source.query is not None
    columns = dict(zip(source.query.names, outputs, strict=True))
    return _substitute_block(block, source.uid, columns)


def _substitute_block(block: Block, uid: int, columns: dict[str, Term]) -> Block:
    changed = block.replace_terms(lambda term: _substitute_term(term, uid, columns))
    sources = tuple(
        source if source.query is None else replace(source, query=_substitute_query(source.query, uid, columns))
        for source in changed.sources
    )
    return replace(changed, sources=sources)


def _substitute_query(query: Query, uid: int, columns: dict[str, Term]) -> Query:
    if isinstance(query, Block):
        return _substitute_block(query, uid, columns)
    if isinstance(query, Compound):
        left, right = _substitute_query(query.left, uid, columns), _substitute_query(query.right, uid, columns)
        return replace(query, left=left, right=right)
    inner = _substitute_query(query.query, uid, columns)
    assert not isinstance(inner, Frozen)
    return replace(query, query=inner)


def _substitute_term(term: Term, uid: int, columns: dict[str, Term]) -> Term:
    if term.head == "column":
        return columns[term.text] if term.uid == uid else term
    if term.args:
        term = rebuild(term, tuple(_substitute_term(arg, uid, columns) for arg in term.args))
    return term if term.query is None else replace(term, query=_substitute_query(term.query, uid, columns))


def _aggregates(term: Term) -> bool:
    return contains(term, lambda part: part.head == "aggregate")


def _only_chooses(inner: Block) -> bool:
    plain = inner.group is None and not inner.distinct and inner.limit is None
    flat = not any(source.join == "left" for source in inner.sources)
    return plain and flat and not any(map(_aggregates, inner.outputs))
