"""Completions from a transformers model: hub id, folder or `.gguf`, with or without an adapter, on CPU or GPU.

Greedy, in batches of prompts of similar length. A row stops at its end token, at a `;` outside quotes or at a
blank line after text, and at the latest after `max_new_tokens`.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from harness import models
from harness.datasets.hashing import sha256
from harness.errors import ModelError
from harness.extraction import statement_end
from harness.types import Completion, Prompt

try:
    import torch
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList
except ImportError as error:  # pragma: no cover - `harness.models` has said so already
    raise ImportError(str(error), name=error.name) from error

__all__ = ["HuggingFace"]

TAIL_TOKENS = 4
"""How many last tokens are looked at before a row is read whole: what ends a statement is spread over no more."""


@dataclass(frozen=True)
class HuggingFace:
    """Options of the generator.

    `model` is a hub id, a folder or a `.gguf` file, `hub_id` the name of what a file holds; `adapter` a PEFT folder.
    `precision` is what the weights are held in: `nf4` and `fp4` (bitsandbytes), `bf16`, `fp16`, `fp32` or `auto`.
    `stop_early = false` takes everything up to the end token, as the case study's notebook does.
    """

    model: str
    hub_id: str = ""
    adapter: str = ""
    precision: models.Precision = "nf4"
    compute_dtype: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    device: str = "auto"
    batch_size: int = 8
    max_new_tokens: int = 256
    stop_early: bool = True
    constraint: Literal["off"] = "off"
    samples: Literal[1] = 1

    @cached_property
    def weights(self) -> models.Weights:
        """Where the weights are; raises `ModelError` when a path leads nowhere."""
        return models.resolve(self.model, hub_id=self.hub_id)

    @cached_property
    def tokenizer(self) -> Any:
        """The tokeniser, loaded on first use."""
        return models.load_tokenizer(self.weights)

    @cached_property
    def loaded(self) -> Any:
        """The model, loaded on first use."""
        adapter = Path(self.adapter) if self.adapter else None
        return models.load_model(
            self.weights,
            precision=self.precision,
            compute_dtype=self.compute_dtype,
            device=self.device,
            adapter=adapter,
        )

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What a run's manifest says of the model."""
        device = models.choose_device(self.device)
        return {
            "weights": {"ref": self.weights.ref, "hub_id": self.weights.hub_id, "sha256": self.weights.sha256},
            "adapter": self._adapter_sha256,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "decoding": "greedy",
        }

    @property
    def _adapter_sha256(self) -> dict[str, str]:
        files = Path(self.adapter).glob("adapter_*") if self.adapter else ()
        return {path.name: sha256(path) for path in sorted(files)}

    @property
    def usage(self) -> dict[str, float]:
        """GPU memory at its highest, in GiB; empty on a CPU."""
        if not torch.cuda.is_available():
            return {}
        gib = 1 << 30
        return {
            "peak_allocated_gib": round(torch.cuda.max_memory_allocated() / gib, 3),
            "peak_reserved_gib": round(torch.cuda.max_memory_reserved() / gib, 3),
        }

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text: what the prompt budget is measured with."""
        return models.count_tokens(self.tokenizer, text)

    def chat(self, user: str) -> str:
        """Render one user message with the chat template."""
        return models.chat_text(self.tokenizer, user)

    def batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Return prompts of similar length together, the longest first, so that memory runs out early or never."""
        ordered = sorted(prompts, key=lambda prompt: -len(self._encode(prompt)))
        return [ordered[start : start + self.batch_size] for start in range(0, len(ordered), self.batch_size)]

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield one greedy completion for each prompt, batch by batch; raises `ModelError` when memory is full."""
        batches = self.batches(prompts)
        if batches:
            _ = self.loaded  # before the clock starts: loading is no latency of the first batch
        for batch in batches:
            try:
                yield from self._complete(batch)
            except torch.OutOfMemoryError as error:
                raise ModelError(
                    f"{self.model}: the device's memory is full at batch_size = {self.batch_size}; "
                    "lower generator.batch_size, what was finished is kept"
                ) from error

    def _encode(self, prompt: Prompt) -> list[int]:
        return [*self._encode_prefix(prompt.prefix), *models.encode(self.tokenizer, prompt.suffix, start=False)]

    @cached_property
    def _encode_prefix(self) -> Any:
        return lru_cache(maxsize=256)(lambda text: tuple(models.encode(self.tokenizer, text, start=True)))

    def _complete(self, batch: list[Prompt]) -> Iterator[Completion]:
        started = time.perf_counter()
        rows = [self._encode(prompt) for prompt in batch]
        generated = self._generate_ids(rows)
        latency_s = (time.perf_counter() - started) / len(batch)
        for prompt, row, ids in zip(batch, rows, generated, strict=True):
            text, reason, tokens = self._read(ids)
            yield Completion(
                prompt.index,
                text,
                finish_reason=reason,
                prompt_tokens=len(row),
                completion_tokens=tokens,
                latency_s=latency_s,
            )

    def _generate_ids(self, rows: list[list[int]]) -> list[list[int]]:
        width = max(map(len, rows))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=self.loaded.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.loaded.device)
        stop = StoppingCriteriaList([_StatementEnd(self.tokenizer, width)] if self.stop_early else [])
        with torch.inference_mode():
            output = self.loaded.generate(
                input_ids=ids, attention_mask=mask, generation_config=self._decoding, stopping_criteria=stop
            )
        return [row[width:] for row in output.tolist()]

    @cached_property
    def _decoding(self) -> Any:
        # Written out in full: a model's own generation_config may sample or penalise repetition.
        return GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=self.max_new_tokens,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=sorted(self._end_ids),
        )

    @cached_property
    def _end_ids(self) -> frozenset[int]:
        configured = self.loaded.generation_config.eos_token_id
        more = configured if isinstance(configured, list) else [configured]
        return frozenset(one for one in (self.tokenizer.eos_token_id, *more) if one is not None)

    def _read(self, ids: list[int]) -> tuple[str, str, int]:
        end = next((position for position, token in enumerate(ids) if token in self._end_ids), None)
        text = str(self.tokenizer.decode(ids[:end], skip_special_tokens=True))
        stop = statement_end(text) if self.stop_early else None
        if stop is not None:
            # Rows that stopped before others were padded on; what a row wrote ends where it stopped.
            tokens = len(models.encode(self.tokenizer, text[:stop], start=False))
            return text[:stop], "stop", tokens
        return text, "length" if end is None else "stop", len(ids[:end]) + (end is not None)


class _StatementEnd(StoppingCriteria):
    """Marks the rows whose statement is complete."""

    def __init__(self, tokenizer: Any, prompt_width: int) -> None:
        self._tokenizer = tokenizer
        self._prompt_width = prompt_width
        self._finished: set[int] = set()

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ARG002  (the library's signature)
        start = max(self._prompt_width, input_ids.shape[1] - TAIL_TOKENS)
        tails = self._tokenizer.batch_decode(input_ids[:, start:])
        for row, tail in enumerate(tails):
            if row not in self._finished and any(mark in tail for mark in ";:\n"):
                text = self._tokenizer.decode(input_ids[row, self._prompt_width :], skip_special_tokens=True)
                if statement_end(text) is not None:
                    self._finished.add(row)
        finished = [row in self._finished for row in range(input_ids.shape[0])]
        return torch.tensor(finished, device=input_ids.device)
