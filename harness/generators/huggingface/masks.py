"""What rows must not write while they are decoded: each row's track, and the bits of the tokens it may choose next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.decoding.base import Constraint
from harness.generators.huggingface.choosing import forbid
from harness.generators.huggingface.forbidding import Words
from harness.generators.huggingface.rows import Row
from harness.types import Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bans", "Fill", "Grammar", "Masks"]

Fill = Callable[[Sequence[Any], Any], None]
"""Fills the bit masks (uint32 [tracks, words]) of tracks: `harness.decoding.constraint.fill_all`."""
WORD_BITS = 32
ALL = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class Grammar:
    """A constraint, what fills its masks, and which schema the question with an index is about."""

    constraint: Constraint
    fill: Fill
    schema_of: Callable[[int], Schema]


@dataclass(frozen=True)
class Bans:
    """The vocabulary, and how tokens are read."""

    words: Words
    written: Callable[[Sequence[int]], str]


class Masks:
    """What keeps rows from tokens: a constraint, where there is one, and names that must not come next (`bans`)."""

    def __init__(self, grammar: Grammar | None, bans: Bans | None = None) -> None:
        self._grammar, self._bans = grammar, bans

    def start(self, row: Row) -> None:
        """Put a row at the beginning of its schema's grammar, or behind what is written of its answer."""
        if self._grammar is None:
            return
        request = row.request
        track = self._grammar.constraint.start(self._grammar.schema_of(request.prompt.index))
        begun = request.suffix[len(request.suffix) - request.begun :]
        # A beginning that the grammar does not have is nobody's constraint: what follows is free.
        row.track = track if all(map(track.advance, begun)) else None

    def advance(self, row: Row) -> None:
        """Tell a row's track its last token; a row ends where only an end token may come."""
        if row.track is None or row.finished:
            return
        fits = row.track.advance(row.ids[-1])
        row.complete = not fits or row.track.finished
        row.finished = row.complete

    def apply(self, logits: Any, rows: Sequence[tuple[int, Row]]) -> Any:
        """Return logits [n, vocabulary] with −∞ where rows, each with its line of `logits`, must not go.

        A row that may go nowhere is finished.
        """
        bans = {id(row): self._banned(row) for _, row in rows}
        bound = [(line, row) for line, row in rows if row.track is not None or bans[id(row)] is not None]
        rows = sorted((seat for seat in bound if not seat[1].finished), key=lambda seat: seat[1].track is None)
        if not rows:
            return logits
        words = -(-logits.shape[-1] // WORD_BITS)
        # A fresh buffer each time: the copy to the device may still be under way when the next one is filled.
        bits = torch.zeros(len(rows), words, dtype=torch.int32, pin_memory=logits.is_cuda)
        self._fill([row for _, row in rows], bits.numpy().view(np.uint32), bans)
        for (_, row), allowed in zip(rows, bits.numpy().any(axis=1).tolist(), strict=True):
            row.finished = row.complete = not allowed
        lines = torch.tensor([line for line, _ in rows])
        if logits.is_cuda:
            lines = lines.pin_memory()
        lines, bits = (one.to(logits.device, non_blocking=True) for one in (lines, bits))
        return logits.index_copy(0, lines, forbid(logits.index_select(0, lines), bits))

    def _fill(self, rows: Sequence[Row], bits: "NDArray[np.uint32]", bans: Mapping[int, Any]) -> None:
        """Fill the masks of rows, of which those with a track come first."""
        tracks = [row.track for row in rows if row.track is not None]
        if tracks and self._grammar is not None:
            self._grammar.fill(tracks, bits[: len(tracks)])
        bits[len(tracks) :] = ALL
        for row, mask in zip(rows, bits, strict=True):
            banned = bans[id(row)]
            if banned is not None:
                mask[: len(banned)] &= ~banned

    def _banned(self, row: Row) -> Any:
        if self._bans is None or not row.request.bans or row.finished:
            return None
        return self._bans.words.forbidden(self._bans.written(row.ids), row.request.bans)
