"""Many questions on one schema: `[schema][tail 1]…[tail G]` as one sequence that equals G separate ones.

The positions of every tail restart behind its schema, and attention allows (i, j) when j ≤ i and j is in i's
schema or in i's own tail. Several groups stand side by side in one sequence, blind for each other, so nothing is
ever padded. Dropout on a schema is one draw for its group.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainer.schedule import Group, group_tokens

__all__ = ["MicroBatch", "attention_mask", "mask_builder", "pack", "split_groups"]


@dataclass(frozen=True)
class MicroBatch:
    """Groups as one sequence of T tokens.

    `input_ids`, `positions`, `groups`, `tails`: [T] (`tails` is 0 in a schema and counts from 1 over the tails of a
    group). `rows`: the [N] places whose hidden state predicts a completion token, `targets`: the [N] tokens.
    `name` says which examples these are, for messages.
    """

    name: str
    input_ids: Any
    positions: Any
    groups: Any
    tails: Any
    rows: Any
    targets: Any

    @property
    def tokens(self) -> int:
        """How many tokens are computed."""
        return int(self.input_ids.numel())

    @property
    def completion_tokens(self) -> int:
        """How many tokens carry loss."""
        return int(self.targets.numel())

    def to(self, device: Any) -> "MicroBatch":
        """Return the same batch on `device`."""
        tensors = (self.input_ids, self.positions, self.groups, self.tails, self.rows, self.targets)
        return MicroBatch(self.name, *(tensor.to(device, non_blocking=True) for tensor in tensors))


def pack(groups: Sequence[Group]) -> MicroBatch:
    """Put groups side by side into one sequence; raises `ValueError` for a row without anything before its target."""
    ids: list[int] = []
    positions: list[int] = []
    of_group: list[int] = []
    of_tail: list[int] = []
    rows: list[int] = []
    targets: list[int] = []
    for number, group in enumerate(groups):
        prefix = group[0].prefix_ids
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
    names = ", ".join(f"{group[0].db_id}: {' '.join(row.question_id for row in group)}" for group in groups)
    columns = (ids, positions, of_group, of_tail, rows, targets)
    return MicroBatch(names, *(torch.tensor(column, dtype=torch.long) for column in columns))


def attention_mask(batch: MicroBatch, window: int | None = None) -> Any:
    """Return the boolean mask [1, 1, T, T], true where row i may look at column j.

    `window` is the model's sliding window in tokens, counted in positions, as in the separate example.
    """
    order = torch.arange(batch.tokens, device=batch.input_ids.device)
    allowed = order[:, None] >= order[None, :]
    allowed &= batch.groups[:, None] == batch.groups[None, :]
    allowed &= (batch.tails[None, :] == 0) | (batch.tails[:, None] == batch.tails[None, :])
    if window is not None:
        allowed &= batch.positions[:, None] - batch.positions[None, :] < window
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


def split_groups(groups: Iterable[Group], max_tokens: int) -> list[list[Group]]:
    """Put groups together as long as their tokens stay within `max_tokens`; 0 leaves each alone."""
    batches: list[list[Group]] = []
    tokens = 0
    for group in groups:
        size = group_tokens(group)
        if batches and tokens + size <= max_tokens:
            batches[-1].append(group)
            tokens += size
        else:
            batches.append([group])
            tokens = size
    return batches
