"""The functions that a statement may call, by how they are called: the installed SQLite's, as the executor allows them.

A wrong number of arguments cannot be written where SQLite tells how many it wants. Not covered: functions whose
arguments must come in pairs (`json_object`) or be constants (`likelihood`), full-text functions, and `like()` and
`glob()`, which everybody writes as operators.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from harness.execution.authorizer import FUNCTIONS
from harness.execution.build import function_arities

__all__ = ["Call", "calls", "function_names"]

_MOST_ARGUMENTS = 127  # SQLite's own limit
_UNFIT = """
    -> ->> current_date current_time current_timestamp match snippet offsets matchinfo highlight bm25 subtype likelihood
    json_object jsonb_object json_group_object jsonb_group_object json_set json_insert json_replace like glob jsonb_set
    jsonb_insert jsonb_replace json_array_insert jsonb_array_insert if
"""
_LEFT_OUT = frozenset(_UNFIT.split())
_FEWEST = {
    "coalesce": 2,
    "max": 2,
    "min": 2,
    "printf": 1,
    "format": 1,
    "strftime": 1,
    "char": 1,
    "json_extract": 2,
    "json_remove": 2,
}
_WINDOWS = "row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value"
_WINDOW_ONLY = frozenset(_WINDOWS.split())


@dataclass(frozen=True, order=True)
class Call:
    """How functions are called: `kind` is scalar, aggregate or window; `most` is None where there is no limit."""

    kind: str
    fewest: int
    most: int | None


@cache
def calls() -> dict[Call, tuple[str, ...]]:
    """Return the functions by how they are called; `min` and `max` are there twice, as scalar and as aggregate."""
    arities: dict[tuple[str, str], set[int]] = defaultdict(set)
    for name, kind, arguments in function_arities():
        if name in FUNCTIONS and name not in _LEFT_OUT:
            arities[name, _kind(name, kind)].add(arguments)
    grouped: dict[Call, list[str]] = defaultdict(list)
    for (name, kind), counts in arities.items():
        grouped[_call(name, kind, counts)].append(name)
    return {call: tuple(sorted(names)) for call, names in sorted(grouped.items(), key=lambda item: str(item[0]))}


@cache
def function_names(*kinds: str) -> frozenset[str]:
    """Return the names of the functions of some kinds, in lower case."""
    return frozenset(name for call, names in calls().items() if call.kind in kinds for name in names)


def _kind(name: str, kind: str) -> str:
    if name in _WINDOW_ONLY:
        return "window"
    return "scalar" if kind == "s" else "aggregate"


def _call(name: str, kind: str, counts: set[int]) -> Call:
    bounded = sorted(count for count in counts if count >= 0)
    # `count()` counts rows as `count(*)` does, and nobody writes it.
    fewest = max(bounded[0], 1) if bounded and kind == "aggregate" else bounded[0] if bounded else _FEWEST.get(name, 0)
    return Call(kind, fewest, bounded[-1] if bounded and len(bounded) == len(counts) else None)
