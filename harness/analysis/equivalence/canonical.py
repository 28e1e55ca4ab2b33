"""A simplified query written down so that equal trees are equal texts: sets sorted, sources named by what they are.

Sources of one table are told apart by trying their orders and keeping the one that reads first. Columns that an
equality makes one are written as their whole class, wherever only the value counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, permutations, product

from harness.analysis.equivalence.contexts import argument_contexts
from harness.analysis.equivalence.equalities import Classes, equal_columns, is_equality
from harness.analysis.equivalence.grouping import aggregates_rows
from harness.analysis.equivalence.nullability import Column
from harness.analysis.equivalence.rigid import write_frozen
from harness.analysis.equivalence.terms import Block, Compound, Frozen, Key, Query, Source, Term
from harness.analysis.equivalence.world import World

__all__ = ["Writing", "write_query"]

_MAX_NAMINGS = 24
_MAX_WRITINGS = 2000
_UNORDERED = frozenset({"=", "<>", "is", "and", "or", "*", "+", "real*", "&", "|"})
Names = Mapping[int, str]


@dataclass(frozen=True)
class Writing:
    """A statement's tree without its order, and the orders that its sources' names leave it to be written with."""

    body: str
    orders: frozenset[tuple[str, ...]]


def write_query(query: Query, world: World) -> Writing:
    """Write a simplified statement down."""
    return _Writer(world).statement(query)


class _Writer:
    def __init__(self, world: World) -> None:
        self._world = world
        self._written = 0

    def statement(self, query: Query) -> Writing:
        if not isinstance(query, Block):
            return Writing(self._query(query, {}, {}, outputs=True, exact=False, top=True), frozenset({()}))
        texts = list(self._namings(query, {}, {}, outputs=True, exact=False))
        body = min(text for text, _ in texts)
        return Writing(body, frozenset(order for text, order in texts if text == body))

    def _query(
        self, query: Query, names: Names, outer: Classes, *, outputs: bool, exact: bool, top: bool = False
    ) -> str:
        if isinstance(query, Frozen):
            return f"frozen {write_frozen(query.query, names)}"
        if isinstance(query, Compound):
            return self._compound(query, names, outer, exact=exact, top=top)
        texts = self._namings(query, names, outer, outputs=outputs, exact=exact)
        return min(f"{text} order {order}" if query.limit is not None else text for text, order in texts)

    def _compound(self, query: Compound, names: Names, outer: Classes, *, exact: bool, top: bool) -> str:
        """UNION and INTERSECT commute; not inside a query, where the first SELECT gives the result its affinity."""
        sides = [
            self._query(side, names, outer, outputs=True, exact=exact, top=top) for side in (query.left, query.right)
        ]
        if top and query.operator != "except":
            sides.sort()
        bounds = [term.text if term else "" for term in (query.limit, query.offset)]
        return f"({sides[0]} {query.operator} {sides[1]} order {query.order} limit {bounds})"

    def _namings(
        self, block: Block, names: Names, outer: Classes, *, outputs: bool, exact: bool
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the text of the block, and of its order, for each way to name its sources."""
        kinds: dict[str, list[Source]] = {}
        depth = len({name.split(".")[0] for name in names.values()})
        for source in block.sources:
            kind = source.table
            if source.query is not None:
                kind = self._query(source.query, {}, {}, outputs=True, exact=True)
            kinds.setdefault(kind, []).append(source)
        classes = equal_columns(block, self._world, outer)
        identities = sorted(kinds)
        choices = (islice(permutations(kinds[kind]), _MAX_NAMINGS) for kind in identities)
        for orders in islice(product(*choices), _MAX_NAMINGS):
            named = dict(names)
            for place, order in enumerate(orders):
                named.update({source.uid: f"{depth}.{place}.{index}" for index, source in enumerate(order)})
            self._written += 1
            yield _BlockWriter(self, named, classes, self._world).block(block, identities, outputs=outputs, exact=exact)
            if self._written > _MAX_WRITINGS:
                return

    def subquery(self, term: Term, names: Names, classes: Classes, *, exact: bool) -> str:
        assert term.query is not None
        outputs = term.head != "exists"
        return self._query(term.query, names, classes, outputs=outputs, exact=exact)


class _BlockWriter:
    """Writes one block under one naming of its sources."""

    def __init__(self, writer: _Writer, names: Names, classes: Classes, world: World) -> None:
        self._writer = writer
        self._names = names
        self._classes = classes
        self._world = world

    def block(self, block: Block, identities: list[str], *, outputs: bool, exact: bool) -> tuple[str, tuple[str, ...]]:
        own = sorted(self._names[source.uid] for source in block.sources)
        columns = [self.term(term, exact=exact) for term in block.outputs]
        group = [] if block.group is None else [self.term(term, exact=False) for term in block.group]
        if not self._world.same_plan:
            group.sort()
        parts = [
            f"from {identities} {own}",
            f"left {sorted(self._left(source) for source in block.sources if source.join == 'left')}",
            f"where {self._conditions(block)}",
            f"group {'none' if block.group is None else group}",
            f"having {sorted(self.term(term, exact=False) for term in block.having)}",
            f"limit {[bound.text if bound else '' for bound in (block.limit, block.offset)]}",
        ]
        if outputs or aggregates_rows(block):
            parts.append(f"{'distinct' if block.distinct else 'all'} {columns}")
        order = tuple(map(self._key, block.order))
        return f"({' '.join(parts)})", order

    def term(self, term: Term, *, exact: bool) -> str:
        if term.head == "column":
            return self._column(term, exact=exact)
        shows = argument_contexts(term, self._world, exact=exact)
        args = [self.term(arg, exact=form) for arg, form in zip(term.args, shows, strict=True)]
        if term.head in _UNORDERED:
            args.sort()
        elif term.head == "in":
            args[1:] = sorted(args[1:])
        if term.query is not None:
            args.append(self._writer.subquery(term, self._names, self._classes, exact=exact))
        return f"{term.head}{term.text!r}({', '.join(args)})"

    def _column(self, term: Term, *, exact: bool) -> str:
        place = (term.uid, term.text)
        exchangeable = not exact or self._world.affinity(term) == "text"
        members = self._classes.get(place, frozenset({place})) if exchangeable else frozenset({place})
        return self._members(members)

    def _members(self, members: frozenset[Column]) -> str:
        return "=".join(sorted(f"{self._names[uid]}.{name!r}" for uid, name in members))

    def _conditions(self, block: Block) -> list[str]:
        """Equalities between columns are written as the classes that they make, however many made them.

        One between columns of outer queries only is a condition like any other: it makes no class of this block's own.
        """
        own = {source.uid for source in block.sources}
        classes = {members for members in self._classes.values() if any(uid in own for uid, _ in members)}
        texts = set(map(self._members, classes))
        left = {source.uid for source in block.sources if source.join == "left"}
        for term in block.where:
            uids = {arg.uid for arg in term.args}
            made = is_equality(term, self._world) and bool(uids & own) and not uids & left
            if not made:
                texts.add(self.term(term, exact=False))
        return sorted(texts)

    def _left(self, source: Source) -> str:
        return f"{self._names[source.uid]} on {sorted(self.term(term, exact=False) for term in source.on)}"

    def _key(self, key: Key) -> str:
        return f"{self.term(key.term, exact=False)} {key.descending} {key.nulls_first}"
