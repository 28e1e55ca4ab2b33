"""Which of the evaluated adapters of a training is delivered: by validation loss alone, never by test questions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Evaluated", "Selection", "choose"]

Evaluated = tuple[int, float]
"""An optimizer step and the validation loss after it, in nats a token of SQL."""


@dataclass(frozen=True)
class Selection:
    """The step whose adapter is delivered, its validation loss (`None` where nothing was evaluated), and why."""

    step: int
    eval_loss: float | None
    reason: str
    evaluations: tuple[Evaluated, ...] = ()


def choose(evaluations: Sequence[Evaluated], steps: int, *, keep_best: bool) -> Selection:
    """Choose among the evaluations of a training of `steps` steps; of equal losses the earlier step is taken."""
    seen = tuple((step, loss) for step, loss in evaluations)
    if not seen:
        return Selection(steps, None, "the last step: no databases are held out for validation")
    if not keep_best:
        return Selection(steps, dict(seen).get(steps), "the last step: train.keep_best is off", seen)
    step, loss = min(seen, key=lambda one: (not math.isfinite(one[1]), one[1], one[0]))
    count = f"{len(seen)} evaluation{'s' if len(seen) > 1 else ''}"
    return Selection(step, loss, f"the lowest validation loss of {count}", seen)
