"""The one recipe: QLoRA on transformers' `Trainer`, which carries optimizer, schedule, checkpoints and resume.

Our own part is the batch (an item of the loader is a whole optimizer step, cut into packed micro-batches) and the
loss (completion rows only). One process, one device: several GPUs are not covered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from harness.errors import RunError
from trainer import memory
from trainer.arguments import loraplus_optimizer, quiet_libraries, training_arguments
from trainer.base import Adapter, OnStep, Row, Step, ignore_step
from trainer.batches import BatchPlan, Steps, plan_batches
from trainer.config import TrainConfig
from trainer.forward import Forward
from trainer.interruption import Interruption, Stopped
from trainer.ledger import Ledger, Overflows
from trainer.loads import split_groups
from trainer.loss import completion_loss
from trainer.models import add_adapter, dequantize_layers, load_adapter, load_base, resolve_base
from trainer.packing import MicroBatch, pack
from trainer.schedule import Group
from trainer.session import Session, saving

__all__ = ["Recipe"]


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
        budget_gib = memory.cap_gpu(config.packing.vram_budget_gib)
        with quiet_libraries():
            model = add_adapter(load_base(config, resolve_base(config)), config)
            session = Session(config, output_dir, on_step or ignore_step)
            checkpoint = session.restore() if resume else None
            if checkpoint is None:
                session.begin()
            plan = plan_batches(config, model, train, validation, budget_gib)
            if checkpoint is not None and session.step >= plan.total_steps:
                load_adapter(model, checkpoint)
            else:
                dequantize_layers(model, plan.spending.dequantized_layers)
                _run(_PackedTrainer(model, session, plan), checkpoint)
            selection = session.deliver(plan.total_steps, lambda folder: load_adapter(model, folder))
            with saving(output_dir):
                model.save_pretrained(str(output_dir), save_embedding_layers=False)
        window = session.window
        window.raise_peaks(*memory.measure_peaks())
        return Adapter(
            path=output_dir,
            base_model=config.model.id,
            rank=config.lora.r,
            steps=plan.total_steps,
            loss=window.loss,
            eval_loss=window.eval_loss,
            tokens=window.total_tokens,
            time_s=window.elapsed_s,
            vram_gib=window.vram_gib,
            allocated_gib=window.allocated_gib,
            selection=selection,
        )


def _run(trainer: "_PackedTrainer", checkpoint: Path | None) -> None:
    """Train to the end; raises `Stopped` where a signal ends it before, its checkpoint saved."""
    plan, packing = trainer.plan, trainer.session.config.packing
    try:
        with trainer.interruption.listening():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        size = f"up to {plan.micro_batch_tokens:,} tokens" if plan.micro_batch_tokens else "one group each"
        raise RunError(
            f"step {trainer.state.global_step + 1}: the GPU's memory is full: micro-batches of {size}, "
            f"packing.vram_budget_gib = {packing.vram_budget_gib:g}; set a lower packing.micro_batch_tokens, "
            "packing.gradient_checkpointing = true or a higher packing.vram_budget_gib, and go on with --resume; "
            f"where one group is too big, lower packing.group_size (now {packing.group_size}) in a new --out"
        ) from error
    step, number = trainer.state.global_step, trainer.interruption.number
    if number is not None and step < plan.total_steps:
        raise Stopped(str(trainer.session.output_dir), number, step, plan.total_steps)


class _PackedTrainer(transformers.Trainer):
    """transformers' `Trainer` whose batch is a whole optimizer step of packed groups."""

    optimizer: Any

    def __init__(self, model: Any, session: Session, plan: BatchPlan) -> None:
        self.session = session
        self.plan = plan
        self.interruption = Interruption()
        super().__init__(
            model=model,
            args=training_arguments(session, plan),
            data_collator=self.collate,
            train_dataset=Steps(plan.schedule),
            eval_dataset=list(plan.validation) or None,
            callbacks=[_Watch(session, self)],
        )
        self.remove_callback(transformers.PrinterCallback)
        # A base comes in evaluation mode, in which transformers' own layers never recompute; PEFT's wrapper does not.
        model.train()
        self.forward = Forward(model, session.config, plan.choose_kept)
        self.head = model.get_base_model().get_output_embeddings()
        self.adapter = [one for one in model.parameters() if one.requires_grad]
        self.ledger = Ledger(session.window, lag=self.args.device.type == "cuda")

    def collate(self, items: list[tuple[Group, ...]]) -> dict[str, list[MicroBatch]]:
        """Cut the one step that is asked for into micro-batches."""
        (step,) = items
        return {"micro_batches": [pack(groups) for groups in split_groups(step, self.plan.micro_batch_tokens)]}

    def get_train_dataloader(self) -> Any:
        """Return the loader of steps, in the schedule's own order."""
        loader = torch.utils.data.DataLoader(self.train_dataset, batch_size=1, collate_fn=self.collate, shuffle=False)
        return self.accelerator.prepare(loader)

    def create_optimizer(self, *given: Any) -> Any:
        """Return transformers' optimizer, in LoRA+'s groups where a ratio is set."""
        ratio = self.session.config.train.loraplus_lr_ratio
        if ratio and self.optimizer is None:
            self.optimizer = loraplus_optimizer(self.model, self.args, ratio)
        return super().create_optimizer(*given)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **options: Any) -> Any:  # noqa: ARG002, FBT001, FBT002
        """Return the summed loss of one micro-batch."""
        batch: MicroBatch = inputs
        return completion_loss(self.forward.hidden_rows(batch), self.head, batch.targets)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        """Run the micro-batches of one optimizer step, the loss divided by the completion tokens of all of them."""
        batches: list[MicroBatch] = inputs["micro_batches"]
        count = sum(batch.completion_tokens for batch in batches)
        values = []
        for batch in batches:
            loss = self.compute_loss(model, batch.to(self.args.device)) / count
            # The step before is finished on the device by now, so that nobody waits for its figures.
            self.ledger.settle()
            self.accelerator.backward(loss)
            values.append(loss.detach())
        total = torch.stack(values).sum()
        if not self.args.fp16:  # there the scaler meets overflows on purpose, and skips their steps
            # An infinite limit measures and changes nothing.
            values.append(torch.nn.utils.clip_grad_norm_(self.adapter, float("inf")))
        tokens = sum(batch.tokens for batch in batches)
        self.ledger.note(self.state.global_step + 1, [batch.name for batch in batches], tokens, values)
        return total

    def evaluate(self, *_: Any, **options: Any) -> dict[str, float]:  # noqa: ARG002
        """Return the mean loss of a completion token of the validation rows, as `eval_loss`, and log it."""
        self.model.eval()
        total, count = 0.0, 0
        with self.session.window.paused(), torch.no_grad():
            for groups in self.plan.validation:
                batch = pack(groups).to(self.args.device)
                total += float(self.compute_loss(self.model, batch))
                count += batch.completion_tokens
        self.model.train()
        metrics = {"eval_loss": total / count}
        self.session.window.eval_loss = metrics["eval_loss"]
        self.session.keep_evaluated(self.state.global_step, metrics["eval_loss"], lambda to: self.save_model(str(to)))
        self.session.log(self.step(eval_loss=metrics["eval_loss"]))
        return metrics

    def step(self, **values: Any) -> Step:
        """Return where the training stands."""
        state = self.state
        vram, _ = memory.measure_peaks()
        return Step(state.global_step, state.max_steps, round(float(state.epoch or 0), 4), vram_gib=vram, **values)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with self.session.saving(self.state.global_step):
            super()._save_checkpoint(model, trial)

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
        self.overflows = Overflows()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start the clock of the speed."""
        self.session.window.start_clock()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Log every few steps; in the middle of an epoch, save where asked and before stopping for a signal."""
        options, window, step = self.session.config.train, self.session.window, state.global_step
        if self.trainer.accelerator.scaler is not None:
            self.overflows.note(step, skipped=self.trainer.accelerator.optimizer_step_was_skipped)
        logs = step % options.logging_steps == 0 or step == state.max_steps
        ends = self.trainer.plan.ends_epoch(step)
        stopping = self.trainer.interruption.number is not None
        # A checkpoint at the end of an epoch waits for the evaluation, else a kill during it would lose that.
        saves = not ends and (stopping or (bool(options.save_steps) and step % options.save_steps == 0))
        if logs or ends or saves or stopping:
            self.trainer.ledger.settle()
        if logs:
            loss, speed = window.close()
            rate = float(self.trainer.lr_scheduler.get_last_lr()[0])
            self.session.log(self.trainer.step(loss=loss, learning_rate=rate, tokens_per_s=speed))
        else:
            self.session.on_step(self.trainer.step(loss=window.loss_sum / window.steps if window.steps else None))
        # Whoever watches may have sent the signal.
        stopping = self.trainer.interruption.number is not None
        if saves or (stopping and not ends):
            self.trainer.ledger.settle()
            control.should_save = True
        control.should_training_stop = control.should_training_stop or stopping
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Leave out what belongs to the end of an epoch when a signal broke it off."""
        if not self.trainer.plan.ends_epoch(state.global_step):
            control.should_evaluate = control.should_save = False
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Mark the checkpoint that was just written as whole."""
        self.session.window.raise_peaks(*memory.measure_peaks())
        self.session.mark_whole(state.global_step)
