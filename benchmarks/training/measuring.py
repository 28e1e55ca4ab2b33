"""The figures of a training stack, as JSON takes them: speed beside the floor, memory, losses, versions.

The first steps (`WARM_STEPS`) are not timed. `real_tokens_per_s` counts the examples' tokens, `computed_tokens_per_s`
those that pass the layers, padding left out: with `ours` a schema once for its group, with `reference` what is left of
a cut example. `floor_share` divides it by the tokens that the device's peak allows at 2 N flops forward, 2 N backward
and 2 N for recomputing, N the quantised parameters: 6 N where every layer is computed again, else 4 N. `ours`, which
computes again what the budget leaves no room for, is held to 4 N.
"""

import importlib.metadata
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from trainer.shapes import known_shape

__all__ = ["STEP_EXAMPLES", "Clock", "Trained", "count_tokens", "describe", "floor_tokens_per_s"]

WARM_STEPS = 2
STEP_EXAMPLES = 16
GIB = 2**30
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "trl")
PEAK_FLOPS = {"H100 80GB HBM3": 798e12, "H200": 798e12}
"""Dense bf16 products a second, by what the name of the device holds."""


class Clock:
    """When each step ended, and what it lost."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.losses: list[float] = []

    def tick(self, loss: float | None = None) -> None:
        """Note the end of a step."""
        torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        if loss is not None:
            self.losses.append(round(loss, 4))


@dataclass(frozen=True)
class Trained:
    """What a stack tells of its run; of every step its (real, computed) tokens; `recomputes` every layer or not."""

    flags: dict[str, Any]
    step_tokens: Sequence[tuple[int, int]]
    recomputes: bool


def describe(stack: str, hub_id: str, examples: int, clock: Clock, trained: Trained) -> dict[str, Any]:
    """Return the figures of a run on this process's device; peaks are torch's own counters."""
    timed = examples - WARM_STEPS * STEP_EXAMPLES
    seconds = clock.ends[-1] - clock.ends[WARM_STEPS - 1]
    real, computed = (sum(column) / seconds for column in zip(*trained.step_tokens[WARM_STEPS:], strict=True))
    floor = floor_tokens_per_s(hub_id, torch.cuda.get_device_name(), recomputes=trained.recomputes)
    return {
        "stack": stack,
        "model": hub_id,
        "device": torch.cuda.get_device_name(),
        "examples": examples,
        "timed_examples": timed,
        "timed_s": round(seconds, 3),
        "examples_per_s": round(timed / seconds, 3),
        "real_tokens_per_s": round(real, 1),
        "computed_tokens_per_s": round(computed, 1),
        "floor_tokens_per_s": floor and round(floor, 1),
        "floor_share": floor and round(computed / floor, 4),
        "peak_allocated_gib": round(torch.cuda.max_memory_allocated() / GIB, 3),
        "peak_reserved_gib": round(torch.cuda.max_memory_reserved() / GIB, 3),
        "losses": clock.losses,
        "flags": trained.flags,
        "versions": {name: _version(name) for name in PACKAGES},
    }


def floor_tokens_per_s(hub_id: str, device: str, *, recomputes: bool) -> float | None:
    """Return the tokens a second at the device's peak; `None` for an unknown model or device."""
    shape = known_shape(hub_id)
    peak = next((flops for name, flops in PEAK_FLOPS.items() if name in device), None)
    if shape is None or peak is None:
        return None
    return peak / ((6 if recomputes else 4) * shape.block_parameters)


def count_tokens(rows: list[Any], most: int | None = None) -> list[tuple[int, int]]:
    """Return the (real, computed) tokens of each step of separate examples, in their order, cut at `most` tokens."""
    lengths = [sum(map(len, row[2:])) for row in rows]
    steps = [lengths[start : start + STEP_EXAMPLES] for start in range(0, len(lengths), STEP_EXAMPLES)]
    return [(sum(step), sum(min(length, most or length) for length in step)) for step in steps]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
