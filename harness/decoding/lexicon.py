"""The words that a permit allows, arranged for looking up how they begin and how they go on."""

from bisect import bisect_left
from functools import lru_cache

from harness.decoding.lexemes import is_plain
from harness.decoding.permits import Permit

__all__ = ["beginnings_of", "rests_of", "word_sets"]


def word_sets(permit: Permit) -> tuple[frozenset[str], ...]:
    """Return the sets of bare words that a permit allows; they are kept apart because most of them come again."""
    assert permit.names is not None
    keywords = permit.keywords - permit.barred if permit.barred else permit.keywords
    names = _plain(permit.names, permit.behind_dot)
    return names, _plain(permit.qualifiers, False), permit.calls, keywords


@lru_cache(maxsize=1_000)
def _plain(names: frozenset[str], behind_dot: bool) -> frozenset[str]:  # noqa: FBT001
    """Return the names that may be written without quotes."""
    return frozenset(name for name in names if is_plain(name, after_dot=behind_dot))


@lru_cache(maxsize=1_000)
def beginnings_of(words: frozenset[str]) -> frozenset[str]:
    """Return all beginnings of some words, the words themselves and `""` among them."""
    return frozenset(word[:size] for word in words for size in range(len(word) + 1))


@lru_cache(maxsize=20_000)
def rests_of(words: frozenset[str], begun: str, end: str = "") -> frozenset[str]:
    """Return how words that begin like this may go on: every beginning of what is missing, with `end` behind it."""
    ordered = _sorted(words)
    rests: set[str] = set()
    for position in range(bisect_left(ordered, begun), len(ordered)):
        word = ordered[position]
        if not word.startswith(begun):
            break
        rest = word[len(begun) :] + end
        rests.update(rest[:size] for size in range(1, len(rest) + 1))
    return frozenset(rests)


@lru_cache(maxsize=1_000)
def _sorted(words: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(words))
