"""What rows must not write while they are decoded.

A row chooses freely, and its track looks at what it chose: that costs a tenth of the mask of all tokens that it may
choose, and a model mostly chooses what it may. A row that was refused tries the next likeliest tokens, or as many draws
without replacement; only where none of those may come its mask is made.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.decoding.base import Constraint, Track
from harness.decoding.vocabulary import WORD_BITS
from harness.generators.huggingface.bank import on_device
from harness.generators.huggingface.choosing import Redraw, forbid
from harness.generators.huggingface.forbidding import Words
from harness.generators.huggingface.loops import is_loop
from harness.generators.huggingface.rows import Row
from harness.types import Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bans", "Fill", "Grammar", "Masks"]

Fill = Callable[[Sequence[Any], Any], None]
"""Fills the bit masks (uint32 [tracks, words]) of tracks: `harness.decoding.constraint.fill_all`."""
ALL = np.uint32(0xFFFFFFFF)
TRIED = 16
"""How many tokens are tried."""


@dataclass(frozen=True)
class Grammar:
    """A constraint, what fills its masks, and which schema the question with an index is about.

    Behind `patience` tokens of an answer its track is told to hurry, and behind `stretch` whatever can be closed is
    closed.
    """

    constraint: Constraint
    fill: Fill
    schema_of: Callable[[int], Schema]
    patience: float = inf
    stretch: float = inf


@dataclass(frozen=True)
class Bans:
    """The vocabulary, and how tokens are read."""

    words: Words
    written: Callable[[Sequence[int]], str]


class Masks:
    """What keeps rows from tokens: a constraint, where there is one, and names that must not come next (`bans`)."""

    def __init__(self, grammar: Grammar | None, bans: Bans | None = None) -> None:
        self._grammar, self._bans = grammar, bans

    def expect(self, rows: Iterable[Row]) -> None:
        """Have the grammars of rows that are to come compiled, each once, while their prompts are computed."""
        if self._grammar is None:
            return
        schemas = (self._grammar.schema_of(row.request.prompt.index) for row in rows)
        for schema in {id(schema): schema for schema in schemas}.values():
            self._grammar.constraint.start(schema)

    def start(self, row: Row) -> None:
        """Put a row at the beginning of its schema's grammar, or behind what is written of its answer."""
        if self._grammar is None:
            return
        request = row.request
        track = self._grammar.constraint.start(self._grammar.schema_of(request.prompt.index))
        begun = request.suffix[len(request.suffix) - request.begun :]
        # A beginning that the grammar does not have is nobody's constraint: what follows is free.
        row.track = track if all(map(track.advance, begun)) else None

    def admit(self, row: Row, token: int, *, circling: bool = False) -> bool:
        """Give a row's track the token that was chosen; return False, and change nothing, where it must not come.

        Nor may a row with a track go round in circles, or in its last tokens go on with what might end, unless it is
        `circling` for want of anything else: its statement would be cut off at the last token.
        """
        banned = self._banned(row)
        if banned is not None and token // WORD_BITS < len(banned) and _has(banned, token):
            return False
        if row.track is None:
            return True
        if self._grammar is not None and len(row.ids) >= self._grammar.patience:
            row.track.hurry()
        return (circling or not self._delays(row, token)) and row.track.advance(token)

    def admit_first(self, row: Row, tokens: Iterable[int]) -> int | None:
        """Give a row's track the first of some tokens that may come, and return it; None where none may."""
        track = self._closing(row)
        closer = None if track is None else track.closer()
        tried = tokens if closer is None else (closer, *tokens)
        return next((token for token in tried if self.admit(row, token)), None)

    def _delays(self, row: Row, token: int) -> bool:
        """Return whether a row that can do without a token had better not write it."""
        track = self._closing(row)
        if track is not None and (closer := track.closer()) is not None:
            return token != closer
        return is_loop(row.ids, token) or (track is not None and _has(track.opening, token))

    def _closing(self, row: Row) -> Track | None:
        """Return the track of a row in its last tokens, in which whatever can be closed is closed."""
        return row.track if self._grammar is not None and len(row.ids) >= self._grammar.stretch else None

    def close(self, row: Row) -> None:
        """End a row where only an end token may come."""
        if row.track is not None and not row.finished and row.track.finished:
            row.complete = row.finished = True

    def choose(self, logits: Any, rows: Sequence[Row], refused: Sequence[int], redraw: Redraw) -> list[int]:
        """Return other tokens for n rows whose tokens were refused, which their tracks have taken.

        `logits`: [n, vocabulary]. The next few, by probability or as they are drawn, are tried one by one before a mask
        is made. A row that may go nowhere is ended, and its token says nothing.
        """
        ranked = redraw.rank(logits, on_device(list(refused), logits.device), TRIED).tolist()
        tried = ((token for token in few if token >= 0) for few in ranked)
        found = [self.admit_first(row, few) for row, few in zip(rows, tried, strict=True)]
        tokens = [old if new is None else new for old, new in zip(refused, found, strict=True)]
        left = [number for number, token in enumerate(found) if token is None]
        if left:
            rest, struck = [rows[number] for number in left], [tokens[number] for number in left]
            if len(left) < len(rows):
                lines = on_device(left, logits.device)
                logits, redraw = logits[lines], redraw.of(lines)
            masked = self._choose_masked(logits, rest, struck, redraw)
            for number, token in zip(left, masked, strict=True):
                tokens[number] = token
        return tokens

    def _choose_masked(
        self, logits: Any, rows: Sequence[Row], refused: list[int], redraw: Redraw, *, circling: bool = False
    ) -> list[int]:
        allowed, tokens = self._restrict(logits, rows, circling=circling), refused
        waiting, attempt, stuck = list(range(len(rows))), 0, []
        while waiting:
            if attempt or not circling:
                # A mask is generous where a token holds two lexemes, so what was refused is struck out of it.
                struck = on_device([*waiting, *(tokens[number] for number in waiting)], allowed.device).view(2, -1)
                allowed.index_put_(tuple(struck), allowed.new_full((), float("-inf")))
            attempt += 1
            # One transfer: what is chosen where nothing may come says nothing.
            alive, chosen = torch.stack((allowed.isfinite().any(dim=-1).long(), redraw(allowed, attempt))).tolist()
            for number in waiting:
                rows[number].finished = rows[number].complete = circling and not alive[number]
            stuck += [number for number in waiting if not alive[number]]
            waiting = [number for number in waiting if alive[number]]
            for number in waiting:
                tokens[number] = chosen[number]
            waiting = [n for n in waiting if not self.admit(rows[n], tokens[n], circling=circling)]
        if stuck and not circling:
            # A name that has begun must be finished, though it was written before.
            lines, rest = on_device(stuck, logits.device), [rows[number] for number in stuck]
            again = [tokens[number] for number in stuck]
            found = self._choose_masked(logits[lines], rest, again, redraw.of(lines), circling=True)
            for number, token in zip(stuck, found, strict=True):
                tokens[number] = token
        return tokens

    def _restrict(self, logits: Any, rows: Sequence[Row], *, circling: bool) -> Any:
        words = -(-logits.shape[-1] // WORD_BITS)
        bits = np.full((len(rows), words), ALL, dtype=np.uint32)
        self._fill(rows, bits)
        for row, mask in zip(rows, bits, strict=True):
            track = None if circling else self._closing(row)
            if track is not None:
                width = min(len(mask), len(track.opening))
                mask[:width] &= ~track.opening[:width]
        allowed = torch.from_numpy(bits.view(np.int32))
        if logits.device.type == "cuda":
            allowed = allowed.pin_memory()
        return forbid(logits, allowed.to(logits.device, non_blocking=True))

    def _fill(self, rows: Sequence[Row], bits: "NDArray[np.uint32]") -> None:
        bound = [number for number, row in enumerate(rows) if row.track is not None]
        if bound and self._grammar is not None:
            masks = np.zeros((len(bound), bits.shape[1]), dtype=np.uint32)
            self._grammar.fill([rows[number].track for number in bound], masks)
            bits[bound] = masks
        for row, mask in zip(rows, bits, strict=True):
            banned = self._banned(row)
            if banned is not None:
                mask[: len(banned)] &= ~banned

    def _banned(self, row: Row) -> Any:
        if self._bans is None or not row.request.bans or row.finished:
            return None
        return self._bans.words.forbidden(self._bans.written(row.ids), row.request.bans)


def _has(bits: "NDArray[np.uint32]", token: int) -> bool:
    return bool(bits[token // WORD_BITS] >> np.uint32(token % WORD_BITS) & np.uint32(1))
