"""What a training will cost, before a GPU minute is spent: rows, tokens, groups, steps and memory."""

from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

from trainer.config import TrainConfig
from trainer.job import Prepared, choose_encoder, prepare
from trainer.loads import measure_loads
from trainer.memory import Estimate, Spending, choose_kept, estimate, plan_spending, token_budget
from trainer.schedule import Schedule, group_rows, group_tokens, total_steps

__all__ = ["Plan", "make_plan", "print_plan"]


@dataclass(frozen=True)
class Plan:
    """The figures of a training. `packed_tokens` counts an epoch with shared schemas, `separate_tokens` without.

    `note` says why tokens are estimated, `""` where a tokeniser counted them; `memory` is `None` for a model of
    unknown shape. `spending` is for a typical micro-batch, `memory` the greater
    peak of the largest and the typical one.
    """

    config: TrainConfig
    prepared: Prepared
    separate_tokens: int
    packed_tokens: int
    groups: int
    steps_per_epoch: int
    steps: int
    micro_batch_tokens: int
    memory: Estimate | None
    spending: Spending | None
    note: str


def make_plan(config: TrainConfig) -> Plan:
    """Do the arithmetic of a training; reads the data and, where it is to be had, the tokeniser."""
    encoder, shape, note = choose_encoder(config)
    prepared = prepare(config, encoder, shape.positions if shape else 0)
    rows, options, size = prepared.train.rows, config.train, config.packing.group_size
    schedule = Schedule(rows, options.step_examples, size, options.seed)
    epoch = schedule.epoch(0)
    groups = [group for step in epoch for group in step]
    packed = sum(map(group_tokens, groups))
    memory, spending, budget = None, None, config.packing.micro_batch_tokens
    if shape is not None and config.lora.use_dora:
        # No backward pass is written out for it: transformers' own layers serve, as in the training.
        shape = replace(shape, written_out=False)
    if shape is not None and rows:
        share = prepared.train.completion_tokens / packed
        longest = max(map(group_tokens, group_rows(rows, size)))
        budget = token_budget(config, shape, longest, share)
        loads = measure_loads(epoch, budget)
        spending = plan_spending(config, shape, loads)
        kept = (
            choose_kept(config, shape, load, spending.dequantized_layers) for load in (loads.largest, loads.typical)
        )
        peaks = zip((loads.largest, loads.typical), kept, strict=True)
        # Both fill what the budget leaves; the greater one is the run's peak.
        memory = max((estimate(config, shape, *peak) for peak in peaks), key=lambda one: one.total)
    return Plan(
        config=config,
        prepared=prepared,
        separate_tokens=prepared.train.tokens,
        packed_tokens=packed,
        groups=len(groups),
        steps_per_epoch=schedule.steps_per_epoch,
        steps=total_steps(options, schedule),
        micro_batch_tokens=budget,
        memory=memory,
        spending=spending,
        note=note,
    )


def print_plan(plan: Plan, name: str, console: Console) -> None:
    """Print a plan as a table, with what a person should know below it."""
    table = Table("", name, title="plan", title_justify="left")
    for label, value in (*_data_lines(plan), *_memory_lines(plan)):
        table.add_row(label, value)
    console.print(table)
    if plan.note:
        console.print(f"tokens are estimated from characters: {plan.note}", highlight=False, soft_wrap=True)
    for name_of, names in (("shortened", plan.prepared.train.shortened), ("left out", plan.prepared.train.left_out)):
        if names:
            shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")  # noqa: PLR2004
            console.print(f"{name_of}: {len(names)} ({shown})", highlight=False, soft_wrap=True)


def _data_lines(plan: Plan) -> list[tuple[str, str]]:
    prepared, options = plan.prepared, plan.config.train
    about = "≈ " if not prepared.exact else ""
    held_out = ", ".join(prepared.split.validation_databases) or "none"
    share = prepared.train.completion_tokens / max(1, plan.separate_tokens)
    return [
        ("model", plan.config.model.id),
        ("rows, of questions", f"{len(prepared.train.rows):,} of {len(prepared.dataset.examples):,}"),
        ("validation rows", f"{len(prepared.validation.rows):,} ({held_out})"),
        ("tokens an epoch, separate", f"{about}{plan.separate_tokens:,} ({share:.1%} carry loss)"),
        ("tokens an epoch, packed", f"{about}{plan.packed_tokens:,} ({_ratio(plan):.2f} × fewer)"),
        ("groups an epoch", f"{plan.groups:,} of up to {plan.config.packing.group_size}"),
        ("optimizer steps", f"{plan.steps:,} of {options.step_examples} examples ({plan.steps_per_epoch:,} an epoch)"),
    ]


def _ratio(plan: Plan) -> float:
    return plan.separate_tokens / max(1, plan.packed_tokens)


def _memory_lines(plan: Plan) -> list[tuple[str, str]]:
    memory, spending, budget = plan.memory, plan.spending, plan.config.packing.vram_budget_gib
    if memory is None or spending is None:
        return [("memory, estimate", "unknown: the model's shape is not to be had")]
    fits = f" of {budget:g} GiB" + ("" if memory.total <= budget else ": does not fit")
    own = [("layers", "transformers' own, for lora.use_dora")] if plan.config.lora.use_dora else []
    return [
        *own,
        ("micro-batch", f"up to {plan.micro_batch_tokens:,} tokens, typically {spending.micro_batch_tokens:,}"),
        ("layers held dequantised", f"{spending.dequantized_layers}"),
        (
            "layers not recomputed",
            f"{spending.kept_layers} of a typical micro-batch, {spending.kept_mlps} with the MLP",
        ),
        ("weights", f"{memory.weights:.2f} GiB"),
        *([("input embedding, in CPU memory", f"{memory.host:.2f} GiB")] if memory.host else []),
        ("adapter, gradient, Adam", f"{memory.adapter:.2f} GiB"),
        ("activations", f"{memory.activations:.2f} GiB"),
        ("completion logits", f"{memory.logits:.2f} GiB"),
        ("peak allocated, estimate", f"{memory.allocated:.2f} GiB"),
        ("peak reserved, estimate", f"{memory.reserved:.2f} GiB"),
        ("peak memory, estimate", f"{memory.total:.2f} GiB with CUDA's context{fits}"),
    ]
