"""ORDER BY in normal form, and when one order serves where another is asked for."""

from dataclasses import replace

from harness.analysis.equivalence.dependencies import Dependencies
from harness.analysis.equivalence.equalities import Classes
from harness.analysis.equivalence.grouping import aggregates_rows
from harness.analysis.equivalence.terms import Block, Key
from harness.analysis.equivalence.world import World

__all__ = ["simplify_order"]


def simplify_order(block: Block, world: World, outer: Classes) -> Block:
    """Drop the keys that sort nothing: what is constant, or decided by the keys before it, is equal where they are.

    Without GROUP BY, an aggregate has one row, which needs no order.
    """
    if block.group is None and aggregates_rows(block):
        return replace(block, order=(), limit=block.limit)
    if world.same_plan:  # Their number alone matters: SQLite groups in the directions of as many terms of ORDER BY.
        return block
    dependencies = Dependencies(block, world, outer)
    kept: list[Key] = []
    for key in block.order:
        earlier = [(other.term.uid, other.term.text) for other in kept if other.term.head == "column"]
        known, _ = dependencies.closure(earlier)
        decided = key.term.head == "column" and (key.term.uid, key.term.text) in known
        if not decided and all(key.term != other.term for other in kept):
            kept.append(key)
    return replace(block, order=tuple(kept))
