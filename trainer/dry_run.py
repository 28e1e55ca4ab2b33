"""A trainer that trains nothing: it writes an adapter folder of the right shape, without torch, for tests."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.base import Adapter, OnStep, Row, Step, ignore_step
from trainer.config import TrainConfig
from trainer.log import append_step
from trainer.schedule import Schedule, group_tokens, total_steps
from trainer.session import Session

__all__ = ["DryRun"]


@dataclass(frozen=True)
class DryRun:
    """Walks through the schedule of a configuration, and makes up a loss that falls."""

    config: TrainConfig

    def train(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        output_dir: Path,
        *,
        resume: bool = False,  # noqa: ARG002 - there is nothing to go on from
        on_step: OnStep | None = None,
    ) -> Adapter:
        """Write the folder; see `trainer.base.Trainer`."""
        options = self.config.train
        session = Session(self.config, output_dir, on_step or ignore_step)
        session.begin()
        schedule = Schedule(tuple(train), options.step_examples, self.config.packing.group_size, options.seed)
        total = total_steps(options, schedule)
        for number in range(1, total + 1):
            epoch, index = divmod(number - 1, schedule.steps_per_epoch)
            if index == 0:
                steps = schedule.epoch(epoch)
            loss = 1.0 / number
            session.window.add(loss, sum(map(group_tokens, steps[index])))
            step = Step(number, total, number / schedule.steps_per_epoch, loss, learning_rate=options.learning_rate)
            session.on_step(step)
            if number % options.logging_steps == 0 or number == total:
                session.window.close()
                append_step(session.log_path, step)
            if validation and index + 1 == schedule.steps_per_epoch:
                session.keep_evaluated(number, loss, self._write_adapter)
                append_step(session.log_path, Step(number, total, step.epoch, eval_loss=loss))
        self._write_adapter(output_dir)
        selection = session.deliver(total, lambda _: None)  # all its adapters are the same
        window = session.window
        return Adapter(
            path=output_dir,
            base_model=self.config.model.id,
            rank=self.config.lora.r,
            steps=total,
            loss=window.loss,
            eval_loss=window.eval_loss,
            tokens=window.total_tokens,
            time_s=window.elapsed_s,
            selection=selection,
        )

    def _write_adapter(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        lora = self.config.lora
        about = {
            "base_model_name_or_path": self.config.model.id,
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": lora.r,
            "lora_alpha": lora.alpha,
            "lora_dropout": lora.dropout,
            "target_modules": list(lora.target_modules),
            "inference_mode": True,
        }
        (folder / "adapter_config.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        # A safetensors file without tensors: the length of the header, and the header.
        (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
