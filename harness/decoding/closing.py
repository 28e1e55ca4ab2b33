"""The very last tokens of a statement that would be cut: whatever can be closed is closed, and nothing is opened.

A statement in a hurry (`Track.hurry`) begins nothing that it can do without, and still may go on: with operators,
parentheses, arguments, a text. This is what ends it. Tokens are told apart by their text alone, so that it holds at
every level of a constraint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.decoding.vocabulary import Bits, pack

__all__ = ["Closing", "index_closing"]

_WORDS = ("end", "then", "from")
"""What is owed behind a complete operand: by CASE twice, and by a SELECT list whose names need a table."""
_OPENING = frozenset("(,=<>!+-*/|&%~")
"""What goes on with an operand or a list, or nests another into it."""
_CLOSED_BY = {"'": "'", '"': '"', "`": "`", "[": "]"}


@dataclass(frozen=True, eq=False)
class Closing:
    """What closes something in one vocabulary, the best first, and the bit mask of the tokens that are `opening`.

    `ranging` is the AND that a BETWEEN waits for; any other goes on.
    Each closer is a token and what must be able to come behind it: white space behind a word, which might be the
    beginning of a name otherwise. `quotes` has what closes a text or a quoted name, by the character that opened it;
    `spaces` are the tokens of white space.
    """

    closers: tuple[tuple[int, ...], ...]
    ranging: tuple[tuple[int, ...], ...]
    quotes: Mapping[str, tuple[int, ...]]
    opening: Bits
    spaces: Bits

    def candidates(self, partial: str, *, ranging: bool) -> tuple[tuple[int, ...], ...]:
        """Return what to try behind the beginning of a lexeme, the best first; `ranging`: a BETWEEN waits."""
        opened = partial.lstrip("xX")[:1]
        if opened in _CLOSED_BY and (len(partial) == 1 or partial[-1] != _CLOSED_BY[opened]):
            return (self.quotes[opened],) if opened in self.quotes else ()
        return self.closers + self.ranging if ranging else self.closers


def index_closing(texts: Sequence[str], ends: Sequence[int]) -> Closing:
    """Return what closes and what opens in a vocabulary; `texts` are latin-1, `ends` its end tokens."""
    spelled = {text: token for token, text in enumerate(texts)}
    signs = [(token,) for token in (*ends, *(spelled[sign] for sign in (";", ")") if sign in spelled))]
    closers = (*signs, *_spaced(spelled, _WORDS))
    quotes = {opened: (spelled[closed],) for opened, closed in _CLOSED_BY.items() if closed in spelled}
    opening = pack(len(texts), (token for token, text in enumerate(texts) if not _OPENING.isdisjoint(text)))
    spaces = pack(len(texts), (token for token, text in enumerate(texts) if text.isspace()))
    return Closing(closers, _spaced(spelled, ("and",)), quotes, opening, spaces)


def _spaced(spelled: Mapping[str, int], words: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return the tokens of words in capitals and small letters, each with the space that must be able to follow."""
    tokens = (spelled.get(text) for word in words for text in (f" {word.upper()}", f" {word}"))
    return tuple((token, spelled[" "]) for token in tokens if token is not None and " " in spelled)
