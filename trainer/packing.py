"""Many questions on one schema: `[schema][tail 1]…[tail G]` as one sequence that equals G separate ones.

The positions of every tail restart behind its schema, and attention allows (i, j) when j ≤ i and j is in i's
schema or in i's own tail. Several groups stand side by side in one sequence, blind for each other, so nothing is
ever padded. Dropout on a schema is one draw for its group.

Attention can be had in two forms: one mask for the whole sequence, which any model's layers take, or `Piece`s: a group
each, and of a long group two that leave out most of what a mask would throw away. There the schema looks at itself,
causally and without any mask, and its tails at the schema and themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from trainer.loads import WHOLE_TOKENS
from trainer.schedule import Group

__all__ = [
    "MicroBatch",
    "Piece",
    "Span",
    "attend",
    "attention_mask",
    "attention_pieces",
    "mask_builder",
    "pack",
]

ALIGNMENT = 16
"""Elements between the rows of a mask: else the kernel copies it, in every layer."""


@dataclass(frozen=True)
class Span:
    """The place of a group: `start`, where its tails begin (`split`), where it ends (`stop`), and how many tails."""

    start: int
    split: int
    stop: int
    tails: int


@dataclass(frozen=True)
class MicroBatch:
    """Groups as one sequence of T tokens.

    `input_ids`, `positions`, `groups`, `tails`: [T] (`tails` is 0 in a schema and counts from 1 over the tails of a
    group). `rows`: the [N] places whose hidden state predicts a completion token, `targets`: the [N] tokens.
    `name` says which examples these are, for messages; `spans` where the groups are, `longest` is that of the
    examples, in tokens: both are known without asking the device. `host_ids` are the `input_ids` in CPU memory.
    """

    name: str
    input_ids: Any
    positions: Any
    groups: Any
    tails: Any
    rows: Any
    targets: Any
    spans: tuple[Span, ...] = ()
    longest: int = 0
    host_ids: Any = None

    @property
    def tokens(self) -> int:
        """How many tokens are computed."""
        return int(self.input_ids.numel())

    @property
    def completion_tokens(self) -> int:
        """How many tokens carry loss."""
        return int(self.targets.numel())

    def to(self, device: Any) -> "MicroBatch":
        """Return the same batch on `device`, by one transfer that nobody waits for."""
        tensors = (self.input_ids, self.positions, self.groups, self.tails, self.rows, self.targets)
        if self.input_ids.device.type == torch.device(device).type:  # one process, one device
            return self
        flat = torch.cat(tensors)
        if torch.device(device).type == "cuda":
            flat = flat.pin_memory()
        moved = flat.to(device, non_blocking=True).split([tensor.numel() for tensor in tensors])
        names = ("input_ids", "positions", "groups", "tails", "rows", "targets")
        return replace(self, **dict(zip(names, moved, strict=True)))


def pack(groups: Sequence[Group]) -> MicroBatch:
    """Put groups side by side into one sequence; raises `ValueError` for a row without anything before its target."""
    ids: list[int] = []
    positions: list[int] = []
    of_group: list[int] = []
    of_tail: list[int] = []
    rows: list[int] = []
    targets: list[int] = []
    spans: list[Span] = []
    for number, group in enumerate(groups):
        prefix = group[0].prefix_ids
        start = len(ids)
        last_of_prefix = len(ids) + len(prefix) - 1
        ids += prefix
        positions += range(len(prefix))
        of_tail += [0] * len(prefix)
        for index, row in enumerate(group, start=1):
            if not prefix and not row.suffix_ids:
                raise ValueError(f"{row.question_id}: an empty prompt predicts nothing")
            # The hidden state before a token predicts it; before a tail stands the schema's last one.
            before = [last_of_prefix, *range(len(ids), len(ids) + len(row.suffix_ids) + len(row.target_ids))]
            rows += before[len(row.suffix_ids) : len(row.suffix_ids) + len(row.target_ids)]
            tail = (*row.suffix_ids, *row.target_ids)
            ids += tail
            targets += row.target_ids
            positions += range(len(prefix), len(prefix) + len(tail))
            of_tail += [index] * len(tail)
        of_group += [number] * (len(ids) - len(of_group))
        spans.append(Span(start, start + len(prefix), len(ids), len(group)))
    names = ", ".join(f"{group[0].db_id}: {' '.join(row.question_id for row in group)}" for group in groups)
    columns = (ids, positions, of_group, of_tail, rows, targets)
    tensors = [torch.tensor(column, dtype=torch.long) for column in columns]
    placed: dict[str, Any] = {"spans": tuple(spans), "longest": max(positions, default=-1) + 1, "host_ids": tensors[0]}
    return MicroBatch(names, *tensors, **placed)


def attention_mask(batch: MicroBatch, window: int | None = None, part: slice = slice(None)) -> Any:
    """Return the boolean mask [1, 1, T, T], true where row i may look at column j.

    `window` is the model's sliding window in tokens, counted in positions, as in the separate example; `part` is the
    part of the sequence that is asked for.
    """
    positions, groups, tails = (one[part] for one in (batch.positions, batch.groups, batch.tails))
    order = torch.arange(tails.numel(), device=tails.device)
    allowed = order[:, None] >= order[None, :]
    allowed &= groups[:, None] == groups[None, :]
    allowed &= (tails[None, :] == 0) | (tails[:, None] == tails[None, :])
    if window is not None:
        allowed &= positions[:, None] - positions[None, :] < window
    return allowed[None, None]


def mask_builder(config: Any) -> Callable[[MicroBatch], Any]:
    """Return what makes a model's mask: with its sliding window, one for each kind of layer where it has several."""
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if len(kinds) > 1:
        windows = {kind: window if kind == "sliding_attention" else None for kind in kinds}
        return lambda batch: {kind: attention_mask(batch, size) for kind, size in windows.items()}
    size = None if kinds == {"full_attention"} else window
    return lambda batch: attention_mask(batch, size)


