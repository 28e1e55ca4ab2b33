"""The one recipe: QLoRA on transformers' `Trainer`, which carries optimizer, schedule, checkpoints and resume.

Our own part is the batch (an item of the loader is a whole optimizer step, cut into packed micro-batches) and the
loss (completion rows only). One process, one device: several GPUs are not covered.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.utils import logging as transformers_logging

from harness.errors import RunError
from harness.models import choose_device, choose_dtype
from trainer import memory
from trainer.base import Adapter, OnStep, Row, Step, ignore_step
from trainer.config import TrainConfig
from trainer.loss import completion_loss
from trainer.models import add_adapter, hidden_states, load_base, resolve_base, shape_of
from trainer.packing import MicroBatch, mask_builder, pack, split_groups
from trainer.schedule import Group, Schedule, group_rows, group_tokens
from trainer.session import Session

__all__ = ["Recipe"]

KEPT_CHECKPOINTS = 2


@dataclass(frozen=True)
class Recipe:
    """Trains the adapter that a configuration describes."""

    config: TrainConfig

    def train(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        output_dir: Path,
        *,
        resume: bool = False,
        on_step: OnStep | None = None,
    ) -> Adapter:
        """Write the adapter to `output_dir`; see `trainer.base.Trainer`."""
        config = self.config
        transformers.set_seed(config.train.seed)
        memory.cap_gpu(config.packing.vram_budget_gib)
        with _quiet_libraries():
            model = add_adapter(load_base(config, resolve_base(config)), config)
            session = Session(config, output_dir, on_step or ignore_step)
            checkpoint = session.restore() if resume else None
            if checkpoint is None:
                session.begin()
            plan = _Plan.make(config, model, train, validation)
            trainer = _PackedTrainer(model, session, plan)
            try:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            except torch.OutOfMemoryError as error:
                raise RunError(
                    f"step {trainer.state.global_step + 1}: the GPU's memory is full; lower "
                    "packing.micro_batch_tokens, or set packing.gradient_checkpointing = true, and go on with --resume"
                ) from error
            model.save_pretrained(str(output_dir), save_embedding_layers=False)
        reserved, allocated = memory.measure_peaks()
        window = session.window
        return Adapter(
            path=output_dir,
            base_model=config.model.id,
            rank=config.lora.r,
            steps=trainer.state.global_step,
            loss=window.loss,
            eval_loss=window.eval_loss,
            tokens=window.total_tokens,
            time_s=window.elapsed_s,
            vram_gib=reserved,
            allocated_gib=allocated,
        )


@dataclass(frozen=True)
class _Plan:
    """The order of training, the validation micro-batches, and how big a micro-batch may be."""

    schedule: Schedule
    validation: tuple[list[Group], ...]
    micro_batch_tokens: int
    checkpointing: bool

    @classmethod
    def make(cls, config: TrainConfig, model: Any, train: Sequence[Row], validation: Sequence[Row]) -> "_Plan":
        options, size = config.train, config.packing.group_size
        schedule = Schedule(tuple(train), options.step_examples, size, options.seed)
        tokens, checkpointing = config.packing.micro_batch_tokens, config.packing.gradient_checkpointing is True
        if choose_device().type == "cuda":
            shape, sizes = shape_of(model.config), [group_tokens(group) for group in group_rows(train, size)]
            share = sum(len(row.target_ids) for row in train) / sum(sizes)
            tokens = memory.token_budget(config, shape, max(sizes), share)
            checkpointing = memory.estimate(config, shape, tokens, int(tokens * share)).checkpointing
        groups = group_rows(validation, size if size > 1 else options.eval_batch_size)
        return cls(schedule, tuple(split_groups(groups, tokens)), tokens, checkpointing)


class _Steps(torch.utils.data.Dataset):
    """The optimizer steps of the current epoch."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.steps: list[tuple[Group, ...]] = schedule.epoch(0)

    def set_epoch(self, epoch: int) -> None:
        self.steps = self.schedule.epoch(epoch)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> tuple[Group, ...]:
        return self.steps[index]


