"""Which columns decide which: functional dependencies that follow from keys, equalities and literals."""

from collections.abc import Iterable, Iterator

from harness.analysis.equivalence.equalities import Classes, equal_columns, known_from
from harness.analysis.equivalence.nullability import Column, NotNull
from harness.analysis.equivalence.predicates import LITERALS
from harness.analysis.equivalence.terms import Block, Source, Term, column, walk
from harness.analysis.equivalence.world import World, keeps_value

__all__ = ["Dependencies", "columns_of", "pinned_columns"]


def columns_of(term: Term) -> Iterator[Column]:
    """Yield the columns of an expression, sub-queries' insides not included."""
    return ((part.uid, part.text) for part in walk(term) if part.head == "column")


def pinned_columns(
    conditions: Iterable[Term], uid: int, known: set[Column], own: set[int], world: World
) -> Iterator[Column]:
    """Yield the columns of source `uid` that the conditions set equal to literals, outer columns or known ones.

    `own` are the sources of the block, known or not; a column of any other belongs to a query around it and is
    constant here. The comparison must not convert this side: text '1' and '01' would both equal the number 1.
    """
    for term in conditions:
        if term.head != "=":
            continue
        for this, other in (term.args, term.args[::-1]):
            if this.head != "column" or this.uid != uid or not keeps_value(world.affinity(this), world.affinity(other)):
                continue
            constant = other.head == "column" and (other.uid not in own or (other.uid, other.text) in known)
            if constant or other.head in LITERALS or (other.head == "neg" and other.args[0].head in LITERALS):
                yield uid, this.text


class Dependencies:
    """The dependencies that hold between the columns of the rows that WHERE lets through, before grouping."""

    def __init__(self, block: Block, world: World, outer: Classes, present: frozenset[Column] = frozenset()) -> None:
        """`present` are columns that are not NULL in the rows in question."""
        self._present = present
        self._block = block
        self._world = world
        self._own = {source.uid for source in block.sources}
        self._classes = equal_columns(block, world, outer)
        self._not_null = NotNull(block, world)

    def closure(self, start: Iterable[Column]) -> tuple[set[Column], set[int]]:
        """Return the columns whose value the start columns decide, and the sources whose row they decide.

        Two rows that agree on the start, NULL agreeing with NULL, agree on all of these.
        """
        known = known_from(start, self._classes)
        decided: set[int] = set()
        while True:
            size = len(known), len(decided)
            for source in self._block.sources:
                if source.join != "left":
                    known |= set(pinned_columns(self._block.where, source.uid, known, self._own, self._world))
                if source.uid not in decided and self._decides(source, known):
                    decided.add(source.uid)
                    known |= {(source.uid, name) for name in self._world.sources[source.uid].affinities}
            known = known_from(known, self._classes)
            if size == (len(known), len(decided)):
                return known, decided

    def decide_all(self, start: Iterable[Column]) -> bool:
        """Whether the start columns decide the row of every source, so that no two rows agree on them."""
        return len(self.closure(start)[1]) == len(self._own)

    def _decides(self, source: Source, known: set[Column]) -> bool:
        facts = self._world.sources[source.uid]
        if source.join == "left":
            return self._finds_at_most_one(source, known)
        held = {name for uid, name in known if uid == source.uid}
        if any(key <= held for key in facts.null_safe_keys):
            return True
        return any(key <= held and all(self._has_value(source.uid, name) for name in key) for key in facts.keys)

    def _has_value(self, uid: int, name: str) -> bool:
        return (uid, name) in self._present or self._not_null.holds(column(uid, name))

    def _finds_at_most_one(self, source: Source, known: set[Column]) -> bool:
        """Whether a left join, given the known columns, always finds the same row or none.

        Its condition pins a key, and everything else that it reads is known or constant.
        """
        read = {place for term in source.on for place in columns_of(term) if place[0] in self._own}
        foreign = {place for place in read if place[0] != source.uid}
        if not foreign <= known or any(part.query is not None for term in source.on for part in walk(term)):
            return False
        pinned = {name for _, name in pinned_columns(source.on, source.uid, known, self._own, self._world)}
        return any(key <= pinned for key in self._world.sources[source.uid].keys)
