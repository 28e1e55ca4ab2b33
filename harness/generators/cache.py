"""Answers that were written before: a folder of completions, found by what they were made from.

A key is the sha256 of the generator's identity (weights, adapter, decoding options), the prompt's two parts and the
schema behind it, to which a constrained decoder looks. One file of JSON lines for each identity, whose first line says
what it is; only what is missing there is generated, and written down before anybody sees it.

Where a generator computes prompts in batches, a batch is taken from the cache whole or computed whole: otherwise the
rest of a batch would be computed in other company, and in bf16 a little otherwise. So over the same questions a run
with a cache, cold, warm or resumed, has the answers of a run without one.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.files import GrowingFile, whole_lines, writing
from harness.generators.base import Batched, Generator, samples_of
from harness.types import Completion, Dataset, Prompt, Schema

__all__ = ["Cached", "identity_of"]

ELSEWHERE = frozenset({"model", "hub_id", "adapter", "device", "batch_size", "memory_gib", "cuda_graphs"})
"""Options that say where weights are, or how they are computed with: hashes stand for the former."""
KEPT = ("text", "finish_reason", "prompt_tokens", "completion_tokens", "latency_s", "logprob")
Known = dict[str, dict[int, dict[str, Any]]]
"""Stored completions by key and sample."""


def identity_of(plugin: object, bound: object) -> dict[str, Any]:
    """Return what shapes the answers of a generator: its own `identity`, else hashes of weights and its options.

    `bound` is what `plugin.bind` made, or the plug-in itself. Raises `ConfigError` when neither says what it is.
    """
    for one in (bound, plugin):
        if identity := getattr(one, "identity", None):
            return dict(identity)
    manifest = getattr(bound, "manifest", None) or getattr(plugin, "manifest", None) or {}
    weights = manifest.get("weights", {})
    name = weights.get("sha256") or weights.get("hub_id")
    if not name or not is_dataclass(plugin):
        problem = (
            f"generator.cache: {type(plugin).__name__} does not say what shapes its answers, so stored ones could be "
            "another model's; leave the cache off, or give the generator an `identity`"
        )
        raise ConfigError("generator.cache", [problem])
    options = {one.name: getattr(plugin, one.name) for one in fields(plugin) if one.init and one.name not in ELSEWHERE}
    decoding = manifest.get("decoding")
    version = decoding.get("constraint_version") if isinstance(decoding, dict) else None
    about = {"weights": name, "adapter": manifest.get("adapter", {}), "options": options}
    return about if version is None else {**about, "constraint_version": version}


@dataclass(frozen=True)
class Cached:
    """A generator with the folder of its earlier answers in front.

    `usage` counts prompts: `cache_hits` came from the folder, `cache_misses` were generated, in this session.
    """

    generator: Generator
    folder: Path
    identity: Mapping[str, Any]
    dataset: Dataset

    @property
    def samples(self) -> int:
        """As the generator has it."""
        return samples_of(self.generator)

    @property
    def manifest(self) -> dict[str, Any]:
        """As the generator has it: the cache changes no answer."""
        return dict(getattr(self.generator, "manifest", {}))

    @property
    def usage(self) -> dict[str, float]:
        """What the generator used, and how many prompts it was asked and spared."""
        return {**getattr(self.generator, "usage", {}), **self._counts}

    def batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Return the generator's batches, single prompts where it computes each for itself."""
        if isinstance(self.generator, Batched):
            return self.generator.batches(prompts)
        return [[prompt] for prompt in prompts]

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield what is known at once, then what the generator writes; raises what it raises, and `RunError`."""
        known = self._read()
        missing: list[Prompt] = []
        for batch in self.batches(prompts):
            found = [known.get(self._key(prompt), {}) for prompt in batch]
            if not all(set(one) >= set(range(self.samples)) for one in found):
                missing += batch
                continue
            self._counts["cache_hits"] += len(batch)
            for prompt, one in zip(batch, found, strict=True):
                yield from (_from_stored(prompt, sample, one[sample]) for sample in range(self.samples))
        if missing:
            self._counts["cache_misses"] += len(missing)
            yield from self._generate(missing, known)

    def _generate(self, prompts: list[Prompt], known: Known) -> Iterator[Completion]:
        keys = {prompt.index: self._key(prompt) for prompt in prompts}
        with contextlib.closing(self._open()) as file:
            for completion in self.generator.generate(prompts):
                key = keys[completion.index]
                if completion.finish_reason != "missing" and completion.sample not in known.get(key, {}):
                    content = asdict(completion)
                    line = {"key": key, "sample": completion.sample, **{name: content[name] for name in KEPT}}
                    file.append(_dump(line))
                yield completion

    @property
    def _path(self) -> Path:
        return self.folder / f"{_digest(self.identity)[:16]}.jsonl"

    def _open(self) -> GrowingFile:
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        busy = f"{self._path}: another process is writing to this cache; wait for it or name another generator.cache"
        file = GrowingFile(self._path, busy)
        if not self._path.stat().st_size:
            file.append(_dump({"identity": self.identity}))
        return file

    def _read(self) -> Known:
        known: Known = {}
        with contextlib.suppress(FileNotFoundError):  # nothing is known yet
            for line in whole_lines(self._path).splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):  # a damaged line is an answer less
                    one = json.loads(line.decode("utf-8", "surrogatepass"))
                    known.setdefault(one["key"], {})[one["sample"]] = {name: one[name] for name in KEPT}
        return known

    def _key(self, prompt: Prompt) -> str:
        db_id = self.dataset.examples[prompt.index].db_id
        parts = [self._identity_digest, prompt.prefix, prompt.suffix, self._schemas[db_id]]
        # A draw may depend on whose question it is, so that two with the same words are answered independently.
        return _digest([*parts, prompt.index] if self._is_drawn else parts)

    @cached_property
    def _is_drawn(self) -> bool:
        options = {**self.identity, **self.identity.get("options", {})}
        return self.samples > 1 or bool(options.get("temperature"))

    @cached_property
    def _identity_digest(self) -> str:
        return _digest(self.identity)

    @cached_property
    def _schemas(self) -> dict[str, str]:
        return {db_id: _digest(_names(schema)) for db_id, schema in self.dataset.schemas.items()}

    @cached_property
    def _counts(self) -> dict[str, float]:
        return {"cache_hits": 0, "cache_misses": 0}


def _names(schema: Schema) -> list[Any]:
    """Return what a grammar may be made from: all of a schema but its prose."""
    tables = [
        [table.name, [[one.name, one.type] for one in table.columns], table.primary_key] for table in schema.tables
    ]
    return [schema.db_id, tables, [asdict(key) for key in schema.foreign_keys]]


def _from_stored(prompt: Prompt, sample: int, stored: Mapping[str, Any]) -> Completion:
    # It took its time when it was made, not now.
    return Completion(prompt.index, sample=sample, **{**stored, "latency_s": 0.0})


def _dump(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