@dataclass(frozen=True, eq=False)
class Piece:
    """Queries `first` to `stop` that look at keys `start` to `stop`: through a `mask` [1, 1, queries, keys], else back.

    `mask` is what is added to the products, −∞ where nothing is seen. `alone`: no other piece looks at these keys.
    """

    start: int
    first: int
    stop: int
    mask: Any
    alone: bool

    def cut(self, q: Any, k: Any, v: Any) -> tuple[Any, Any, Any]:
        """Return the piece's part of queries, keys and values [T, heads, d] as [kv heads, heads of each, tokens, d].

        Each head of keys serves several of queries without being copied: it is a batch of its own.
        """
        shared, keys = k.shape[1], slice(self.start, self.stop)
        q = q[self.first : self.stop].unflatten(1, (shared, -1)).permute(1, 2, 0, 3)
        k, v = (one[keys].transpose(0, 1)[:, None].expand(-1, q.shape[1], -1, -1) for one in (k, v))
        return q, k, v


def attention_pieces(batch: MicroBatch, window: int | None, dtype: Any) -> tuple[Piece, ...]:
    """Return the pieces whose queries, one piece after the other, are the sequence; masks are of type `dtype`.

    A group is one piece up to `WHOLE_TOKENS`, else two. A `window` changes nothing for examples within it; for longer
    ones each group gets its whole mask.
    """
    pieces: list[Piece] = []
    within = window is None or batch.longest <= window
    for span in batch.spans:
        start, split, stop = span.start, span.split, span.stop
        if within and span.tails == 1:
            pieces.append(Piece(start, start, stop, None, alone=True))
        elif within and stop - start > WHOLE_TOKENS and split > start:
            tails = batch.tails[split:stop]
            seen = (tails[:, None] == tails[None, :]).tril_()
            pieces.append(Piece(start, start, split, None, alone=False))
            pieces.append(Piece(start, split, stop, _additive(seen, split - start, dtype), alone=False))
        else:
            seen = attention_mask(batch, None if within else window, slice(start, stop))[0, 0]
            pieces.append(Piece(start, start, stop, _additive(seen, 0, dtype), alone=True))
    return tuple(pieces)


def _additive(seen: Any, before: int, dtype: Any) -> Any:
    """Return [1, 1, n, before + n] that hides what is not `seen` [n, n]; all that stands `before` is seen."""
    rows = seen.shape[0]
    columns = before + rows
    padded = -(-columns // ALIGNMENT) * ALIGNMENT
    mask = torch.zeros(rows, padded, dtype=dtype, device=seen.device)
    mask[:, before:columns].masked_fill_(~seen, float("-inf"))
    return mask[None, None, :, :columns]


def attend(piece: Piece, parts: Sequence[Any], scale: float) -> Any:
    """Return what a piece's attention gives, of the queries' shape; `parts` is what `Piece.cut` returned."""
    return torch.nn.functional.scaled_dot_product_attention(
        *parts, attn_mask=piece.mask, is_causal=piece.mask is None, scale=scale
    )
