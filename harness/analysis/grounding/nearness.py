"""The nearest real name: by its letters and by its words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

__all__ = ["Candidate", "nearest"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_PLURAL = re.compile(r"(?<=\w\w\w)(?:(?<=[osxz])es|(?<!s)s)\Z")
_ENOUGH = 0.6
_PARTLY = 0.7
_TELLING = 4
"""Letters that a word must have to be recognised inside another."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that exists, what to write for it, and how much nearer it is for where it stands."""

    name: str
    written: str
    bonus: float = 0.0


def nearest(name: str, candidates: Iterable[Candidate]) -> str:
    """Return what to write for the candidate most like `name`, `""` when none is much like it.

    Likeness is the better of two: difflib's ratio of the letters, and the share of words (of snake_case, camelCase
    or prose) that both have, a word inside a longer one counting less. The bonus decides between candidates, not
    whether one is near enough.
    """
    words = _words(name)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2("".join(words))
    best, found = _ENOUGH, ""
    for candidate in candidates:
        others = _words(candidate.name)
        likeness = _share(words, others)
        bar = max(_ENOUGH, best - candidate.bonus)
        matcher.set_seq1("".join(others))
        if likeness < bar and matcher.real_quick_ratio() >= bar and matcher.quick_ratio() >= bar:
            likeness = max(likeness, matcher.ratio())
        if likeness >= _ENOUGH and likeness + candidate.bonus > best:
            best, found = likeness + candidate.bonus, candidate.written
    return found


def _share(words: Sequence[str], others: Sequence[str]) -> float:
    """Return Dice's coefficient of two lists of words."""
    if not words or not others:
        return 0.0
    common = sum(1.0 if word in others else _resemble(word, others) for word in words)
    return 2 * min(common, len(others)) / (len(words) + len(others))


def _resemble(word: str, others: Sequence[str]) -> float:
    if len(word) < _TELLING:
        return 0.0
    return _PARTLY if any(len(other) >= _TELLING and (word in other or other in word) for other in others) else 0.0


@lru_cache(maxsize=8192)
def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case and, roughly, in the singular."""
    return tuple(_PLURAL.sub("", word.lower()) for word in _WORD.findall(name))