class _PackedTrainer(transformers.Trainer):
    """transformers' `Trainer` whose batch is a whole optimizer step of packed groups."""

    def __init__(self, model: Any, session: Session, plan: _Plan) -> None:
        self.session = session
        self.plan = plan
        super().__init__(
            model=model,
            args=_arguments(session, plan),
            data_collator=self.collate,
            train_dataset=_Steps(plan.schedule),
            eval_dataset=list(plan.validation) or None,
            callbacks=[_Watch(session, self)],
        )
        self.remove_callback(transformers.PrinterCallback)
        self.masks = mask_builder(model.config)
        self.autocast = _autocast(self.args.device, session.config)
        if plan.checkpointing:
            # Not re-entrant: gradients flow although nothing before the first adapter needs any.
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

    def collate(self, items: list[tuple[Group, ...]]) -> dict[str, list[MicroBatch]]:
        """Cut the one step that is asked for into micro-batches."""
        (step,) = items
        return {"micro_batches": [pack(groups) for groups in split_groups(step, self.plan.micro_batch_tokens)]}

    def get_train_dataloader(self) -> Any:
        """Return the loader of steps, in the schedule's own order."""
        loader = torch.utils.data.DataLoader(self.train_dataset, batch_size=1, collate_fn=self.collate, shuffle=False)
        return self.accelerator.prepare(loader)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **options: Any) -> Any:  # noqa: ARG002, FBT001, FBT002
        """Return the summed loss of one micro-batch."""
        batch: MicroBatch = inputs
        with self.autocast():
            hidden = hidden_states(model, batch.input_ids[None], batch.positions[None], self.masks(batch))
        return completion_loss(hidden[0, batch.rows], model.get_base_model().get_output_embeddings(), batch.targets)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        """Run the micro-batches of one optimizer step, the loss divided by the completion tokens of all of them."""
        model.train()
        batches: list[MicroBatch] = inputs["micro_batches"]
        count = sum(batch.completion_tokens for batch in batches)
        total = torch.zeros((), device=self.args.device)
        for batch in batches:
            loss = self.compute_loss(model, batch.to(self.args.device)) / count
            if not torch.isfinite(loss):
                raise RunError(self._not_finite("loss", batch.name))
            self.accelerator.backward(loss)
            total += loss.detach()
        self._check_gradient(" · ".join(batch.name for batch in batches))
        self.session.window.add(float(total), sum(batch.tokens for batch in batches))
        return total

    def _check_gradient(self, name: str) -> None:
        if self.args.fp16:
            return  # the scaler meets overflows on purpose, and skips their steps
        parameters = [one for one in self.model.parameters() if one.grad is not None]
        # An infinite limit measures and changes nothing.
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(parameters, float("inf"))):
            raise RunError(self._not_finite("gradient", name))

    def _not_finite(self, what: str, name: str) -> str:
        return (
            f"step {self.state.global_step + 1}: the {what} is not a number (examples {name}); lower "
            "train.learning_rate, or set model.compute_dtype = 'fp32'; --resume goes on from the last checkpoint"
        )

    def evaluate(self, *_: Any, **options: Any) -> dict[str, float]:  # noqa: ARG002
        """Return the mean loss of a completion token of the validation rows, as `eval_loss`, and log it."""
        self.model.eval()
        total, count = 0.0, 0
        with torch.no_grad():
            for groups in self.plan.validation:
                batch = pack(groups).to(self.args.device)
                total += float(self.compute_loss(self.model, batch))
                count += batch.completion_tokens
        metrics = {"eval_loss": total / count}
        self.session.window.eval_loss = metrics["eval_loss"]
        self.session.log(self.step(eval_loss=metrics["eval_loss"]))
        return metrics

    def step(self, **values: Any) -> Step:
        """Return where the training stands."""
        state = self.state
        vram, _ = memory.measure_peaks()
        return Step(state.global_step, state.max_steps, round(float(state.epoch or 0), 4), vram_gib=vram, **values)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:  # noqa: FBT001, FBT002
        """Save the adapter alone; PEFT would ask the hub whether the vocabulary has grown."""
        self.model.save_pretrained(output_dir or self.args.output_dir, save_embedding_layers=False)

    def floating_point_ops(self, inputs: Any) -> int:  # noqa: ARG002
        """Count nothing: the estimate knows no packed batches."""
        return 0


class _Watch(transformers.TrainerCallback):
    """Writes the log, marks checkpoints as whole, and says when to save and to evaluate."""

    def __init__(self, session: Session, trainer: _PackedTrainer) -> None:
        self.session = session
        self.trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Log every few steps; save in the middle of an epoch where asked."""
        options, window = self.session.config.train, self.session.window
        if state.global_step % options.logging_steps == 0 or state.global_step == state.max_steps:
            loss, speed = window.close()
            rate = float(self.trainer.lr_scheduler.get_last_lr()[0])
            self.session.log(self.trainer.step(loss=loss, learning_rate=rate, tokens_per_s=speed))
        else:
            self.session.on_step(self.trainer.step(loss=window.loss_sum / max(1, window.steps)))
        if options.save_steps and state.global_step % options.save_steps == 0:
            control.should_save = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Mark the checkpoint that was just written as whole."""
        self.session.mark_whole(state.global_step)


def _arguments(session: Session, plan: _Plan) -> Any:
    options = session.config.train
    device = choose_device()
    total = options.max_steps or options.epochs * plan.schedule.steps_per_epoch
    fp16 = device.type == "cuda" and choose_dtype(session.config.model.compute_dtype, device) is torch.float16
    return transformers.TrainingArguments(
        output_dir=str(session.checkpoints),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        num_train_epochs=options.epochs,
        max_steps=options.max_steps or -1,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.scheduler,
        warmup_steps=round(options.warmup_ratio * total),
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        logging_strategy="no",
        save_strategy="epoch",
        save_total_limit=KEPT_CHECKPOINTS,
        eval_strategy="epoch" if plan.validation else "no",
        use_cpu=device.type == "cpu",
        fp16=fp16,
        seed=options.seed,
        data_seed=options.seed,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
    )


def _autocast(device: Any, config: TrainConfig) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    dtype = choose_dtype(config.model.compute_dtype, device)
    if dtype is torch.float32:
        return contextlib.nullcontext
    return lambda: torch.autocast(device.type, dtype=dtype)


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep the chatter of transformers and PEFT from the progress display; errors still raise."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(transformers|peft|accelerate|torch)\b.*")
        try:
            yield
        finally:
            transformers_logging.set_verbosity(verbosity)
