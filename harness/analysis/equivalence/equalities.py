"""Columns that equality makes one: in any row that survives WHERE, one of them may stand for another.

Only columns whose comparison converts nothing count (`world.compare_alike`): TEXT beside INTEGER compares equal as
`'1'` and `1`, and both would come out as different cells. Between numeric columns, `1 = 1.0`; they may be exchanged
where a value is compared, grouped or shown, not where its form shows, as in `x / 2`. TEXT columns may be exchanged
anywhere.
"""

from collections.abc import Iterable, Mapping

from harness.analysis.equivalence.nullability import Column
from harness.analysis.equivalence.predicates import LITERALS
from harness.analysis.equivalence.terms import Block, Term
from harness.analysis.equivalence.world import World, compare_alike

__all__ = ["Classes", "equal_columns", "is_equality", "known_from"]

Classes = Mapping[Column, frozenset[Column]]


def equal_columns(block: Block, world: World, outer: Classes) -> dict[Column, frozenset[Column]]:
    """Return, for each column that WHERE sets equal to others, all of them; `outer` holds what the queries around know.

    Columns set equal to one and the same literal are equal as well. Those of a left join's right side are left out:
    WHERE sees them after NULLs were filled in, so that they are equal there too, but inside the join condition they
    aren't.
    """
    left = {source.uid for source in block.sources if source.join == "left"}
    classes = dict(outer)
    pinned: dict[Term, Column] = {}
    for term in block.where:
        if term.head != "=":
            continue
        columns = [arg for arg in term.args if arg.head == "column" and arg.uid not in left]
        literals = [arg for arg in term.args if arg.head in LITERALS]
        if is_equality(term, world) and len(columns) == len(term.args):
            _join(classes, *((arg.uid, arg.text) for arg in columns))
        elif len(columns) == 1 and literals:
            place = (columns[0].uid, columns[0].text)
            # The affinity is part of the key: beside TEXT, a literal means its text.
            key = Term(_kind(columns[0], world), (literals[0],))
            if key in pinned:
                _join(classes, pinned[key], place)
            pinned.setdefault(key, place)
    return classes


def is_equality(term: Term, world: World) -> bool:
    """Whether a condition sets two columns equal without converting either."""
    if term.head != "=" or any(arg.head != "column" for arg in term.args):
        return False
    left, right = map(world.affinity, term.args)
    return compare_alike(left, right)


def _kind(column: Term, world: World) -> str:
    affinity = world.affinity(column)
    return affinity if affinity in ("text", "blob") else "numeric"


def _join(classes: dict[Column, frozenset[Column]], first: Column, second: Column) -> None:
    merged = classes.get(first, frozenset({first})) | classes.get(second, frozenset({second}))
    for member in merged:
        classes[member] = merged


def known_from(known: Iterable[Column], classes: Classes) -> set[Column]:
    """Return the columns whose value follows from the known ones by equality."""
    found: set[Column] = set()
    for member in known:
        found |= classes.get(member, frozenset({member}))
    return found
