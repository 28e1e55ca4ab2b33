"""A query to its normal form: every rule in its turn, block by block, from the inside out."""

from collections.abc import Mapping
from dataclasses import replace

from harness.analysis.equivalence.aggregates import AggregateRules, ignores_duplicates
from harness.analysis.equivalence.arithmetic import simplify_arithmetic
from harness.analysis.equivalence.contexts import argument_contexts
from harness.analysis.equivalence.dependencies import Dependencies
from harness.analysis.equivalence.derived import merge_sources, merge_whole
from harness.analysis.equivalence.determinism import at_most_one_row, find_fragility, find_order_dependence
from harness.analysis.equivalence.equalities import Classes, equal_columns
from harness.analysis.equivalence.facts import TableFacts
from harness.analysis.equivalence.grouping import aggregates_rows, pick_of_groups, simplify_group
from harness.analysis.equivalence.nullability import NotNull
from harness.analysis.equivalence.ordering import simplify_order
from harness.analysis.equivalence.outer_joins import drop_unused, strengthen
from harness.analysis.equivalence.predicates import Normaliser
from harness.analysis.equivalence.scalars import merge_single_row, split_aggregates
from harness.analysis.equivalence.semijoins import join_subqueries
from harness.analysis.equivalence.terms import Block, Compound, Frozen, Query, Source, Term, conjuncts, rebuild, walk
from harness.analysis.equivalence.world import SourceFacts, World, table_source

__all__ = ["Simplifier"]

_DEDUPLICATING = ("union", "intersect", "except")


