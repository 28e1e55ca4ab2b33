"""What a training computes together: the steps of its schedule, and what fits into this machine's memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.models import DTYPES, choose_device, choose_dtype
from trainer import memory
from trainer.base import Row
from trainer.config import TrainConfig
from trainer.decoder import Kept, unsupported
from trainer.loads import Load, measure_loads, split_groups
from trainer.memory import Spending
from trainer.models import shape_of
from trainer.packing import MicroBatch
from trainer.schedule import Group, Schedule, group_rows, group_tokens, total_steps

__all__ = ["BatchPlan", "Steps", "plan_batches"]

ROUNDING = 128
"""Tokens: micro-batches of about the same size keep the same, so that little is worked out anew."""


@dataclass(frozen=True)
class BatchPlan:
    """The order of training, the validation micro-batches, and how memory is spent.

    A micro-batch has up to `micro_batch_tokens` (0: one group); `choose_kept` says what it keeps.
    """

    schedule: Schedule
    total_steps: int
    validation: tuple[list[Group], ...]
    micro_batch_tokens: int
    spending: Spending
    choose_kept: Callable[[MicroBatch], Kept]

    def ends_epoch(self, step: int) -> bool:
        """Return whether `step` ends an epoch or the training: then the end of the epoch evaluates and saves."""
        return step % self.schedule.steps_per_epoch == 0 or step >= self.total_steps


def plan_batches(
    config: TrainConfig, model: Any, train: Sequence[Row], validation: Sequence[Row], budget_gib: float
) -> BatchPlan:
    """Fit the rows to the machine: on a GPU micro-batches, and what they keep, grow up to `budget_gib`."""
    options, size = config.train, config.packing.group_size
    config = _on_this_machine(config, budget_gib)
    schedule = Schedule(tuple(train), options.step_examples, size, options.seed)
    tokens = config.packing.micro_batch_tokens
    layers = 0 if config.packing.gradient_checkpointing is True else model.config.num_hidden_layers
    spending, choose = Spending(0, layers, layers), _keeping(Kept(layers, layers))
    if choose_device().type == "cuda":
        shape = replace(shape_of(model.config), written_out=unsupported(model) is None)
        sizes = [group_tokens(group) for group in group_rows(train, size)]
        share = sum(len(row.target_ids) for row in train) / sum(sizes)
        tokens = memory.token_budget(config, shape, max(sizes), share)
        spending = memory.plan_spending(config, shape, measure_loads(schedule.epoch(0), tokens))
        choose = _Choice(config, shape, spending.dequantized_layers)
    groups = group_rows(validation, size if size > 1 else options.eval_batch_size)
    batches = tuple(split_groups(groups, tokens))
    return BatchPlan(schedule, total_steps(options, schedule), batches, tokens, spending, choose)


def _on_this_machine(config: TrainConfig, budget_gib: float) -> TrainConfig:
    dtype = choose_dtype(config.model.compute_dtype, choose_device())
    name: Any = next(name for name, one in DTYPES.items() if one is dtype)
    packing = replace(config.packing, vram_budget_gib=budget_gib)
    return replace(config, model=replace(config.model, compute_dtype=name), packing=packing)


def _keeping(kept: Kept) -> Callable[[MicroBatch], Kept]:
    return lambda _: kept


class _Choice:
    """Chooses for each micro-batch anew what it keeps: small ones keep more."""

    def __init__(self, config: TrainConfig, shape: memory.Shape, dequantized_layers: int) -> None:
        self.given = config, shape, dequantized_layers
        self.known: dict[Load, Kept] = {}

    def __call__(self, batch: MicroBatch) -> Kept:
        load = Load(*(-(-count // ROUNDING) * ROUNDING for count in (batch.tokens, batch.completion_tokens)))
        if load not in self.known:
            config, shape, dequantized_layers = self.given
            spending = memory.choose_kept(config, shape, load, dequantized_layers)
            self.known[load] = Kept(spending.kept_layers, spending.kept_mlps)
        return self.known[load]


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
