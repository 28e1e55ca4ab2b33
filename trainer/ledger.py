"""What the steps lost, and whether it is a number, learnt without making the GPU wait."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.errors import RunError
from trainer.log import Window

__all__ = ["Ledger", "Overflows"]

MAX_OVERFLOWS = 25
"""From its start at 65,536 the scale of the loss is then below 1/100, where gradients vanish instead."""


@dataclass(frozen=True)
class _Entry:
    step: int
    names: tuple[str, ...]
    tokens: int
    values: Any
    copied: Any


@dataclass
class Ledger:
    """The last step, until its figures are needed: with `lag` they come while the next step is being queued."""

    window: Window
    lag: bool
    entry: _Entry | None = field(default=None, init=False)

    def note(self, step: int, names: Sequence[str], tokens: int, values: Sequence[Any]) -> None:
        """Note the losses of a step's micro-batches, and its gradient's norm behind them where that is measured."""
        self.settle()
        found, copied = torch.stack(list(values)), None
        if found.is_cuda:
            there = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
            there.copy_(found, non_blocking=True)
            copied = torch.cuda.Event()
            copied.record()
            found = there
        self.entry = _Entry(step, tuple(names), tokens, found, copied)
        if not self.lag:
            self.settle()

    def settle(self) -> None:
        """Count the last step, if there is one; raises `RunError` that names its examples when it is not a number."""
        entry, self.entry = self.entry, None
        if entry is None:
            return
        if entry.copied is not None:
            entry.copied.synchronize()
        losses = entry.values.tolist()
        for name, loss in zip(entry.names, losses, strict=False):
            if not math.isfinite(loss):
                raise RunError(_not_finite(entry.step, "loss", name))
        if not math.isfinite(losses[-1]):
            raise RunError(_not_finite(entry.step, "gradient", " · ".join(entry.names)))
        self.window.add(math.fsum(losses[: len(entry.names)]), entry.tokens)


def _not_finite(step: int, what: str, name: str) -> str:
    return (
        f"step {step}: the {what} is not a number (examples {name}); lower "
        "train.learning_rate, or set model.compute_dtype = 'fp32', and train into a new --out"
    )


@dataclass
class Overflows:
    """Counts the steps that fp16's scaler has skipped in a row: it skips some on purpose, to find its scale."""

    count: int = 0

    def note(self, step: int, *, skipped: bool) -> None:
        """Raise `RunError` when nothing has been learnt for `MAX_OVERFLOWS` steps."""
        self.count = self.count + 1 if skipped else 0
        if self.count >= MAX_OVERFLOWS:
            raise RunError(
                f"step {step}: the gradient has overflowed fp16 in {self.count} steps in a row, so nothing is learnt; "
                "this model's numbers are too large for fp16: set model.compute_dtype = 'fp32' (or 'bf16' on a card "
                "that has it), and train into a new --out"
            )
