"""What a trainer is: anything that turns rows of tokens into an adapter folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from trainer.selection import Selection

__all__ = ["Adapter", "OnStep", "Row", "Step", "Trainer", "ignore_step"]


@dataclass(frozen=True, slots=True)
class Row:
    """One example as tokens: `prefix_ids` (the schema), `suffix_ids` (the question), `target_ids` (SQL and end).

    Only the target carries loss. Rows with equal `prefix_ids` may share them. `other_prefixes` are the same schema in
    other orders, one for each epoch behind the first; rows with equal `prefix_ids` have equal ones.
    """

    question_id: str
    db_id: str
    prefix_ids: tuple[int, ...]
    suffix_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    other_prefixes: tuple[tuple[int, ...], ...] = ()

    def in_epoch(self, number: int) -> "Row":
        """Return the row as epoch `number` (from 0) shows it."""
        place = number % (len(self.other_prefixes) + 1)
        return replace(self, prefix_ids=self.other_prefixes[place - 1]) if place else self

    @property
    def tokens(self) -> int:
        """The length of the whole example."""
        return len(self.prefix_ids) + len(self.suffix_ids) + len(self.target_ids)


@dataclass(frozen=True, slots=True)
class Step:
    """What is known after an optimizer step, or after an evaluation (then `eval_loss` is there and `loss` is not).

    `tokens_per_s` counts the tokens that were computed: a shared schema counts once. `vram_gib` is the peak
    reserved so far, `None` without a GPU.
    """

    step: int
    total_steps: int
    epoch: float
    loss: float | None = None
    eval_loss: float | None = None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    vram_gib: float | None = None


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter folder that is finished.

    `loss` is the mean of the last logged steps, `eval_loss` that of this adapter where it was evaluated. `tokens`
    counts what was computed in all epochs, `vram_gib` and `allocated_gib` are peaks (`None` without a GPU).
    `selection` says of which step the adapter is (`None`: of the last).
    """

    path: Path
    base_model: str
    rank: int
    steps: int
    loss: float | None
    eval_loss: float | None
    tokens: int
    time_s: float
    vram_gib: float | None = None
    allocated_gib: float | None = None
    selection: Selection | None = None


OnStep = Callable[[Step], None]


def ignore_step(_: Step) -> None:
    """Watch a training without a word."""


class Trainer(Protocol):
    """Trains. An implementation is a frozen dataclass that holds its configuration."""

    def train(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        output_dir: Path,
        *,
        resume: bool = False,
        on_step: OnStep | None = None,
    ) -> Adapter:
        """Write an adapter to `output_dir`; with `resume`, go on from the last whole checkpoint there.

        Raises `ModelError` when the base cannot be loaded and `RunError` when the loss or a gradient stops being
        a number, the disk is full, or a signal stops the training (`trainer.interruption.Stopped`).
        """
        ...
