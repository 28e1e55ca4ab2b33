"""The `huggingface` back end: its options, and what the rest of the harness sees of it.

A row stops at its end token, at a `;` outside quotes or at a blank line after text, and at the latest after
`max_new_tokens`. `shared` computes each schema once and keeps its rows together (`shared`, `session`); `generate` is
transformers' own loop (`plain`).
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from harness import models
from harness.datasets.hashing import sha256
from harness.decoding.base import CONSTRAINT_VERSION
from harness.errors import ConfigError, UsageError
from harness.generators.huggingface.body import unsupported
from harness.generators.huggingface.forbidding import Words, make_bans, read_texts
from harness.generators.huggingface.masks import Bans, Grammar, Masks
from harness.generators.huggingface.memory import CPU_ROWS, cap_process, measure_peaks
from harness.generators.huggingface.plain import PlainEngine, by_length
from harness.generators.huggingface.rows import Decoding, Request, Row
from harness.generators.huggingface.shared import Limits, SharedEngine, Work
from harness.generators.huggingface.stopping import Stopping
from harness.generators.huggingface.units import CPU_UNIT_BATCHES, UNIT_BATCHES, cut
from harness.types import Completion, Dataset, Prompt, Schema

__all__ = ["HuggingFace"]

SAMPLING_TEMPERATURE = 0.8
PATIENCE = 5 / 8
"""Behind this share of `max_new_tokens` a constrained statement begins nothing that it can do without."""
STRETCH = 48
"""And with so many tokens left, but not before, it closes whatever can be closed."""


@dataclass(frozen=True)
class HuggingFace:
    """Options of the generator.

    `model` is a hub id, a folder or a `.gguf` file, `hub_id` the name of what a file holds; `adapter` a PEFT folder,
    merged into the weights where `merge_adapter` says so (unset: unless they are quantised).
    `precision` is what the weights are held in: `nf4` and `fp4` (bitsandbytes), `bf16`, `fp16`, `fp32` or `auto`.
    `batch_size` is the most rows at once, fewer where memory is short; `memory_gib` caps the process as a card of that
    size would (0: no cap). `stop_early = false` takes everything up to the end token, as the case study's notebook
    does. `constraint` allows SQL only (`syntax`), and only names that the schema has (`schema`). `samples` completions
    are drawn for a prompt, from the nucleus `top_p` at `temperature` (unset: 0, the likeliest token, for one sample,
    and 0.8 for several); `seed`, question, sample and position determine each draw.
    """

    model: str
    hub_id: str = ""
    adapter: str = ""
    merge_adapter: bool | None = None
    precision: models.Precision = "nf4"
    compute_dtype: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    device: str = "auto"
    engine: Literal["shared", "generate"] = "shared"
    cuda_graphs: bool = True
    batch_size: int = 128
    memory_gib: float = 0.0
    max_new_tokens: int = 256
    stop_early: bool = True
    constraint: Literal["off", "syntax", "schema"] = "off"
    samples: int = 1
    temperature: float | None = None
    top_p: float = 0.95
    seed: int = 0
    _dataset: ClassVar[Dataset | None] = None

    def __post_init__(self) -> None:
        """Raise `ConfigError` with every option that cannot be."""
        limits = {"batch_size": self.batch_size, "max_new_tokens": self.max_new_tokens, "samples": self.samples}
        problems = [
            f"generator.{name}: must be at least 1 (got {value})" for name, value in limits.items() if value < 1
        ]
        if self.temperature is not None and self.temperature < 0:
            problems.append(f"generator.temperature: must not be negative (got {self.temperature})")
        if not 0 < self.top_p <= 1:
            problems.append(f"generator.top_p: must be above 0 and at most 1 (got {self.top_p})")
        if self.samples > 1 and self.temperature == 0:
            problems.append("generator.temperature: 0 gives the same answer every time; set samples = 1 or raise it")
        if problems:
            raise ConfigError("generator", problems)

    def bind(self, dataset: Dataset) -> "HuggingFace":
        """Return a generator that knows the questions' schemas, which a constraint is made of."""
        bound = replace(self)
        object.__setattr__(bound, "_dataset", dataset)
        return bound

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
        """The model, loaded on first use, its adapter on it or merged into it."""
        cap_process(self.memory_gib)
        adapter = Path(self.adapter) if self.adapter else None
        model = models.load_model(
            self.weights,
            precision=self.precision,
            compute_dtype=self.compute_dtype,
            device=self.device,
            adapter=adapter,
        )
        return model.merge_and_unload().eval() if adapter is not None and self._merges else model

    @property
    def _merges(self) -> bool:
        quantized = self.precision in ("nf4", "fp4")
        return bool(self.adapter) and (not quantized if self.merge_adapter is None else self.merge_adapter)

    @cached_property
    def decoding(self) -> Decoding:
        """How tokens are chosen, with what was left unset."""
        default = SAMPLING_TEMPERATURE if self.samples > 1 else 0.0
        temperature = default if self.temperature is None else self.temperature
        return Decoding(self.samples, temperature, self.top_p, self.seed, self.max_new_tokens, self.stop_early)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What a run's manifest says of the model."""
        device = models.choose_device(self.device)
        return {
            "weights": {"ref": self.weights.ref, "hub_id": self.weights.hub_id, "sha256": self.weights.sha256},
            "adapter": self._adapter_sha256,
            "adapter_merged": self._merges,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "precision": self.precision,
            "engine": self.engine,
            "decoding": self._decoding_manifest if self._chooses else "greedy",
        }

    @property
    def _decoding_manifest(self) -> dict[str, Any]:
        version = {} if self.constraint == "off" else {"constraint_version": CONSTRAINT_VERSION}
        return {**asdict(self.decoding), "constraint": self.constraint, **version}

    @property
    def _chooses(self) -> bool:
        return bool(self.decoding.temperature) or self.constraint != "off"

    @property
    def _adapter_sha256(self) -> dict[str, str]:
        files = Path(self.adapter).glob("adapter_*") if self.adapter else ()
        return {path.name: sha256(path) for path in sorted(files)}

    @property
    def usage(self) -> dict[str, Any]:
        """What the engine did in this process, and GPU memory at its highest in GiB."""
        engine = self._engine.usage if "_engine" in vars(self) else {}
        return {**engine, **measure_peaks()}

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text: what the prompt budget is measured with."""
        return models.count_tokens(self.tokenizer, text)

    def chat(self, user: str) -> str:
        """Render one user message with the chat template."""
        return models.chat_text(self.tokenizer, user)

    def batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Return the units of work: prompts that are computed together, and repeated together by a resumed run."""
        requests = [self._request(prompt) for prompt in prompts]
        if self.engine == "generate":
            size = max(1, self.batch_size // self.samples)
            queue = by_length(requests)
            units = [queue[start : start + size] for start in range(0, len(queue), size)]
        else:
            units = cut(requests, self._unit_size)
        return [[request.prompt for request in unit] for unit in units]

    @property
    def _unit_size(self) -> int:
        if models.choose_device(self.device).type == "cuda":
            return max(1, UNIT_BATCHES * self.batch_size // self.samples)
        return max(1, CPU_UNIT_BATCHES * min(self.batch_size, CPU_ROWS) // self.samples)

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield `samples` completions for each prompt as they end, unit by unit.

        The latencies of completions add up to the time that generation took. Raises `ModelError` when memory does not
        hold a single row, and `UsageError` for a constraint without schemas.
        """
        units = self.batches(prompts)
        if units:
            yield from self._complete(self._engine, ([self._request(prompt) for prompt in unit] for unit in units))

    def generate_from(
        self, prompts: Sequence[Prompt], prefixes: Sequence[str], forbidden: Sequence[frozenset[str]]
    ) -> Iterator[Completion]:
        """Yield completions that begin with `prefixes` and go on with none of the `forbidden` names.

        See `harness.generators.base.Continues`; raises as `generate` does.
        """
        begun = zip(prompts, prefixes, forbidden, strict=True)
        requests = [self._begin(*one) for one in begun]
        if requests:
            yield from self._complete(self._continuing, cut(requests, self._unit_size))

    def _complete(self, engine: SharedEngine | PlainEngine, units: Iterable[list[Request]]) -> Iterator[Completion]:
        # The engine is there by now: loading is no latency of the first rows.
        started = time.perf_counter()
        for unit in units:
            for rows in engine.complete(unit):
                latency_s = (time.perf_counter() - started) / len(rows)
                yield from (self._completion(row, latency_s) for row in rows)
                started = time.perf_counter()

    @cached_property
    def _engine(self) -> SharedEngine | PlainEngine:
        return self._build_engine(Masks(grammar) if (grammar := self._build_grammar()) else None)

    @cached_property
    def _continuing(self) -> SharedEngine | PlainEngine:
        words = Words(read_texts(self.tokenizer, self._vocabulary))
        return self._build_engine(Masks(self._build_grammar(), Bans(words, self._stopping.written)))

    def _build_engine(self, masks: Masks | None) -> SharedEngine | PlainEngine:
        limits = Limits(self.batch_size, self.memory_gib, graphs=self.cuda_graphs)
        work = Work(self.decoding, self._stopping, limits, masks)
        why = "" if self.engine == "generate" else unsupported(self.loaded)
        if self.engine == "shared" and not why:
            return SharedEngine(self.loaded, work)
        return PlainEngine(self.loaded, work, pad=self.tokenizer.pad_token_id, why=why)

    @cached_property
    def _stopping(self) -> Stopping:
        configured = self.loaded.generation_config.eos_token_id
        more = configured if isinstance(configured, list) else [configured]
        ends = frozenset(one for one in (self.tokenizer.eos_token_id, *more) if one is not None)
        return Stopping(self.tokenizer, ends, self.decoding)

    @property
    def _vocabulary(self) -> int:
        return int(self.loaded.get_output_embeddings().weight.shape[0])

    def _build_grammar(self) -> Grammar | None:
        if self.constraint == "off":
            return None
        from harness.decoding.constraint import build_constraint, fill_all  # noqa: PLC0415 - llguidance

        schema_of = self._schema_of()
        ends = sorted(self._stopping.end_ids)
        constraint = build_constraint(self.tokenizer, self.constraint, vocabulary=self._vocabulary, ends=ends)
        most = self.max_new_tokens
        patience = PATIENCE * most
        return Grammar(constraint, fill_all, schema_of, patience=patience, stretch=max(patience, most - STRETCH))

    def _schema_of(self) -> Any:
        dataset = self._dataset
        if dataset is None:
            raise UsageError("generator.constraint: the schemas are not known; bind the generator to a data set first")
        schemas: Mapping[str, Schema] = dataset.schemas
        return lambda index: schemas[dataset.examples[index].db_id]

    def _request(self, prompt: Prompt) -> Request:
        prefix = self._encode_prefix(prompt.prefix)
        suffix = tuple(models.encode(self.tokenizer, prompt.suffix, start=False))
        if suffix:
            return Request(prompt, prefix, suffix)
        # What predicts a row's first token must be its own; before nothing at all stands the padding token.
        return Request(prompt, prefix[:-1], prefix[-1:] or (self.tokenizer.pad_token_id,))

    def _begin(self, prompt: Prompt, beginning: str, forbidden: frozenset[str]) -> Request:
        request = self._request(prompt)
        begun = tuple(models.encode(self.tokenizer, beginning.rstrip(), start=False))
        suffix = (*request.suffix, *begun)
        schema = self._schema_of()(prompt.index) if self._dataset else None
        return replace(request, suffix=suffix, beginning=beginning, begun=len(begun), bans=make_bans(forbidden, schema))

    @cached_property
    def _encode_prefix(self) -> Any:
        return lru_cache(maxsize=256)(lambda text: tuple(models.encode(self.tokenizer, text, start=True)))

    def _completion(self, row: Row, latency_s: float) -> Completion:
        text, reason, tokens = self._stopping.read(row)
        return Completion(
            row.request.prompt.index,
            text,
            sample=row.sample,
            finish_reason=reason,
            prompt_tokens=row.request.tokens,
            completion_tokens=tokens,
            latency_s=latency_s,
            logprob=round(row.logprob, 6) if self.decoding.temperature else None,
        )
