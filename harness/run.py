"""The shell around `pipeline`: builds the parts from a configuration, keeps the run on disk, resumes it."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import datasets, extraction, manifest, store
from harness.config import EvalConfig
from harness.datasets.schema import to_ddl
from harness.errors import DataError, RunError, UsageError
from harness.execution import Executor, Limits
from harness.generators import GENERATORS
from harness.generators.base import Generator
from harness.metrics import DEFAULT, METRICS
from harness.metrics.base import ExecutingMetric, Metric
from harness.pipeline import Evaluation, evaluate
from harness.plugins import instantiate
from harness.prompts import OVER_BUDGET, PromptBuilder
from harness.summary import summarise
from harness.types import Dataset, Prompt, Run

__all__ = ["Place", "evaluate_config", "find_runs"]

OnRecord = Callable[[int, int], None]
"""Called with (questions done, questions in all)."""


@dataclass(frozen=True)
class Place:
    """Where a run goes: `folder` exactly, or (when None) the next numbered folder of `output.path`."""

    folder: Path | None = None
    resume: bool = False
    limit: int | None = None
    command: str = ""


@dataclass(frozen=True)
class _Parts:
    dataset: Dataset
    generator: Generator
    builder: PromptBuilder
    metrics: tuple[Metric | ExecutingMetric, ...]

    @property
    def metric_names(self) -> tuple[str, ...]:
        return tuple(metric.name for metric in self.metrics)


def evaluate_config(config: EvalConfig, place: Place, on_record: OnRecord = lambda _done, _total: None) -> Run:
    """Evaluate what `config` says and return the complete run.

    Raises `ConfigError`, `DataError`, `ModelError` or `UsageError` before the first question, `RunError` when the
    run cannot go on; what was finished by then is kept and `place.resume` goes on with it.
    """
    parts = _build_parts(config, place.limit)
    identity = manifest.RunIdentity(
        config, parts.dataset, parts.metric_names, parts.builder.manifest, _about(parts.generator), place.limit
    )
    fresh = manifest.describe(identity, name="", command=place.command)
    folder = _open_folder(config, place, fresh, parts.dataset)
    run = store.load(folder)
    if run.complete:
        return run
    started = time.monotonic()
    prompts = _prompts(parts)
    _evaluate_into(folder, config, parts, prompts, on_record)
    _complete(folder, parts, prompts, elapsed_s=time.monotonic() - started)
    return store.load(folder)


def _build_parts(config: EvalConfig, limit: int | None) -> _Parts:
    dataset = _load_dataset(config, limit)
    names = config.metrics.names or DEFAULT
    metrics = tuple(instantiate(METRICS, name, config.metrics.options.get(name, {}), "metrics.names") for name in names)
    _refuse_missing_databases(dataset, metrics)
    options = dict(config.generator)
    generator = instantiate(GENERATORS, str(options.pop("name", "huggingface")), options, "generator")
    if hasattr(generator, "bind"):
        generator = generator.bind(dataset)
    builder = PromptBuilder(config.prompt, getattr(generator, "count_tokens", None), getattr(generator, "chat", None))
    return _Parts(dataset, generator, builder, metrics)


def _load_dataset(config: EvalConfig, limit: int | None) -> Dataset:
    if config.data.questions:
        dataset = datasets.load_single(Path(config.data.path), Path(config.data.questions))
        return replace(dataset, examples=dataset.examples[:limit])
    return datasets.load(config.data.path, config.data.split, limit=limit, descriptions=config.prompt.descriptions)


def _refuse_missing_databases(dataset: Dataset, metrics: Sequence[Metric | ExecutingMetric]) -> None:
    needing = [metric.name for metric in metrics if metric.needs_databases]
    missing = sorted({example.db_id for example in dataset.examples} - set(dataset.databases))
    if needing and missing:
        others = ",".join(metric.name for metric in metrics if not metric.needs_databases)
        raise DataError(
            f"{dataset.name} ({dataset.split}): {', '.join(needing)} needs databases, and {len(missing)} are missing: "
            f"{', '.join(missing[:10])}{' …' if len(missing) > 10 else ''}; "  # noqa: PLR2004
            f"get them, or name metrics that need none (--metrics {others or 'valid_sql'})"
        )


def _about(generator: Generator) -> dict[str, Any]:
    about: dict[str, Any] = getattr(generator, "manifest", {})
    return about


def _open_folder(config: EvalConfig, place: Place, fresh: dict[str, Any], dataset: Dataset) -> Path:
    if place.folder is not None:
        return _open_exactly(place.folder, fresh, resume=place.resume)
    parent = Path(config.output.path)
    if place.resume:
        for run in reversed(find_runs(parent)):
            if run.manifest.get("config_sha256") == fresh["config_sha256"] and _same(run, fresh):
                return run.path
        unfinished = [run for run in find_runs(parent) if not run.complete]
        if unfinished:
            manifest.refuse_other_run(str(unfinished[-1].path), unfinished[-1].manifest, fresh)
    folder = _next_folder(parent, config, dataset)
    store.create(folder, {**fresh, "name": folder.name})
    return folder


def _same(run: Run, fresh: dict[str, Any]) -> bool:
    try:
        manifest.refuse_other_run(str(run.path), run.manifest, fresh)
    except UsageError:
        return False
    return True


def _open_exactly(folder: Path, fresh: dict[str, Any], *, resume: bool) -> Path:
    if (folder / store.MANIFEST).exists():
        if not resume:
            raise UsageError(f"{folder}: holds a run already; go on with --resume or choose another folder")
        manifest.refuse_other_run(str(folder), store.load(folder).manifest, fresh)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: exists and is no run; choose another folder")
    else:
        store.create(folder, {**fresh, "name": folder.name})
    return folder


def find_runs(parent: Path) -> list[Run]:
    """Return the runs in a folder of runs, complete or not, by name."""
    if not parent.is_dir():
        return []
    return [store.load(path.parent) for path in sorted(parent.glob(f"*/{store.MANIFEST}"))]


def _next_folder(parent: Path, config: EvalConfig, dataset: Dataset) -> Path:
    taken = [re.match(r"\d+", path.name) for path in parent.glob("[0-9]*")] if parent.is_dir() else []
    number = 1 + max((int(match.group()) for match in taken if match), default=0)
    label = config.output.name or f"{dataset.split.replace('_', '-')}_{_model_label(config)}"
    return parent / f"{number:04d}_{re.sub(r'[^A-Za-z0-9._-]+', '-', label)}"


def _model_label(config: EvalConfig) -> str:
    options = config.generator
    source = options.get("adapter") or options.get("model") or options.get("path") or options.get("name") or "run"
    return Path(str(source).rstrip("/")).name.removesuffix(".gguf").removesuffix(".json").removesuffix(".jsonl")


def _evaluate_into(
    folder: Path, config: EvalConfig, parts: _Parts, prompts: Sequence[Prompt], on_record: OnRecord
) -> None:
    dataset = parts.dataset
    positions = _positions(dataset)
    done = frozenset(positions[str(record.question_id)] for record in store.read_records(folder))
    total = len(dataset.examples)
    on_record(len(done), total)
    workers = config.execution.workers or os.cpu_count() or 1
    with _executor(config, dataset, workers) as executor, contextlib.closing(store.RecordWriter(folder)) as writer:
        extract = extraction.extract if parts.builder.template.extract else extraction.take_whole
        evaluation = Evaluation(dataset, prompts, parts.generator, extract, executor, parts.metrics, workers)
        for count, (_, record) in enumerate(evaluate(evaluation, done), start=len(done) + 1):
            writer.append(record)
            on_record(count, total)


def _positions(dataset: Dataset) -> dict[str, int]:
    positions: dict[str, int] = {}
    for index, example in enumerate(dataset.examples):
        if positions.setdefault(str(example.question_id), index) != index:
            raise DataError(
                f"{dataset.name} ({dataset.split}): question_id {example.question_id!r} stands there twice; "
                "`t2s data check` lists everything that is wrong"
            )
    return positions


def _prompts(parts: _Parts) -> list[Prompt]:
    schemas = parts.dataset.schemas
    return [
        parts.builder.build(index, example, schemas[example.db_id])
        for index, example in enumerate(parts.dataset.examples)
    ]


def _executor(config: EvalConfig, dataset: Dataset, workers: int) -> Executor:
    limits = Limits(
        timeout_s=config.execution.timeout_s,
        memory_mib=config.execution.memory_mib,
        max_rows=config.execution.max_rows,
    )
    ddl = {db_id: to_ddl(schema) for db_id, schema in dataset.schemas.items() if db_id not in dataset.databases}
    return Executor(dataset.databases, ddl=ddl, limits=limits, workers=workers)


def _complete(folder: Path, parts: _Parts, prompts: Sequence[Prompt], *, elapsed_s: float) -> None:
    positions = _positions(parts.dataset)
    records = sorted(store.read_records(folder), key=lambda record: positions[str(record.question_id)])
    if len(records) != len(parts.dataset.examples):
        raise RunError(
            f"{folder}: {len(records)} of {len(parts.dataset.examples)} questions have a record; "
            "the generator left some out, so the run is not complete"
        )
    latency_s = sum(record.latency_s for record in records)
    timing = {"elapsed_s": round(elapsed_s, 3), "generation_s": round(latency_s, 3)}
    summary = summarise(records, parts.metric_names, timing=timing)
    usage = getattr(parts.generator, "usage", {})
    store.write_summary(folder, {**summary, "prompts": _prompt_statistics(prompts), "usage": usage})


def _prompt_statistics(prompts: Sequence[Prompt]) -> dict[str, int]:
    return {
        "shortened": sum(bool(prompt.shortened) for prompt in prompts),
        "over_budget": sum(OVER_BUDGET in prompt.shortened for prompt in prompts),
        "longest_tokens": max((prompt.tokens for prompt in prompts), default=0),
    }
