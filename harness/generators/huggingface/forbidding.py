"""Names that must not come next: what a row is kept from where it goes on from the beginning of an answer.

A name is told by its letters, however it is cut into tokens, quoted or capitalised. Where the schema has a longer name
that begins with it, it may be written as the beginning of such a one; else it is not written to its end. Only what
stands directly behind the beginning of the answer is looked at.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.decoding.vocabulary import WORD_BITS
from harness.types import Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ban", "Words", "make_bans", "read_texts"]

_QUOTES = str.maketrans("", "", '"`[]')


class Ban(NamedTuple):
    """A name that must not come, folded; `begins`: unless as the beginning of a longer one."""

    name: str
    begins: bool = False


def make_bans(names: Iterable[str], schema: Schema | None) -> frozenset[Ban]:
    """Return the bans of names as an answer has them, with qualifiers."""
    tables = schema.tables if schema else ()
    known = [_fold(name) for table in tables for name in (table.name, *(column.name for column in table.columns))]
    bans = set()
    for name in filter(None, map(_fold, names)):
        last = name.rpartition(".")[2]
        bans.add(Ban(name, any(one.startswith(last) and one != last for one in known)))
    return frozenset(bans)


def read_texts(tokenizer: Any, vocabulary: int) -> list[str]:
    """Return the text of each token as it stands behind others, `""` for special ones and those that do not exist."""
    # Alone, some tokenisers leave out the space that a token begins with.
    before = tokenizer("a", add_special_tokens=False)["input_ids"][-1:]
    start = len(tokenizer.decode(before, skip_special_tokens=True))
    pairs = [[*before, token] for token in range(vocabulary)]
    return [text[start:] for text in tokenizer.batch_decode(pairs, skip_special_tokens=True)]


class Words:
    """The texts of a vocabulary's tokens, `""` for special ones."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = -(-len(texts) // WORD_BITS)
        self._later = sorted((_fold(text), token) for token, text in enumerate(texts))
        self._first = sorted((_fold(text.lstrip()), token) for token, text in enumerate(texts))
        self._endings = self._bits(token for text, token in self._later if not _goes_on(text))

    def forbidden(self, written: str, bans: Iterable[Ban]) -> "NDArray[np.uint32] | None":
        """Return the bits of the tokens that would write what is banned behind `written`; None where nothing can."""
        begun = _fold(written.lstrip())
        found = None
        for ban in bans:
            if ban.name.startswith(begun):
                bits = self._completing(ban, begun)
                found = bits if found is None else found | bits
        return found

    def _completing(self, ban: Ban, begun: str) -> "NDArray[np.uint32]":
        rest = ban.name[len(begun) :]
        if not rest:
            return self._endings
        table = self._later if begun else self._first
        tokens = []
        for place in range(bisect_left(table, (rest, -1)), len(table)):
            text, token = table[place]
            if not text.startswith(rest):
                break
            behind = text[len(rest) :]
            longer = _goes_on(ban.name[-1]) and (_goes_on(behind) if behind else ban.begins)
            if not longer:
                tokens.append(token)
        return self._bits(tokens)

    def _bits(self, tokens: Iterable[int]) -> "NDArray[np.uint32]":
        bits = np.zeros(self._words, dtype=np.uint32)
        for token in tokens:
            bits[token // WORD_BITS] |= np.uint32(1 << (token % WORD_BITS))
        return bits


def _fold(text: str) -> str:
    return text.translate(_QUOTES).casefold()


def _goes_on(text: str) -> bool:
    """Return whether a text behind a name makes it a longer name."""
    return bool(text) and (text[0].isalnum() or text[0] in "_$")
