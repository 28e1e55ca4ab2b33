"""An input embedding that stays in CPU memory: rows are looked up there, and they alone go to the GPU.

A frozen table is only read, a row for each token of a micro-batch, while on the card it takes vocabulary × width.
"""

from typing import Any

import torch

from harness.errors import ConfigError
from trainer.packing import MicroBatch

__all__ = ["HostEmbedding", "keep_on_cpu", "look_up"]

OPTION = "model.embedding_on_cpu"


class HostEmbedding(torch.nn.Module):
    """A frozen embedding whose `weight` lies in CPU memory, and whose rows come out on `device`."""

    def __init__(self, weight: Any, device: Any) -> None:
        super().__init__()
        # Neither parameter nor buffer: those go along when somebody moves the model to the GPU, as transformers does.
        self.weight = weight.detach().to("cpu")
        self.device = device

    def forward(self, ids: Any) -> Any:
        """Return the rows of the tokens; ids that lie on the GPU are waited for."""
        rows = torch.nn.functional.embedding(ids.to("cpu"), self.weight)
        if self.device.type != "cuda":
            return rows.to(self.device)
        return rows.pin_memory().to(self.device, non_blocking=True)


def keep_on_cpu(model: Any) -> None:
    """Put a base's input embedding into CPU memory; raises `ConfigError` where it is tied, or more than a table."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    name = model.name_or_path
    if head is not None and head.weight is embedding.weight:
        raise ConfigError(name, [f"{OPTION}: the input embedding is the head too (tied); set it to false"])
    if type(embedding) is not torch.nn.Embedding:
        raise ConfigError(name, [f"{OPTION}: the input embedding is a {type(embedding).__name__}; set it to false"])
    model.set_input_embeddings(HostEmbedding(embedding.weight, embedding.weight.device))


def look_up(embedding: Any, batch: MicroBatch) -> Any:
    """Return the rows [T, D] of a micro-batch's tokens, without waiting for the GPU."""
    return embedding(batch.host_ids if isinstance(embedding, HostEmbedding) else batch.input_ids)
