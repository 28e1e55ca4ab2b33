"""Bare columns in front of FROM that no choice of tables could make clear.

`SELECT label, element, molecule_id`: where `label` is in one table and `element` in another, both must be read, and if
both have a `molecule_id` it needs a qualifier.
"""

from functools import lru_cache

from harness.decoding.scope import Known

__all__ = ["without_clashes"]

_KEPT = 5_000


@lru_cache(maxsize=_KEPT)
def without_clashes(names: frozenset[str], known: Known, wanted: frozenset[str]) -> frozenset[str]:
    """Return the names of which one more may be written bare; `wanted` are the columns that stand bare already."""
    found = known.bound
    apart = {
        name: frozenset(one for one in wanted if one in found and found[name].tables.isdisjoint(found[one].tables))
        for name in names & found.keys()
    }
    twice = {
        column
        for one in wanted & found.keys()
        for other in wanted & found.keys()
        if found[one].tables.isdisjoint(found[other].tables)
        for column in found[one].columns & found[other].columns
    }
    clashing = {
        name
        for name, others in apart.items()
        if any(not (wanted | {name}).isdisjoint(found[name].columns & found[other].columns) for other in others)
    }
    unclear = (clashing | twice) & names
    return names - unclear if unclear else names
