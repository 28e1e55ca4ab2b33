"""The memory of a decoding: keys and values of prefixes and of rows in buffers of fixed size, and each row's state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.generators.huggingface.board import Moves

__all__ = ["Bank", "Cells", "Geometry", "on_device"]


@dataclass(frozen=True)
class Geometry:
    """Sizes: `tiles` of `tile_rows` rows with room for `own` tokens each, `places` for prefixes of `prefix` tokens."""

    tiles: int
    tile_rows: int
    own: int
    prefix: int
    places: int

    @property
    def rows(self) -> int:
        """The number of slots."""
        return self.tiles * self.tile_rows


@dataclass(frozen=True)
class Cells:
    """What a model's keys and values look like, and where they are."""

    layers: int
    kv_heads: int
    head_dim: int
    dtype: Any
    device: Any

    @property
    def token_bytes(self) -> int:
        """What one token takes in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * int(self.dtype.itemsize)


def on_device(values: Sequence[int], device: Any) -> Any:
    """Return integers as a tensor on `device`, by a transfer that nobody waits for."""
    tensor = torch.tensor(values, dtype=torch.long)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class Bank:
    """Buffers that never move, so that a recorded step finds them.

    Keys and values: a layer each, [slots, kv heads, own, d] and [places, kv heads, prefix, d]. State, a number for each
    slot: `tokens` (chosen last, not yet stored), `used` (own tokens stored), `base` (tokens of the prefix), `keys` and
    `drawn` (for sampling); `holders`: the place of each tile's prefix. Empty slots hold what their last row left; they
    are computed along and read by nobody.
    """

    def __init__(self, geometry: Geometry, cells: Cells) -> None:
        self.geometry, self.cells = geometry, cells
        own = (geometry.rows, cells.kv_heads, geometry.own, cells.head_dim)
        prefix = (geometry.places, cells.kv_heads, geometry.prefix, cells.head_dim)
        self.own = [self._pair(own) for _ in range(cells.layers)]
        self.prefixes = [self._pair(prefix) for _ in range(cells.layers)]
        self.tokens, self.used, self.base, self.keys, self.drawn = (self._state(geometry.rows) for _ in range(5))
        self.holders = self._state(geometry.tiles)

    def _pair(self, shape: Sequence[int]) -> tuple[Any, Any]:
        # Zeros: what is masked must at least be a number.
        key, value = (torch.zeros(shape, dtype=self.cells.dtype, device=self.cells.device) for _ in range(2))
        return key, value

    def _state(self, size: int) -> Any:
        return torch.zeros(size, dtype=torch.long, device=self.cells.device)

    @property
    def state(self) -> tuple[Any, ...]:
        """What a step changes, beside cells that the next step would write again."""
        return self.tokens, self.used, self.drawn

    def hold(self, places: Sequence[int | None]) -> None:
        """Say which place each tile reads; a tile without one reads the first, to no effect."""
        self.holders.copy_(on_device([place or 0 for place in places], self.cells.device))

    def seat(self, slots: Sequence[int], tokens: Any, state: Sequence[Sequence[int]]) -> None:
        """Begin rows: their first tokens, and (own tokens, prefix tokens, key) of each."""
        at = on_device(slots, self.cells.device)
        used, base, keys = (on_device(column, self.cells.device) for column in zip(*state, strict=True))
        for buffer, values in zip(
            (self.tokens, self.used, self.base, self.keys), (tokens, used, base, keys), strict=True
        ):
            buffer.index_copy_(0, at, values)
        self.drawn.index_fill_(0, at, 1)

    def move(self, moves: Moves) -> None:
        """Carry rows from slot to slot."""
        if not moves:
            return
        sources, targets = (on_device(column, self.cells.device) for column in zip(*moves, strict=True))
        cells = [buffer for pair in self.own for buffer in pair]
        for buffer in [*cells, self.tokens, self.used, self.base, self.keys, self.drawn]:
            buffer.index_copy_(0, targets, buffer.index_select(0, sources))
