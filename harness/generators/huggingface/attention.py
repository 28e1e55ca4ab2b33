"""The three attentions of a shared prefix: over the prefix itself, of suffixes behind it, of single tokens behind both.

Every query looks at the keys of its prefix, which are there once for all its rows, and at its row's own. While rows are
decoded these are two products with one softmax over both: queries of a tile's rows meet their prefix in one
matrix product, each row meets its own keys. One softmax needs no merging by log-sum-exp, and its sums are fp32, as
they are in fused kernels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from harness.generators.huggingface.bank import Bank

__all__ = ["DecodeAttention", "PrefixAttention", "SuffixAttention", "SuffixPlan"]

ALIGNMENT = 16
"""Elements between the rows of a mask: else the kernel copies it, in every layer."""


class PrefixAttention:
    """Causal attention of one prefix, whose keys and values are put into their place."""

    def __init__(self, bank: Bank, place: int, windows: Sequence[int | None]) -> None:
        self._bank, self._place, self._windows = bank, place, windows
        self._masks: dict[int | None, Any] = {}

    def attend(self, layer: int, states: tuple[Any, Any, Any], scale: float) -> Any:
        """See `Attending`; the batch is one prefix."""
        query, key, value = states
        length = key.shape[2]
        for cells, new in zip(self._bank.prefixes[layer], (key, value), strict=True):
            cells[self._place, :, :length] = new[0]
        window = self._windows[layer]
        if window is None or length <= window:
            return _fused(query, key[0], value[0], None, scale)
        if window not in self._masks:
            order = torch.arange(length, device=query.device)
            self._masks[window] = _additive(_causal(order, order, window), query.dtype)
        return _fused(query, key[0], value[0], self._masks[window], scale)


@dataclass(frozen=True)
class SuffixPlan:
    """Suffixes side by side in one sequence of N tokens behind the prefix (of `length` tokens) in `place`.

    `rows`, `positions`: [N], whose token it is and where it stands in its prompt; where keys and values go: token
    `sources` of the sequence is own token `targets` of slot `slots`, all of one length (samples share a suffix).
    """

    place: int
    length: int
    rows: Any
    positions: Any
    sources: Any
    slots: Any
    targets: Any


class SuffixAttention:
    """Attention of suffixes behind one prefix, each blind for the others."""

    def __init__(self, bank: Bank, plan: SuffixPlan, windows: Sequence[int | None]) -> None:
        self._bank, self._plan, self._windows = bank, plan, windows
        self._masks: dict[int | None, Any] = {}

    def attend(self, layer: int, states: tuple[Any, Any, Any], scale: float) -> Any:
        """See `Attending`; the batch is the one sequence of all suffixes."""
        query, *new = states
        plan = self._plan
        seen = []
        for own, prefix, fresh in zip(self._bank.own[layer], self._bank.prefixes[layer], new, strict=True):
            own[plan.slots, :, plan.targets] = fresh[0].transpose(0, 1)[plan.sources]
            seen.append(torch.cat((prefix[plan.place, :, : plan.length], fresh[0]), dim=1))
        return _fused(query, seen[0], seen[1], self._mask(self._windows[layer], query.dtype), scale)

    def _mask(self, window: int | None, dtype: Any) -> Any:
        if window not in self._masks:
            plan = self._plan
            own = (plan.rows[:, None] == plan.rows[None, :]) & _causal(plan.positions, plan.positions, window)
            order = torch.arange(plan.length, device=own.device)
            self._masks[window] = _additive(torch.cat((_causal(plan.positions, order, window), own), dim=1), dtype)
        return self._masks[window]


class DecodeAttention:
    """Attention of one new token of each row in the first `tiles` tiles; `own` is how many own tokens are looked at.

    `blocks`: the places of the prefixes that equal shares of the rows read: a tile each, or one for all.
    """

    def __init__(self, bank: Bank, tiles: int, own: int, blocks: Any, windows: Sequence[int | None]) -> None:
        self._bank, self._own, self._blocks, self._windows = bank, own, blocks, windows
        self._rows = tiles * bank.geometry.tile_rows
        self._used, self._base = bank.used[: self._rows], bank.base[: self._rows]
        # Empty slots count on; what they write must still fall into their own cells.
        self._targets = self._used.clamp(max=bank.geometry.own - 1)[:, None, None, None]
        self._masks = {window: self._mask(window) for window in dict.fromkeys(windows)}

    def attend(self, layer: int, states: tuple[Any, Any, Any], scale: float) -> Any:
        """See `Attending`; the batch is the rows, one token each."""
        query, *new = states
        heads, size = new[0].shape[1], query.shape[-1]
        query = query.view(self._rows, heads, -1, size)
        seen = []
        for own, fresh in zip(self._bank.own[layer], new, strict=True):
            own[: self._rows].scatter_(2, self._targets.expand(fresh.shape), fresh)
            seen.append(own[: self._rows, :, : self._own].flatten(0, 1))
        keys, values = seen
        scores = _products(query.flatten(0, 1), keys.transpose(1, 2)).view(*query.shape[:3], self._own)
        prefix = self._prefix(layer)
        if prefix is not None:
            ahead = self._ungroup(_products(self._group(query), prefix[0].transpose(1, 2)), query.shape)
            scores = torch.cat((ahead, scores), dim=-1)
        shares = scores.mul_(scale).add_(self._masks[self._windows[layer]]).softmax(dim=-1).to(query.dtype)
        found = _products(shares[..., shares.shape[-1] - self._own :].flatten(0, 1), values).view(query.shape)
        if prefix is not None:
            ahead = shares[..., : shares.shape[-1] - self._own]
            found = found + self._ungroup(_products(self._group(ahead), prefix[1]), query.shape)
        return found.to(query.dtype).view(self._rows, 1, -1, size)

    def _prefix(self, layer: int) -> tuple[Any, Any] | None:
        """Return keys and values [blocks × kv heads, prefix, d]."""
        if not self._bank.geometry.prefix:
            return None
        keys, values = (one.index_select(0, self._blocks).flatten(0, 1) for one in self._bank.prefixes[layer])
        return keys, values

    def _group(self, x: Any) -> Any:
        """Return [rows, kv heads, heads of each, …] as [blocks × kv heads, rows of a block × heads of each, …]."""
        blocks = x.unflatten(0, (self._blocks.shape[0], -1)).transpose(1, 2)
        return blocks.flatten(2, 3).flatten(0, 1)

    def _ungroup(self, x: Any, shape: Sequence[int]) -> Any:
        blocks = x.view(self._blocks.shape[0], shape[1], -1, shape[2], x.shape[-1])
        return blocks.transpose(1, 2).reshape(*shape[:3], x.shape[-1])

    def _mask(self, window: int | None) -> Any:
        own = torch.arange(self._own, device=self._used.device)
        prefix = torch.arange(self._bank.geometry.prefix, device=self._used.device)
        seen = torch.cat(
            (
                (prefix < self._base[:, None]) & _causal(self._base + self._used, prefix, window),
                _causal(self._used, own, window),
            ),
            dim=1,
        )
        mask = torch.zeros(seen.shape, dtype=torch.float32, device=seen.device)
        return mask.masked_fill_(~seen, float("-inf"))[:, None, None]


def _causal(queries: Any, keys: Any, window: int | None) -> Any:
    distance = queries[:, None] - keys[None, :]
    return distance >= 0 if window is None else (distance >= 0) & (distance < window)


def _additive(seen: Any, dtype: Any) -> Any:
    rows, columns = seen.shape
    mask = torch.zeros(rows, -(-columns // ALIGNMENT) * ALIGNMENT, dtype=dtype, device=seen.device)
    mask[:, :columns].masked_fill_(~seen, float("-inf"))
    return mask[None, None, :, :columns]


def _fused(query: Any, key: Any, value: Any, mask: Any, scale: float) -> Any:
    """Return torch's own attention of queries [1, heads, N, d] at keys and values [kv heads, M, d].

    Each head of keys serves several of queries without being copied: it is a batch of its own.
    """
    query = query[0].unflatten(0, (key.shape[0], -1))
    key, value = (one[:, None].expand(-1, query.shape[1], -1, -1) for one in (key, value))
    found = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=mask is None, scale=scale
    )
    return found.permute(2, 0, 1, 3).flatten(1, 2)[None]


def _products(left: Any, right: Any) -> Any:
    """Return the products of matrices in fp32, whatever they are in."""
    if left.dtype is torch.float32:
        return torch.bmm(left, right)
    if _widens(left.device.type, left.dtype):
        return torch.bmm(left, right, out_dtype=torch.float32)
    return torch.bmm(left.float(), right.float())


@cache
def _widens(device_type: str, dtype: Any) -> bool:
    """Return whether torch multiplies matrices of a narrow type with a result in fp32 on this device."""
    one = torch.ones(2, 8, 16, dtype=dtype, device=device_type)
    try:
        product = torch.bmm(one[:, :4], one.transpose(1, 2), out_dtype=torch.float32)
    except (RuntimeError, TypeError):  # an older release, or not on this device
        return False
    return bool((product == one.shape[-1]).all())
