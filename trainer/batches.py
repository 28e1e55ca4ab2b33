"""What a training computes together: the steps of its schedule, and how big a micro-batch may be on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.models import choose_device
from trainer import memory
from trainer.base import Row
from trainer.config import TrainConfig
from trainer.models import shape_of
from trainer.packing import split_groups
from trainer.schedule import Group, Schedule, group_rows, group_tokens, total_steps

__all__ = ["BatchPlan", "Steps", "plan_batches"]


@dataclass(frozen=True)
class BatchPlan:
    """The order of training, the validation micro-batches, and how many tokens a micro-batch may have (0: a group)."""

    schedule: Schedule
    total_steps: int
    validation: tuple[list[Group], ...]
    micro_batch_tokens: int
    checkpointing: bool

    def ends_epoch(self, step: int) -> bool:
        """Return whether `step` ends an epoch or the training: then the end of the epoch evaluates and saves."""
        return step % self.schedule.steps_per_epoch == 0 or step >= self.total_steps


def plan_batches(config: TrainConfig, model: Any, train: Sequence[Row], validation: Sequence[Row]) -> BatchPlan:
    """Fit the rows to the machine: on a GPU micro-batches grow up to the memory budget."""
    options, size = config.train, config.packing.group_size
    schedule = Schedule(tuple(train), options.step_examples, size, options.seed)
    tokens, checkpointing = config.packing.micro_batch_tokens, config.packing.gradient_checkpointing is True
    if choose_device().type == "cuda":
        shape, sizes = shape_of(model.config), [group_tokens(group) for group in group_rows(train, size)]
        share = sum(len(row.target_ids) for row in train) / sum(sizes)
        tokens = memory.token_budget(config, shape, max(sizes), share)
        checkpointing = memory.estimate(config, shape, tokens, int(tokens * share)).checkpointing
    groups = group_rows(validation, size if size > 1 else options.eval_batch_size)
    batches = tuple(split_groups(groups, tokens))
    return BatchPlan(schedule, total_steps(options, schedule), batches, tokens, checkpointing)


class Steps:
    """The optimizer steps of the current epoch, as a data set of torch's map style."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.steps: list[tuple[Group, ...]] = schedule.epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Go to another epoch's steps."""
        self.steps = self.schedule.epoch(epoch)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> tuple[Group, ...]:
        return self.steps[index]
