"""What a permit allows, arranged for looking up how it begins and how it goes on."""

from bisect import bisect_left
from functools import lru_cache
from itertools import takewhile

from harness.decoding.lexemes import is_plain
from harness.decoding.permits import Permit

__all__ = ["beginnings_of", "finishes_of", "may_begin", "rests_of", "word_sets"]

_CLOSING = {'"': '"', "`": "`", "[": "]"}


def may_begin(permit: Permit, text: str) -> bool:
    """Return whether the beginning of a lexeme, in lower case, can be finished to one that the permit admits.

    A quoted name that is closed counts as begun: what stands behind it says what it is.
    """
    if not text:
        return True
    if permit.only or text[0].isdigit():
        return not permit.only
    if text[0] in _CLOSING:
        return _may_begin_quoted(permit, text)
    if "'" in text:
        return permit.names is None or not permit.quoted
    if permit.names is None:
        barred = text in beginnings_of(permit.barred) and text not in beginnings_of(permit.keywords)
        return not barred and text not in permit.taken
    return any(text in beginnings_of(words) for words in word_sets(permit))


def _may_begin_quoted(permit: Permit, text: str) -> bool:
    if permit.names is None or (text[0] == '"' and not permit.quoted):
        return True
    names, begun = (permit.names, permit.qualifiers), text[1:]
    if begun.endswith(_CLOSING[text[0]]):
        return any(begun[:-1] in known for known in names)
    return any(begun in beginnings_of(known) for known in names)


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
    return frozenset(
        rest[:size] for rest in (f"{one}{end}" for one in finishes_of(words, begun)) for size in range(1, len(rest) + 1)
    )


@lru_cache(maxsize=20_000)
def finishes_of(words: frozenset[str], begun: str) -> frozenset[str]:
    """Return what finishes the words that begin like this, `""` for one that is finished."""
    ordered = _sorted(words)
    first = bisect_left(ordered, begun)
    found = takewhile(lambda word: word.startswith(begun), ordered[first:])
    return frozenset(word[len(begun) :] for word in found)


@lru_cache(maxsize=1_000)
def _sorted(words: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(words))
