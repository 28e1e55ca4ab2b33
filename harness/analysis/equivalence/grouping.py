"""GROUP BY in normal form: conditions on keys are WHERE, decided keys go, without aggregates it is DISTINCT."""

from dataclasses import replace

from harness.analysis.equivalence.dependencies import Dependencies, columns_of
from harness.analysis.equivalence.equalities import Classes
from harness.analysis.equivalence.terms import Block, Term, contains
from harness.analysis.equivalence.world import World

__all__ = ["aggregates_rows", "has_aggregate", "pick_of_groups", "simplify_group"]


def has_aggregate(term: Term) -> bool:
    """Whether an aggregate of this block stands in the term."""
    return contains(term, lambda part: part.head == "aggregate")


def aggregates_rows(block: Block) -> bool:
    """Whether the block has one row per group, or one in all."""
    return block.group is not None or any(map(has_aggregate, block.terms()))


def simplify_group(block: Block, world: World, outer: Classes) -> Block:
    """Return a block with GROUP BY in its normal form."""
    if block.group is None:
        return block
    if world.same_plan:  # The keys, in their order, decide which group comes first; what is summed may overflow.
        return block
    block = _filter_early(block, world, outer)
    block = _drop_decided_keys(block, world, outer)
    return _to_distinct(block, world, outer)


def pick_of_groups(block: Block) -> Block:
    """`GROUP BY g ORDER BY MAX(x) DESC LIMIT 1` picks the group of a row that `ORDER BY x DESC LIMIT 1` may pick.

    The group with the greatest maximum has a row with the greatest x, and each such row is in such a group: whichever
    of them ties leave, both queries may answer with the same rows. Only at the top, where ties are anyone's choice;
    NULL must stand last, for MAX and MIN don't see it.
    """
    if block.group is None or block.having or block.offset is not None or len(block.order) != 1:
        return block
    (key,) = block.order
    extreme = {"max": True, "min": False}.get(key.term.text if key.term.head == "aggregate" else "")
    fits = extreme is not None and key.descending == extreme and not key.nulls_first
    one = block.limit is not None and block.limit.text == "1"
    if not (fits and one and set(block.outputs) <= set(block.group)):
        return block
    return replace(block, group=None, distinct=False, order=(replace(key, term=key.term.args[0]),))


def _filter_early(block: Block, world: World, outer: Classes) -> Block:
    """HAVING on what all rows of a group share keeps or drops whole groups: WHERE does the same, row by row."""
    known, _ = Dependencies(block, world, outer).closure(_key_columns(block))
    own = {source.uid for source in block.sources}

    def is_shared(term: Term) -> bool:
        nested = contains(term, lambda part: part.query is not None or part.head == "aggregate")
        return not nested and all(place in known or place[0] not in own for place in columns_of(term))

    early = tuple(term for term in block.having if is_shared(term))
    late = tuple(term for term in block.having if not is_shared(term))
    return replace(block, where=tuple(dict.fromkeys((*block.where, *early))), having=late)


def _drop_decided_keys(block: Block, world: World, outer: Classes) -> Block:
    """Rows that agree on the other keys agree on this one too, so that it splits no group.

    Keys of a table go last, so that what remains are keys rather than what they decide. One key stays: GROUP BY
    nothing would make a group even of no rows.
    """
    assert block.group is not None
    dependencies = Dependencies(block, world, outer)
    kept = list(dict.fromkeys(block.group))
    for key in sorted(kept, key=lambda term: (_is_identifying(term, world), kept.index(term))):
        others = [other for other in kept if other is not key]
        known, _ = dependencies.closure((other.uid, other.text) for other in others if other.head == "column")
        if others and key.head == "column" and (key.uid, key.text) in known:
            kept = others
    return replace(block, group=tuple(kept))


def _to_distinct(block: Block, world: World, outer: Classes) -> Block:
    """Without aggregates, one row per group is one row per distinct output, when outputs and keys decide each other."""
    assert block.group is not None
    if any(map(has_aggregate, block.terms())) or block.having:
        return block
    dependencies = Dependencies(block, world, outer)
    outputs = {(term.uid, term.text) for term in block.outputs if term.head == "column"}
    by_outputs, _ = dependencies.closure(outputs)
    by_keys, _ = dependencies.closure(_key_columns(block))
    shown = {place for term in block.outputs for place in columns_of(term)}
    keys_are_columns = all(key.head == "column" for key in block.group)
    nested = any(contains(term, lambda part: part.query is not None) for term in block.outputs)
    if keys_are_columns and not nested and set(_key_columns(block)) <= by_outputs and shown <= by_keys:
        return replace(block, group=None, distinct=True)
    return block


def _key_columns(block: Block) -> list[tuple[int, str]]:
    return [(key.uid, key.text) for key in block.group or () if key.head == "column"]


def _is_identifying(term: Term, world: World) -> bool:
    return term.head == "column" and any(term.text in key for key in world.sources[term.uid].keys)
