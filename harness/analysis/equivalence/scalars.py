"""Aggregates of all rows as sub-queries of their own: `SELECT f(COUNT(a), MAX(b)) FROM t` is `SELECT f((…), (…))`.

A ratio of two counts is written with CASE, with a WHERE and a sub-query, or with two WITH tables; taken apart, all of
them are the same expression over the same counts. Every part has one row, whatever the data, as had the whole.
"""

from dataclasses import replace

from harness.analysis.equivalence.grouping import aggregates_rows, has_aggregate
from harness.analysis.equivalence.outer_joins import uses_source
from harness.analysis.equivalence.terms import TRUE, Block, Term, conjuncts, rebuild, walk

__all__ = ["merge_single_row", "split_aggregates"]


def split_aggregates(block: Block, *, always: bool) -> Block:
    """Take an aggregate without GROUP BY apart; one that is nothing but one aggregate stays, unless `always`.

    A row's own columns beside the aggregates would be left without rows to come from, so that there must be none.
    """
    if block.group is not None or not aggregates_rows(block) or block.limit is not None or block.having:
        return block
    (first, *others) = block.outputs
    whole = first.head == "aggregate" and first.text != "count_if" and not others
    if (whole and not always) or any(_reads_rows(term, block) for term in block.outputs):
        return block
    split = tuple(_split(term, block) for term in block.outputs)
    return Block(sources=(), outputs=split, names=block.names, distinct=not always)


def merge_single_row(block: Block) -> Block:
    """Replace `SELECT (SELECT COUNT(*) …)` by what stands inside; without FROM there is one row, as there is inside."""
    bare = not block.sources and not block.where and block.group is None and block.limit is None
    if not bare or len(block.outputs) != 1:
        return block
    inner = block.outputs[0].query
    if block.outputs[0].head != "scalar" or not isinstance(inner, Block):
        return block
    single = inner.group is None and aggregates_rows(inner) and inner.limit is None
    return replace(inner, names=block.names) if single else block


def _split(term: Term, block: Block) -> Term:
    """COUNT of the rows that meet a condition is COUNT of the rows WHERE leaves with that condition added."""
    if term.head != "aggregate":
        return rebuild(term, tuple(_split(arg, block) for arg in term.args)) if has_aggregate(term) else term
    where = block.where
    if term.text == "count_if":
        added = tuple(part for part in conjuncts(term.args[0]) if part not in where and part != TRUE)
        where, term = (*where, *added), Term("aggregate", text="count")
    return Term("scalar", query=replace(block, outputs=(term,), names=("",), where=where, order=(), distinct=False))


def _reads_rows(term: Term, block: Block) -> bool:
    """Whether a term reads the block's rows outside its aggregates."""
    if term.head == "aggregate":
        return False
    own = {source.uid for source in block.sources}
    if term.head == "column":
        return term.uid in own
    if any(part.query is not None and any(uses_source(part.query, uid) for uid in own) for part in walk(term)):
        return True
    return any(_reads_rows(arg, block) for arg in term.args)
