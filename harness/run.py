"""The shell around `pipeline`: builds the parts from a configuration, keeps the run on disk, resumes it."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness import extraction, manifest, store
from harness.config import EvalConfig, build
from harness.datasets.hashing import hashes
from harness.errors import ConfigError, DataError, RunError, UsageError
from harness.generators import GENERATORS
from harness.generators.base import Generator, samples_of
from harness.generators.front import Front, Setting, split_options
from harness.pipeline import Evaluation, evaluate
from harness.plugins import instantiate
from harness.prompts import OVER_BUDGET, PromptBuilder, check_template
from harness.scoring import (
    Judges,
    build_judges,
    explainer,
    find_positions,
    gather_problems,
    load_dataset,
    open_executor,
    refuse_damaged_databases,
)
from harness.summary import summarise
from harness.types import Dataset, Extraction, Prompt, Run

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
    prompts: tuple[Prompt, ...]
    judges: Judges

    @property
    def extract(self) -> Callable[[str], Extraction]:
        """How SQL is found in an answer to these prompts."""
        return _extraction_of(self.builder)


def evaluate_config(config: EvalConfig, place: Place, on_record: OnRecord = lambda _done, _total: None) -> Run:
    """Evaluate what `config` says and return the complete run.

    Raises `ConfigError`, `DataError`, `ModelError` or `UsageError` before anything is written, `RunError` when the
    run cannot go on; what was finished by then is kept and `place.resume` goes on with it.
    """
    parts = _build_parts(config, place.limit)
    identity = manifest.RunIdentity(
        config=config,
        dataset=parts.dataset,
        metrics=parts.judges.names,
        prompt={**parts.builder.manifest, "texts_sha256": manifest.hash_texts(one.text for one in parts.prompts)},
        generator=_describe_generator(parts.generator),
        limit=place.limit,
    )
    folder = _open_folder(config, place, manifest.describe(identity, name="", command=place.command), parts.dataset)
    if (stored := store.load(folder)).complete:
        return stored
    started = time.monotonic()
    _evaluate_into(folder, config, parts, on_record)
    _complete(folder, parts, session_s=time.monotonic() - started)
    return store.load(folder)


def _build_parts(config: EvalConfig, limit: int | None) -> _Parts:
    judges, plugin, front = _build_plugins(config)
    dataset = load_dataset(config, judges.metrics)
    # Against the whole data set: an answer to a question behind the limit is no unknown one.
    generator = plugin.bind(dataset) if hasattr(plugin, "bind") else plugin
    dataset = replace(dataset, examples=dataset.examples[:limit])
    refuse_damaged_databases(dataset)
    builder = PromptBuilder(config.prompt, getattr(generator, "count_tokens", None), getattr(generator, "chat", None))
    prompts = tuple(
        builder.build(index, example, dataset.schemas[example.db_id]) for index, example in enumerate(dataset.examples)
    )
    setting = Setting(dataset, _extraction_of(builder), partial(open_executor, dataset, judges.limits, 1))
    return _Parts(dataset, front.stand_before(generator, plugin, setting), builder, prompts, judges)


def _extraction_of(builder: PromptBuilder) -> Callable[[str], Extraction]:
    return extraction.extract if builder.template.extract else extraction.take_whole


def _build_plugins(config: EvalConfig) -> tuple[Judges, Any, Front]:
    """Make what the configuration names; raises one `ConfigError` for all that is wrong with it."""
    problems: list[str] = []
    judges = build_judges(config, problems)
    options, rest = split_options(config.generator)
    name = str(rest.pop("name", "huggingface"))
    generator = gather_problems(problems, lambda: instantiate(GENERATORS, name, rest, "generator", needs=("generate",)))
    front = gather_problems(problems, lambda: build(Front, options, "generator"))
    gather_problems(problems, lambda: check_template(config.prompt.template))
    if problems:
        raise ConfigError("configuration", problems)
    return judges, generator, front


def _describe_generator(generator: Generator) -> dict[str, Any]:
    """Return what the manifest says of a generator; a vote is named, so that nobody takes it for one greedy answer."""
    about = dict(getattr(generator, "manifest", {}))
    if (samples := samples_of(generator)) > 1:
        about |= {"sampling": about.get("decoding", ""), "decoding": f"vote of {samples}"}
    return about


def _open_folder(config: EvalConfig, place: Place, fresh: dict[str, Any], dataset: Dataset) -> Path:
    if place.folder is not None:
        return _open_exactly(place.folder, fresh, resume=place.resume)
    parent = Path(config.output.path)
    if place.resume:
        for folder in reversed(find_runs(parent)):
            if not manifest.differences(store.read_manifest(folder), fresh):
                return folder
    folder = _next_folder(parent, config, dataset)
    store.create(folder, {**fresh, "name": folder.name})
    return folder


def _open_exactly(folder: Path, fresh: dict[str, Any], *, resume: bool) -> Path:
    if (folder / store.MANIFEST).exists():
        if not resume:
            raise UsageError(f"{folder}: holds a run already; go on with --resume or choose another folder")
        manifest.refuse_other_run(str(folder), store.read_manifest(folder), fresh)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: exists and is no run; choose another folder")
    else:
        store.create(folder, {**fresh, "name": folder.name})
    return folder


def find_runs(parent: Path) -> list[Path]:
    """Return the folders of runs in a folder, complete or not, by name; what cannot be read as one is left out."""
    found = []
    for path in sorted(parent.glob(f"*/{store.MANIFEST}")):
        with contextlib.suppress(DataError):  # a damaged neighbour is no reason not to go on with another run
            store.read_manifest(path.parent)
            found.append(path.parent)
    return found


def _next_folder(parent: Path, config: EvalConfig, dataset: Dataset) -> Path:
    taken = [re.match(r"\d+", path.name) for path in parent.glob("[0-9]*")] if parent.is_dir() else []
    number = 1 + max((int(match.group()) for match in taken if match), default=0)
    label = config.output.name or f"{dataset.split.replace('_', '-')}_{_model_label(config)}"
    return parent / f"{number:04d}_{re.sub(r'[^A-Za-z0-9._-]+', '-', label)}"


def _model_label(config: EvalConfig) -> str:
    options = config.generator
    source = options.get("adapter") or options.get("model") or options.get("path") or options.get("name") or "run"
    return Path(str(source).rstrip("/")).name.removesuffix(".gguf").removesuffix(".json").removesuffix(".jsonl")


def _evaluate_into(folder: Path, config: EvalConfig, parts: _Parts, on_record: OnRecord) -> None:
    dataset, total = parts.dataset, len(parts.dataset.examples)
    workers = config.execution.workers or os.cpu_count() or 1
    with (
        contextlib.closing(store.RecordWriter(folder)) as writer,
        open_executor(dataset, parts.judges.limits, workers) as executor,
    ):
        positions = find_positions(dataset)
        done = frozenset(positions[str(record.question_id)] for record in store.read_records(folder))
        on_record(len(done), total)
        evaluation = Evaluation(
            dataset=dataset,
            prompts=parts.prompts,
            generator=parts.generator,
            extract=parts.extract,
            executor=executor,
            metrics=parts.judges.metrics,
            workers=workers,
            explain=explainer(config),
        )
        for count, (_, record) in enumerate(evaluate(evaluation, done), start=len(done) + 1):
            writer.append(record)
            on_record(count, total)


def _complete(folder: Path, parts: _Parts, *, session_s: float) -> None:
    positions = find_positions(parts.dataset)
    records = sorted(store.read_records(folder), key=lambda record: positions[str(record.question_id)])
    if len(records) != len(parts.dataset.examples):
        raise RunError(
            f"{folder}: {len(records)} of {len(parts.dataset.examples)} questions have a record; "
            "the generator left some out, so the run is not complete"
        )
    _refuse_changed_databases(folder, parts.dataset)
    timing = {
        "generation_s": round(sum(record.latency_s for record in records), 3),
        "execution_s": round(sum(record.elapsed_s for record in records), 3),
        "last_session_s": round(session_s, 3),
    }
    summary = summarise(records, parts.judges.names, timing=timing)
    usage = getattr(parts.generator, "usage", {})
    store.write_summary(folder, {**summary, "prompts": _prompt_statistics(parts.prompts), "usage": usage})


def _refuse_changed_databases(folder: Path, dataset: Dataset) -> None:
    """Raise `RunError` when a file that the run was scored on is no longer what the manifest says."""
    before, now = store.read_manifest(folder).get("hashes", {}), hashes(dataset)
    if changed := sorted(name for name in now if before.get(name) != now[name]):
        raise RunError(
            f"{folder}: {', '.join(changed)} changed while the run went on, so its records belong to no one state; "
            "restore the data and score again into another folder"
        )


def _prompt_statistics(prompts: Sequence[Prompt]) -> dict[str, int]:
    return {
        "shortened": sum(bool(prompt.shortened) for prompt in prompts),
        "over_budget": sum(OVER_BUDGET in prompt.shortened for prompt in prompts),
        "longest_tokens": max((prompt.tokens for prompt in prompts), default=0),
    }
