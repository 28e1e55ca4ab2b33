"""Completions from vLLM's offline engine: a hub id or a folder, with or without an adapter.

An answer ends where the `huggingface` back end ends it. vLLM is imported when the first answer is asked for.
"""

import gc
import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.datasets.hashing import sha256
from harness.decoding.base import CONSTRAINT_VERSION
from harness.errors import ConfigError, ModelError, UsageError
from harness.extraction import statement_end
from harness.generators.vllm_engine import DTYPES, ENVIRONMENT, Engine, Row, draw_seed, max_lora_rank, missing, reason
from harness.types import Completion, Dataset, Prompt

__all__ = ["VLLM"]

SAMPLING_TEMPERATURE = 0.8
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.01, 2.0
"""vLLM makes the former of what is between 0 and it; 0.33 refuses what is above the latter."""
UNIT_BATCHES = 4
"""Full batches in a unit: at its end rows are missing, and a killed run repeats it."""


@dataclass(frozen=True)
class VLLM:
    """Options of the generator.

    `model` is a hub id or a folder, `hub_id` the name of what a folder holds, `adapter` a PEFT folder. `precision` is
    what is computed in (`auto`: vLLM's choice). `batch_size` is the most rows at once, `memory` the share of the card
    that vLLM takes, `max_model_len` the longest prompt with its answer, in tokens (0: the model's own limit).
    `constraint` allows SQL only (`syntax`), with the schema's names only (`schema`), as far as a grammar can say.
    `stop_early`, `samples`, `temperature`, `top_p` and `seed` are those of the `huggingface` back end. Raises
    `ConfigError` for options that cannot be meant.
    """

    model: str
    hub_id: str = ""
    adapter: str = ""
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    batch_size: int = 256
    memory: float = 0.9
    max_model_len: int = 0
    max_new_tokens: int = 256
    stop_early: bool = True
    constraint: Literal["off", "syntax", "schema"] = "off"
    samples: int = 1
    temperature: float | None = None
    top_p: float = 0.95
    seed: int = 0
    _dataset: ClassVar[Dataset | None] = None

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ConfigError("generator", problems)

    def bind(self, dataset: Dataset) -> "VLLM":
        """Return a generator that knows the questions' schemas, which a constraint is made of.

        Raises `MissingDependency` without vLLM, and `ModelError` for weights or an adapter that vLLM does not read.
        """
        if importlib.util.find_spec("vllm") is None:
            raise missing("is not installed")
        bound = replace(self)
        object.__setattr__(bound, "_dataset", dataset)
        bound.check()
        return bound

    def check(self) -> None:
        """Raise `ModelError` for weights or an adapter that vLLM does not read, before a run is begun with them."""
        _ = self.weights, self._lora_options

    @cached_property
    def weights(self) -> Any:
        """Where the weights are (`harness.models.Weights`); raises `ModelError` where they are not, or are `.gguf`."""
        weights = _models().resolve(self.model, hub_id=self.hub_id)
        if weights.gguf_file:
            raise ModelError(
                f"{self.model}: the vllm back end does not read .gguf files; name a hub id or a folder with "
                'safetensors, or set generator.name = "huggingface"'
            )
        return weights

    @cached_property
    def tokenizer(self) -> Any:
        """The tokeniser, loaded on first use; raises `ModelError` when it cannot be had."""
        return _models().load_tokenizer(self.weights)

    @property
    def manifest(self) -> dict[str, Any]:
        """What a run's manifest says of the model."""
        return {
            "weights": {"ref": self.weights.ref, "hub_id": self.weights.hub_id, "sha256": self.weights.sha256},
            "adapter": self._adapter_sha256,
            "precision": self.precision,
            "engine": "vllm",
            "decoding": self._decoding if self._temperature or self.constraint != "off" else "greedy",
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What shapes the answer to a prompt: what a cache may rely on; raises `ConfigError` for `precision` "auto"."""
        if self.precision == "auto":
            problem = (
                'generator.cache: with generator.precision = "auto" vllm computes in what weights and card suggest, so '
                'stored answers could be of another precision; set it ("bf16", "fp16"), or leave the cache off'
            )
            raise ConfigError("generator.cache", [problem])
        about = {"weights": self.weights.sha256 or self.weights.hub_id, "adapter": self._adapter_sha256}
        options = {"precision": self.precision, "max_model_len": self.max_model_len}
        return {"generator": "vllm", **about, **options, **self._decoding}

    @property
    def usage(self) -> dict[str, Any]:
        """What the engine did in this process."""
        if "_engine" not in vars(self):
            return {}
        import vllm  # noqa: PLC0415 - it is there: the engine is its

        return {"engine": f"vllm {vllm.__version__}", **self._engine.usage}

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text: what the prompt budget is measured with."""
        return int(_models().count_tokens(self.tokenizer, text))

    def chat(self, user: str) -> str:
        """Render one user message with the chat template."""
        return str(_models().chat_text(self.tokenizer, user))

    def batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Return the units of work: prompts that are computed together, and repeated together by a resumed run.

        Their order depends on each prompt alone: by prefix, which is computed once, the longest first.
        """

        def place(prompt: Prompt) -> tuple[object, ...]:
            return -len(prompt.prefix), prompt.prefix, -len(prompt.suffix), prompt.index

        queue, size = sorted(prompts, key=place), max(1, UNIT_BATCHES * self.batch_size // self.samples)
        return [queue[start : start + size] for start in range(0, len(queue), size)]

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield `samples` completions for each prompt as they end, unit by unit.

        The latencies of completions add up to the time that generation took. Raises `ModelError` when the engine cannot
        be had or refuses every prompt, `MissingDependency` without vLLM, `UsageError` for a constraint without schemas,
        and `RunError` when the engine dies or breaks an answer off.
        """
        if not prompts:
            return
        if self.constraint != "off" and self._dataset is None:
            raise UsageError("generator.constraint: the schemas are not known; bind the generator to a data set first")
        engine = self._engine
        started = time.perf_counter()
        for unit in self.batches(prompts):
            for rows in engine.complete([row for prompt in unit for row in self._rows(prompt)]):
                latency_s = (time.perf_counter() - started) / len(rows)
                yield from (self._completion(row, latency_s) for row in rows)
                started = time.perf_counter()

    def _completion(self, row: Row, latency_s: float) -> Completion:
        end = statement_end(row.text) if self.stop_early else None
        tokens = row.tokens if end is None else self.count_tokens(row.text[:end])
        return Completion(
            row.index,
            row.text[:end],
            sample=row.sample,
            finish_reason="length" if end is None and row.reason == "length" else "stop",
            prompt_tokens=len(row.ids),
            completion_tokens=tokens,
            latency_s=latency_s,
            logprob=None if row.logprob is None else round(row.logprob, 6),
        )

    def _rows(self, prompt: Prompt) -> list[Row]:
        # Each part by itself, as in training and in the other back end: the boundary is always at the same place.
        ids = [*self._encode_prefix(prompt.prefix), *_models().encode(self.tokenizer, prompt.suffix, start=False)]
        ids = ids or [self.tokenizer.pad_token_id]  # what predicts the first token of nothing at all
        return [Row(prompt.index, sample, ids, self._params(prompt.index, sample)) for sample in range(self.samples)]

    @cached_property
    def _encode_prefix(self) -> Callable[[str], list[int]]:
        encode, tokenizer = _models().encode, self.tokenizer
        return lru_cache(maxsize=256)(lambda text: encode(tokenizer, text, start=True))

    def _params(self, index: int, sample: int) -> Any:
        from vllm.sampling_params import SamplingParams, StructuredOutputsParams  # noqa: PLC0415

        options: dict[str, Any] = {"max_tokens": self.max_new_tokens, "temperature": self._temperature}
        if self._temperature:
            seed = draw_seed(self.seed, index, sample)
            options |= {"top_p": self.top_p, "seed": seed, "logprobs": 0}  # 0: those of the drawn tokens alone
        if self.constraint != "off":
            options["structured_outputs"] = StructuredOutputsParams(grammar=self._grammar(self._db_id(index)))
        return SamplingParams(**options)

    def _db_id(self, index: int) -> str:
        assert self._dataset is not None
        return self._dataset.examples[index].db_id

    @cached_property
    def _grammar(self) -> Callable[[str], str]:
        from harness.decoding.grammar import render_grammar  # noqa: PLC0415 - only where there is a constraint

        assert self._dataset is not None
        schemas, level = self._dataset.schemas, self.constraint
        return lru_cache(maxsize=None)(lambda db_id: render_grammar(schemas[db_id], level))

    @cached_property
    def _engine(self) -> Engine:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            import vllm  # noqa: PLC0415 - seconds, and a GPU's memory, that only who generates pays
            from vllm.lora.request import LoRARequest  # noqa: PLC0415
        except ImportError as error:
            raise missing(f"cannot be imported ({reason(error)})") from error
        try:
            gc.collect()  # the engine of an earlier run in this process may still hold the card's memory
            adapter = LoRARequest("adapter", 1, str(Path(self.adapter).absolute())) if self.adapter else None
            return Engine(vllm.LLM(**self._engine_options), adapter, stop_early=self.stop_early)
        except Exception as error:  # whatever vLLM, torch or the driver raise
            what = f"{self.weights.ref} with {self.adapter}" if self.adapter else self.weights.ref
            raise ModelError(
                f"{what}: vllm cannot load it: {reason(error)}; where memory is short set generator.max_model_len or "
                'generator.memory, and where vllm does not know the model generator.name = "huggingface"'
            ) from error

    @property
    def _engine_options(self) -> dict[str, Any]:
        length = {"max_model_len": self.max_model_len} if self.max_model_len else {}
        # Of its grammar back ends the one that is llguidance, whose Lark the grammars are.
        guidance = {} if self.constraint == "off" else {"structured_outputs_config": {"backend": "guidance"}}
        return {
            "model": self.weights.source,
            "dtype": DTYPES[self.precision],
            "seed": self.seed,
            "gpu_memory_utilization": self.memory,
            "max_num_seqs": self.batch_size,
            "enable_prefix_caching": True,
            **length,
            **guidance,
            **self._lora_options,
        }

    @cached_property
    def _lora_options(self) -> dict[str, Any]:
        if not self.adapter:
            return {}
        return {"enable_lora": True, "max_loras": 1, "max_lora_rank": max_lora_rank(Path(self.adapter))}

    @cached_property
    def _adapter_sha256(self) -> dict[str, str]:
        files = Path(self.adapter).glob("adapter_*") if self.adapter else ()
        return {path.name: sha256(path) for path in sorted(files)}

    @property
    def _temperature(self) -> float:
        default = SAMPLING_TEMPERATURE if self.samples > 1 else 0.0
        return default if self.temperature is None else self.temperature

    @property
    def _decoding(self) -> dict[str, Any]:
        names = ("samples", "top_p", "seed", "max_new_tokens", "stop_early")
        about = {"temperature": self._temperature, **{name: getattr(self, name) for name in names}}
        if self.constraint == "off":
            return {**about, "constraint": "off"}
        # Not what the other back end calls by that name: it follows the scope as well.
        return {**about, "constraint": f"{self.constraint} (grammar only)", "constraint_version": CONSTRAINT_VERSION}

    def _problems(self) -> Iterator[str]:
        lowest = {"batch_size": 1, "max_model_len": 0, "max_new_tokens": 1, "samples": 1}
        for name, low in lowest.items():
            if getattr(self, name) < low:
                yield f"generator.{name}: must be at least {low} (got {getattr(self, name)})"
        if not 0 < self.memory <= 1:
            yield f"generator.memory: a share of the card's memory, above 0 and at most 1 (got {self.memory})"
        lowest_drawn, highest = LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE
        if self.temperature and not lowest_drawn <= self.temperature <= highest:
            yield f"generator.temperature: vllm takes 0, and {lowest_drawn:g} to {highest:g} (got {self.temperature})"
        if not 0 < self.top_p <= 1:
            yield f"generator.top_p: must be above 0 and at most 1 (got {self.top_p})"
        if self.samples > 1 and self.temperature == 0:
            yield "generator.temperature: 0 gives the same answer every time; set samples = 1 or raise it"


def _models() -> Any:
    return importlib.import_module("harness.models")  # torch: whoever has vLLM has it