class Simplifier:
    """Rewrites resolved queries over one schema; `world` collects the facts of their sources."""

    def __init__(self, tables: Mapping[str, TableFacts], *, same_plan: bool = False) -> None:
        """`same_plan`: see `World`."""
        self.world = World(tables, same_plan)
        self._normaliser = Normaliser(self.world)

    def simplify(self, query: Query) -> Query:
        """Return the normal form of a whole statement: only the values of its result matter, and its order."""
        return self._simplify(query, {}, exact=False, top=True)

    def _simplify(
        self,
        query: Query,
        outer: Classes,
        *,
        exact: bool,
        top: bool = False,
        as_set: bool = False,
        in_from: bool = False,
    ) -> Query:
        """`as_set` says that nobody counts the rows; `exact` that the form of their values shows."""
        if isinstance(query, Frozen):
            return query
        self._learn_raw(query)
        if reason := find_fragility(query, self.world):
            return Frozen(query, reason, query.names)
        if isinstance(query, Compound):
            return self._simplify_compound(query, outer, exact=exact, top=top, as_set=as_set)
        block = self._simplify_sources(query)
        if isinstance(block, Frozen):
            return block
        block = self._normalise(block)
        if not top and block.limit is None:
            block = replace(block, order=())
        if as_set and not aggregates_rows(block) and block.limit is None:
            block = replace(block, distinct=True)
        if reason := self._plan_matters(block, outer, exact=exact, top=top):
            return Frozen(query, reason, query.names)
        if top and not self.world.same_plan:
            block = pick_of_groups(block)
        return self._rewrite(block, outer, exact=exact, in_from=in_from)

    def _simplify_compound(self, query: Compound, outer: Classes, *, exact: bool, top: bool, as_set: bool) -> Query:
        if query.limit is not None and not top:
            return Frozen(query, "LIMIT keeps any of its rows", query.names)
        inner_set = as_set or query.operator in _DEDUPLICATING
        # A set operation keeps the form of any of its equal values, and no type is declared for what it gives.
        sides = [self._simplify(side, outer, exact=exact, as_set=inner_set) for side in (query.left, query.right)]
        broken = next((side for side in sides if isinstance(side, Frozen)), None)
        if broken is not None or (exact and query.operator in _DEDUPLICATING):
            return Frozen(query, broken.reason if broken else "the form of what a set operation keeps", query.names)
        return replace(query, left=sides[0], right=sides[1])

    def _simplify_sources(self, block: Block) -> Block | Frozen:
        sources: list[Source] = []
        for source in block.sources:
            query = source.query
            if query is not None:
                query = self._simplify(query, {}, exact=True, in_from=True)
            if isinstance(query, (Frozen, Compound)):
                reason = query.reason if isinstance(query, Frozen) else "a set operation in FROM"
                return Frozen(block, reason, block.names)
            sources.append(
                replace(source, query=query, shared=False, join="inner" if source.join == "cross" else source.join)
            )
            self.world.sources[source.uid] = self._facts(sources[-1])
        return merge_whole(merge_sources(replace(block, sources=tuple(sources))), same_plan=self.world.same_plan)

    def _learn_raw(self, query: Query) -> None:
        """Learn what every source at any depth is called and typed, before anything is rewritten."""
        if isinstance(query, Compound):
            self._learn_raw(query.left)
            self._learn_raw(query.right)
        if not isinstance(query, Block):
            return
        for source in query.sources:
            if source.query is not None:
                self._learn_raw(source.query)
            if source.uid not in self.world.sources:
                self.world.sources[source.uid] = self._facts(source)
        for term in query.terms():
            for part in walk(term):
                if part.query is not None:
                    self._learn_raw(part.query)

    def _facts(self, source: Source) -> SourceFacts:
        query = source.query
        if query is None:
            return table_source(self.world.tables[source.table])
        if not isinstance(query, Block):
            return SourceFacts(dict.fromkeys(query.names, "none"))
        outputs = dict(zip(query.names, query.outputs, strict=True))
        not_null = NotNull(query, self.world)
        keys: list[frozenset[str]] = [frozenset(query.names)] if query.distinct else []
        if query.group is not None and set(query.group) <= set(query.outputs):
            keys.append(frozenset(name for name, term in outputs.items() if term in query.group))
        if query.group is None and aggregates_rows(query):
            keys.append(frozenset())
        return SourceFacts(
            affinities={name: self.world.affinity(term) for name, term in outputs.items()},
            not_null=frozenset(name for name, term in outputs.items() if not_null.holds(term)),
            null_safe_keys=tuple(keys),
            settled=frozenset(
                n for n, term in outputs.items() if term.head == "column" and self.world.is_settled(term)
            ),
        )

    def _normalise(self, block: Block) -> Block:
        normal = self._normaliser
        block = replace(
            block.replace_terms(normal.normalise),
            where=tuple(dict.fromkeys(part for term in block.where for part in normal.condition(term))),
            having=tuple(dict.fromkeys(part for term in block.having for part in normal.condition(term))),
            sources=tuple(
                replace(source, on=tuple(part for term in source.on for part in normal.condition(term)))
                for source in block.sources
            ),
        )
        return strengthen(block)

    def _plan_matters(self, block: Block, outer: Classes, *, exact: bool, top: bool) -> str:
        idle = top or self.world.same_plan or block.limit is None or self._limit_is_idle(block, outer)
        if not idle:
            return "LIMIT keeps any of its rows"
        return find_order_dependence(block, self.world, outer, exact=exact)

    def _limit_is_idle(self, block: Block, outer: Classes) -> bool:
        assert block.limit is not None
        return block.limit.text != "0" and block.offset is None and at_most_one_row(block, self.world, outer)

    def _rewrite(self, block: Block, outer: Classes, *, exact: bool, in_from: bool) -> Block:
        world = self.world
        if self._limits_nothing(block, outer):
            block = replace(block, limit=None)
        block = simplify_group(block, world, outer)
        block = self._mark_sets(block, outer, in_from=in_from)
        as_set = block.distinct or self._ignores_duplicates(block)
        block = self._open_subqueries(block)
        block = join_subqueries(block, world, self._normaliser, outer, duplicates_matter=not as_set)
        block = drop_unused(strengthen(block), world, duplicates_matter=not as_set)
        block = self._drop_idle_conditions(block)
        rules = AggregateRules(block, world, outer, self._normaliser)
        block = block.replace_terms(rules.rewrite)
        block = replace(
            block.replace_terms(lambda term: simplify_arithmetic(term, by_value=False)),
            outputs=tuple(simplify_arithmetic(term, by_value=not exact) for term in block.outputs),
        )
        block = split_aggregates(simplify_order(block, world, outer), always=in_from)
        classes = equal_columns(block, world, outer)
        block = block.replace_terms(lambda term: self._enter(term, classes, exact=exact))
        return block if in_from else merge_single_row(block)

    def _limits_nothing(self, block: Block, outer: Classes) -> bool:
        return block.limit is not None and self._limit_is_idle(block, outer)

    def _mark_sets(self, block: Block, outer: Classes, *, in_from: bool) -> Block:
        """A block whose rows are distinct anyway is marked DISTINCT; one with a single row in all needs no DISTINCT.

        In FROM it is the other way round: without DISTINCT it can be merged.
        """
        if aggregates_rows(block):
            shown = set(block.outputs)
            idle = block.group is None or set(block.group) <= shown
            return replace(block, distinct=block.distinct and not idle)
        shown_columns = [(term.uid, term.text) for term in block.outputs if term.head == "column"]
        unique = Dependencies(block, self.world, outer).decide_all(shown_columns)
        if in_from:
            return replace(block, distinct=block.distinct and not unique)
        return replace(block, distinct=block.distinct or unique)

    def _ignores_duplicates(self, block: Block) -> bool:
        aggregates = [part for term in block.terms() for part in walk(term) if part.head == "aggregate"]
        return bool(aggregates) and all(map(ignores_duplicates, aggregates))

    def _open_subqueries(self, block: Block) -> Block:
        """Normalise the sub-queries that stand as conjuncts of WHERE far enough for `join_subqueries` to read them."""

        def open_query(term: Term) -> Term:
            if term.head not in ("in_query", "exists") or not isinstance(term.query, Block):
                return term
            inner = self._simplify_sources(term.query)
            if isinstance(inner, Frozen) or any(part.query is not None for t in inner.terms() for part in walk(t)):
                return term
            return replace(term, query=self._normalise(inner))

        return replace(block, where=tuple(map(open_query, block.where)))

    def _drop_idle_conditions(self, block: Block) -> Block:
        """`x IS NOT NULL` is true where x cannot be NULL, for what the other conditions say; `a OR b` where `a` is."""
        for term in block.where:
            others = tuple(other for other in block.where if other is not term)
            present = term.head == "not" and term.args[0].head == "isnull"
            idle = present and NotNull(block, self.world, without=term).holds(term.args[0].args[0])
            if idle or (term.head == "or" and any(set(conjuncts(arg)) <= set(others) for arg in term.args)):
                return self._drop_idle_conditions(replace(block, where=others))
        return block

    def _enter(self, term: Term, classes: Classes, *, exact: bool) -> Term:
        """Simplify the sub-queries of a term, each for what is asked of it."""
        if term.args:
            shows = argument_contexts(term, self.world, exact=exact)
            args = (self._enter(arg, classes, exact=form) for arg, form in zip(term.args, shows, strict=True))
            term = rebuild(term, tuple(args))
        if term.query is None:
            return term
        if term.head != "scalar":
            exact = bool(term.args) and self._compares_as_text(term)
            return replace(term, query=self._simplify(term.query, classes, exact=exact, as_set=True))
        query = self._simplify(term.query, classes, exact=exact)
        if isinstance(query, Compound) or (
            isinstance(query, Block) and not at_most_one_row(query, self.world, classes)
        ):
            assert not isinstance(term.query, Frozen)
            query = Frozen(term.query, "a sub-query that may have several rows gives any of them", query.names)
        return replace(term, query=query)

    def _compares_as_text(self, term: Term) -> bool:
        inner = self.world.affinity(replace(term, head="scalar"))
        return inner != "text" and self.world.affinity(term.args[0]) == "text"
