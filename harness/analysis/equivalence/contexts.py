"""Where the form of a value shows: `1` and `1.0` are one value to a comparison, two to `/`, `||` or TYPEOF."""

from collections.abc import Iterator
from dataclasses import replace

from harness.analysis.equivalence.terms import Term
from harness.analysis.equivalence.world import World

__all__ = ["argument_contexts", "walk_exact"]

_COMPARISONS = frozenset({"=", "<>", "<", "<=", "is"})
_TRUTHS = frozenset({"and", "or", "not", "isnull"})


def argument_contexts(term: Term, world: World, *, exact: bool) -> tuple[bool, ...]:
    """Return for each argument whether its form shows in the value of the term; `exact` says so of the term itself."""
    if term.head in _COMPARISONS or term.head in ("in", "in_query"):
        return _compared(term, world)
    if term.head in _TRUTHS:
        return (False,) * len(term.args)
    if term.head == "case":
        return (*(exact and index % 2 == 1 for index in range(len(term.args) - 1)), exact)
    if term.head == "aggregate":
        return (exact or not (term.text.startswith("count") or term.text[:3] in ("min", "max")),) * len(term.args)
    if term.head == "call" and term.text == "coalesce":
        return (exact,) * len(term.args)
    return (not (term.head == "call" and term.text == "round"), *(True for _ in term.args[1:]))[: len(term.args)]


def _compared(term: Term, world: World) -> tuple[bool, ...]:
    """TEXT beside an operand without affinity turns that into text, where its form shows."""
    own = world.affinity(term.args[0])
    if term.head == "in":
        return (False, *(own == "text" for _ in term.args[1:]))
    other = world.affinity(replace(term, head="scalar") if term.head == "in_query" else term.args[1])
    return (other == "text" and own != "text", own == "text" and other != "text")[: len(term.args)]


def walk_exact(term: Term, world: World, *, exact: bool) -> Iterator[tuple[Term, bool]]:
    """Yield every part of a term with whether its form shows, not entering the arguments of aggregates."""
    yield term, exact
    if term.head == "aggregate":
        return
    for arg, shows in zip(term.args, argument_contexts(term, world, exact=exact), strict=True):
        yield from walk_exact(arg, world, exact=shows)
