"""Aggregates in normal form: most of what people write counts rows, or rows that meet a condition."""

from dataclasses import replace

from harness.analysis.equivalence.dependencies import Dependencies
from harness.analysis.equivalence.equalities import Classes
from harness.analysis.equivalence.nullability import NotNull
from harness.analysis.equivalence.predicates import Normaliser, conjunction
from harness.analysis.equivalence.terms import FALSE, NULL, TRUE, Block, Term, conjuncts, rebuild
from harness.analysis.equivalence.world import World

__all__ = ["AggregateRules", "ignores_duplicates"]

_ONES = {TRUE: "sum_if", Term("real", text="1.0"): "sum_ones"}


def ignores_duplicates(term: Term) -> bool:
    """Whether an aggregate gives the same for a bag of rows as for the set of them, by value."""
    return term.text in (
        "min",
        "max",
        "min distinct",
        "max distinct",
        "count distinct",
        "sum distinct",
        "avg distinct",
        "total distinct",
    )


class AggregateRules:
    """Rewrites the aggregates of one block.

    `count` without argument counts rows, `count_if` those for which a condition is true; `sum_if` is the same but
    NULL where there are no rows at all, `sum_some` NULL where none is counted, `sum_ones` a `sum_if` over `1.0` and
    `0`.
    """

    def __init__(self, block: Block, world: World, outer: Classes, normaliser: Normaliser) -> None:
        self._block = block
        self._world = world
        self._outer = outer
        self._not_null = NotNull(block, world)
        self._normaliser = normaliser

    def rewrite(self, term: Term) -> Term:
        """Return the term with every aggregate in it in normal form."""
        if term.head == "aggregate":
            return self._aggregate(term)
        return rebuild(term, tuple(map(self.rewrite, term.args))) if term.args else term

    def _aggregate(self, term: Term) -> Term:
        if term.text in ("min distinct", "max distinct"):
            return replace(term, text=term.text[:3])
        if term.text == "count distinct":
            term = self._count_distinct(term)
        if term.text == "count" and term.args:
            return self._count(term.args[0])
        if term.text == "sum":
            return self._sum(term)
        if term.text == "avg" and (condition := _one_or_zero(term.args[0])):
            return Term("aggregate", (condition[0],), "avg_if")
        return term

    def _count_distinct(self, term: Term) -> Term:
        """COUNT(DISTINCT x) is COUNT(x) where no two rows of a group have the same `x`, NULLs aside.

        That is so when `x`, which is not NULL in the rows that count, decides the row of every source together with
        the group's keys.
        """
        (argument,) = term.args
        if argument.head != "column":
            return term
        place = (argument.uid, argument.text)
        keys = [(key.uid, key.text) for key in self._block.group or () if key.head == "column"]
        dependencies = Dependencies(self._block, self._world, self._outer, present=frozenset({place}))
        if dependencies.decide_all([place, *keys]):
            return Term("aggregate", (argument,), "count")
        return term

    def _count(self, argument: Term) -> Term:
        """COUNT(x) counts the rows where x is not NULL; of a CASE with one condition, those that meet it.

        `CASE WHEN c THEN x END` has a value where `c` is true and `x` is not NULL.
        """
        if argument.head == "case" and len(argument.args) == 3 and argument.args[2] == NULL:  # noqa: PLR2004
            condition, value, _ = argument.args
            if not self._not_null.given(condition, value):
                condition = conjunction(self._normaliser.condition(Term("and", (condition, _has_value(value)))))
            return self._count_if(condition)
        if self._not_null.holds(argument):
            return Term("aggregate", text="count")
        return self._count_if(_has_value(argument))

    def _count_if(self, condition: Term) -> Term:
        left = self._left_open(condition)
        return Term("aggregate", text="count") if left == TRUE else Term("aggregate", (left,), "count_if")

    def _left_open(self, condition: Term) -> Term:
        """Drop what WHERE has already: it is true of every row."""
        return conjunction(tuple(part for part in conjuncts(condition) if part not in self._block.where))

    def _sum(self, term: Term) -> Term:
        """SUM(CASE WHEN c THEN 1 ELSE 0 END) counts like COUNT(CASE WHEN c THEN 1 END) as soon as there are rows.

        A group always has rows. The sums are whole numbers far below 2^63: neither order nor overflow matters.
        """
        found = _one_or_zero(term.args[0])
        if found is None:
            return term
        condition, head = found
        if head == "sum_if" and self._block.group is not None:
            return self._count_if(condition)
        return Term("aggregate", (self._left_open(condition),), head)


def _one_or_zero(argument: Term) -> tuple[Term, str] | None:
    """Return the condition of `CASE WHEN condition THEN 1 ELSE 0 END`, and which sum it makes."""
    if argument.head != "case" or len(argument.args) != 3:  # noqa: PLR2004 — condition, value, ELSE
        return None
    condition, value, otherwise = argument.args
    if value in _ONES and otherwise == FALSE:
        return condition, _ONES[value]
    if value == TRUE and otherwise == NULL:
        return condition, "sum_some"
    return None


def _has_value(term: Term) -> Term:
    return Term("not", (Term("isnull", (term,)),))
