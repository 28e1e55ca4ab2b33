"""From a micro-batch to the hidden states that predict its completions: layers written out, or the model's own."""

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any

import torch

from harness.models import choose_device, choose_dtype
from trainer.config import TrainConfig
from trainer.decoder import Decoder, Kept, unsupported
from trainer.models import hidden_states
from trainer.packing import MicroBatch, mask_builder

__all__ = ["Forward"]


class Forward:
    """An adapted model as one function; `choose` says what each micro-batch keeps between the passes.

    Models that `trainer.decoder` does not know go through transformers' layers under autocast; there a layer keeps
    all or nothing.
    """

    def __init__(self, model: Any, config: TrainConfig, choose: Callable[[MicroBatch], Kept]) -> None:
        self.model = model
        self.choose = choose
        reason = unsupported(model)
        self.decoder = None if reason else Decoder(model)
        if reason and config.lora.use_dora:
            logging.getLogger(__name__).warning(
                "lora.use_dora = true: transformers' own layers compute the model, which keep more and take longer (no "
                "backward pass is written out for %s); `t2s plan` counts with them",
                reason,
            )
        self.masks = mask_builder(model.config)
        self.dtype = choose_dtype(config.model.compute_dtype, choose_device())

    def hidden_rows(self, batch: MicroBatch) -> Any:
        """Return the last hidden states [N, D] of the batch's rows."""
        kept = self.choose(batch)
        if self.decoder is not None:
            return self.decoder.hidden_rows(batch, kept)
        self._recompute(kept)
        with self._autocast(batch.input_ids.device.type):
            hidden = hidden_states(self.model, batch.input_ids[None], batch.positions[None], self.masks(batch))
        return hidden[0, batch.rows]

    def _recompute(self, kept: Kept) -> None:
        layers = self.model.get_base_model().base_model.layers
        # Not re-entrant: gradients flow although nothing before the first adapter needs any.
        again = functools.partial(torch.utils.checkpoint.checkpoint, use_reentrant=False)
        for behind, layer in enumerate(reversed(layers)):
            layer._gradient_checkpointing_func = again  # noqa: SLF001 - as transformers does for all layers
            layer.gradient_checkpointing = behind >= kept.mlps

    def _autocast(self, device_type: str) -> contextlib.AbstractContextManager[Any]:
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(device_type, dtype=self.dtype)
