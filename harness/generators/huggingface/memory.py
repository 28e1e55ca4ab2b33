"""How many rows fit: by arithmetic, from what the device or the budget has left beside the weights."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import torch

from harness.generators.huggingface.bank import Cells, Geometry
from harness.generators.huggingface.rows import Row

__all__ = ["GIB", "Workload", "available_bytes", "cap_process", "fit", "measure_peaks"]

GIB = 1 << 30
CONTEXT_GIB = 0.45
"""CUDA's context and its libraries' kernels: outside what torch counts."""
SLACK = 0.1
"""The share of what is left that is not planned with: fragmentation, and what recorded steps keep to themselves."""
ROWS = (1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Few steps, so that a little more or less free memory gives the same rows, and so the same last bits."""
TILES, TILE_ROWS = 4, 16
"""At least so many tiles where there are rows enough, and at most so many rows in one."""
PLACES = 4
CELLS = 64
"""Lengths are rounded up to multiples of this."""
CPU_ROWS = 32
PREFILL_TOKENS = {"cpu": 1024, "small": 2048, "large": 4096}
LARGE_GIB = 20


def cap_process(memory_gib: float) -> None:
    """Let torch take no more of the GPU than a card of `memory_gib` would have; 0 or a CPU: no cap."""
    if not memory_gib or not torch.cuda.is_available():
        return
    # Refills differ in size: segments that grow reserve little more than is used. What a user set is left.
    core = importlib.import_module("torch")._C  # noqa: SLF001 - torch names no other way at run time
    settings = getattr(core, "_accelerator_setAllocatorSettings", None)
    asked = os.environ.get("PYTORCH_CUDA_ALLOC_CONF") or os.environ.get("PYTORCH_ALLOC_CONF")
    if settings is not None and not asked and sys.platform == "linux":
        settings("expandable_segments:True")
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(min(1.0, max(0.0, memory_gib - CONTEXT_GIB) * GIB / total))


def available_bytes(memory_gib: float) -> int:
    """Return what torch may still take on the GPU, in bytes."""
    free, total = torch.cuda.mem_get_info()
    allocated = torch.cuda.memory_allocated()
    left = free + torch.cuda.memory_reserved() - allocated
    cap = min(memory_gib * GIB, total) if memory_gib else total
    return int(max(0.0, min(left, cap - CONTEXT_GIB * GIB - allocated)))


def measure_peaks() -> dict[str, float]:
    """Return GPU memory at its highest, in GiB; empty on a CPU."""
    if not torch.cuda.is_available():
        return {}
    return {
        "peak_allocated_gib": round(torch.cuda.max_memory_allocated() / GIB, 3),
        "peak_reserved_gib": round(torch.cuda.max_memory_reserved() / GIB, 3),
    }


class Workload:
    """What a phase asks for: its lengths, and with the model's sizes the bytes of a geometry."""

    def __init__(
        self, rows: Sequence[Row], cells: Cells, config: Any, max_new_tokens: int, *, masked: bool = False
    ) -> None:
        self._cells, self._config, self._masked = cells, config, masked
        # One more: a row may run over by a step before the host knows that it ended.
        self.own = _rounded(max(len(row.request.suffix) for row in rows) + max_new_tokens + 2)
        self.prefix = _rounded(max(len(row.request.prefix) for row in rows))
        self.prefixes = len({row.request.prefix for row in rows})
        self.longest = max(row.request.tokens for row in rows) + max_new_tokens
        self.rows = len(rows)

    def geometry(self, rows: int) -> Geometry:
        """Return the buffers for at most so many rows at once."""
        tile_rows = max(1, min(TILE_ROWS, rows // TILES))
        tiles = max(1, rows // tile_rows)
        return Geometry(tiles, tile_rows, self.own, self.prefix, max(1, min(PLACES, tiles, self.prefixes)))

    def bytes(self, rows: int, prefill_tokens: int) -> int:
        """Return what a geometry takes at its peak: its buffers, a step, and a refill.

        The step: logits (twice, and in fp32 for sampling; where rows are constrained six times more), scores and shares
        of one layer, gathered prefixes of one layer. The refill: activations of one layer for `prefill_tokens`, their
        mask, keys and values behind the prefix.
        """
        geometry, cells, config = self.geometry(rows), self._cells, self._config
        item = int(cells.dtype.itemsize)
        heads, vocabulary = config.num_attention_heads, config.vocab_size
        cell = cells.token_bytes // cells.layers
        buffers: int = cells.token_bytes * (geometry.rows * geometry.own + geometry.places * geometry.prefix)
        scores = geometry.rows * heads * (geometry.own + geometry.prefix) * (3 * 4 + item)
        logits = (8 if self._masked else 2) * item + 3 * 4
        step: int = geometry.rows * vocabulary * logits + scores + geometry.tiles * geometry.prefix * cell
        tokens = max(prefill_tokens, geometry.prefix)
        wide = 3 * config.intermediate_size + 6 * config.hidden_size + 4 * heads * cells.head_dim
        refill: int = (
            tokens * wide * max(item, 2) + tokens * (tokens + geometry.prefix) * (item + 2) + 2 * tokens * cell
        )
        return buffers + step + refill


def fit(workload: Workload, most: int, memory_gib: float, device: Any) -> tuple[Geometry, int]:
    """Return buffers for at most `most` rows, and how many tokens a refill may have."""
    if device.type != "cuda":
        return workload.geometry(min(most, CPU_ROWS, _enough(workload.rows))), PREFILL_TOKENS["cpu"]
    total = torch.cuda.mem_get_info()[1]
    large = min(memory_gib * GIB, total) >= LARGE_GIB * GIB if memory_gib else total >= LARGE_GIB * GIB
    prefill = PREFILL_TOKENS["large" if large else "small"]
    room = available_bytes(memory_gib) * (1 - SLACK)
    sizes = [rows for rows in ROWS if rows <= min(most, _enough(workload.rows))]
    fitting = [rows for rows in sizes if workload.bytes(rows, prefill) <= room]
    return workload.geometry(max(fitting, default=1)), prefill


def _enough(rows: int) -> int:
    return next((size for size in ROWS if size >= rows), ROWS[-1])


def _rounded(tokens: int) -> int:
    return -(-tokens // CELLS) * CELLS
