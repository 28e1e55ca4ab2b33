"""Random walks through the masks: statements that a model could be made to write, for finding out what they are worth.

Each token is drawn from those that the mask allows. Behind a while a walk hurries to its end: what closes something is
preferred to what goes on, and what goes on to what opens something.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

import numpy as np

from harness.decoding.constraint import GrammarConstraint
from harness.types import Schema

__all__ = ["Walk", "walk"]

_SPACES = " \t\r\n"
_STRINGS = ("'", '"')
_ORDER = (";", ")", "f", "0123456789", "`", "]", "[", "s", "t", "e", ",", "a", "j")
_OPENING = frozenset('(!%&*+-/<=>|~"')
_OBEYING = 0.8
_BEHIND = (";", ")", " ", ".")
"""What comes first where a walk hurries, `f` for FROM, `t` for THEN, `j` for JOIN; and behind a word or a number."""


@dataclass(frozen=True)
class Walk:
    """A statement, and whether it came to its end; `stuck` says that nothing but white space was allowed any more."""

    sql: str
    ended: bool
    stuck: bool


def walk(
    constraint: GrammarConstraint, schema: Schema, random: Random, *, patience: int = 150, most: int = 3000
) -> Walk:
    """Return a random statement; behind `patience` characters it hurries, and at `most` tokens it is given up."""
    track = constraint.start(schema)
    row = np.zeros(-(-constraint.vocabulary // 32), dtype=np.uint32)
    text, hurried = "", patience * random.uniform(0.1, 1.0)
    for _ in range(most):
        if len(text) > hurried:
            track.hurry()
        track.fill(row)
        allowed = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist()
        texts = {token: constraint.text(token) for token in allowed if not constraint.is_end(token)}
        if len(texts) < len(allowed) and (len(text) > hurried or random.random() < 0.1):  # noqa: PLR2004 - now and then
            return Walk(_decode(text), ended=True, stuck=False)
        worth = _worth_drawing(texts, text, track.partial)
        if not worth:
            return Walk(_decode(text), ended=len(texts) < len(allowed), stuck=len(texts) == len(allowed))
        if len(text) > hurried:
            calm = {token: one for token, one in worth.items() if one.strip()[:1] not in _OPENING} or worth
            worth = _preferred(calm, track.partial) if random.random() < _OBEYING else calm
        token = random.choice(sorted(worth))
        if not track.advance(token):
            return Walk(_decode(text + texts[token]), ended=False, stuck=True)
        text += texts[token]
    return Walk(_decode(text), ended=False, stuck=False)


def _worth_drawing(texts: dict[int, str], written: str, partial: str) -> dict[int, str]:
    """Return the tokens that may make a difference: no second space, no capitals, no control or other characters."""
    behind_space = bool(written) and written[-1] in _SPACES and not partial
    plain = {
        token: text
        for token, text in texts.items()
        if text == text.lower() and text.isascii() and text.isprintable() and not (behind_space and not text.strip())
    }
    quote = partial[:1]
    if quote in _STRINGS:  # what stands in a string makes no difference
        closed = len(partial) > 1 and partial[-1] == quote
        kept = {token: text for token, text in plain.items() if (text[0] == quote) != closed}
        return kept if len(partial) > 1 and kept else plain
    others = {t: x for t, x in texts.items() if x.strip()} if not behind_space else {}
    return plain or {token: text for token, text in others.items() if text.strip()}


def _preferred(texts: dict[int, str], partial: str) -> dict[int, str]:
    """Return what leads to the end."""
    joining = not partial and any(text == "j" for text in texts.values())
    for group in _BEHIND if partial else _ORDER:
        found = {token: text for token, text in texts.items() if (text.strip()[:1] or " ") in group}
        if found and not (group == "f" and joining):
            return found
    words = {token: text for token, text in texts.items() if text[0].isalnum() or text[0] == "_"}
    return words or texts


def _decode(text: Iterable[str]) -> str:
    return "".join(text).encode("latin-1").decode("utf-8", "replace")
