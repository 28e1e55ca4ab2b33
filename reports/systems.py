"""One run as a page shows it: which system it was, what its summary says, what it was computed from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from harness.types import Run
from reports.summary_parts import FAMILIES, Cost, Golds, Rate, Tries, read_cost, read_golds, read_rates, read_tries
from reports.summary_parts import find_table as _table

__all__ = ["RunView", "System", "name_models_alike", "view_run"]


@dataclass(frozen=True, slots=True)
class System:
    """What answered the questions, in short words; `""` where the manifest doesn't say."""

    model: str
    adapter: str
    precision: str
    decoding: str
    prompt: str
    size: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class RunView:
    """A run; `n` counts its records, `expected` the questions of its data set.

    An incomplete run has no rates. `provenance` holds what a number depends on, as (name, value) pairs;
    `questions` identifies the question set, so that only like is ranked with like.
    """

    name: str
    system: System
    dataset: str
    n: int
    expected: int
    complete: bool
    rates: Mapping[str, Rate]
    slices: Mapping[str, Mapping[str, Rate]]
    status: Mapping[str, int]
    diagnosis: Mapping[str, int]
    equivalence: Mapping[str, int]
    gaps: Mapping[str, int]
    golds: Golds | None
    tries: Tries | None
    repair: Mapping[str, int]
    cost: Cost
    notes: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    questions: frozenset[tuple[str, str]]

    @property
    def families(self) -> Mapping[str, int]:
        """The diagnoses counted by family, each family in the order of `FAMILIES`, `other` last."""
        family = {label: name for name, labels in FAMILIES.items() for label in labels}
        counts = dict.fromkeys([*FAMILIES, "other"], 0)
        for label, number in self.diagnosis.items():
            counts[family.get(label, "other")] += number
        return counts


def view_run(run: Run) -> RunView:
    """Return the view of a run; keys that an older manifest or summary lacks stay empty."""
    summary = run.summary or {}
    dataset = _table(run.manifest, "dataset")
    return RunView(
        name=run.name,
        system=_system(run),
        dataset=_dataset_title(run.manifest),
        n=len(run.records),
        expected=max(int(dataset.get("n") or 0), len(run.records)),
        complete=run.complete,
        rates=read_rates(_table(summary, "metrics")),
        slices={name: read_rates(rates) for name, rates in _table(summary, "slices").items()},
        status=_table(summary, "status"),
        diagnosis=_table(summary, "diagnosis"),
        equivalence=_table(summary, "ast_equivalence"),
        gaps=_table(summary, "verdict_gaps"),
        golds=read_golds(summary),
        tries=read_tries(summary),
        repair=_table(summary, "repair"),
        cost=read_cost(run),
        notes=tuple(str(note) for note in dataset.get("notes") or ()),
        provenance=_provenance(run.manifest),
        questions=frozenset((str(record.question_id), record.db_id) for record in run.records),
    )


def name_models_alike(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the runs, the hub id of one told of all that have the same weights: a base that was given as a path too.

    An adapter knows what its base is called, and a folder does not; one model under two names would look like two.
    """
    known = {
        weights: hub_id
        for run in runs
        if (weights := _weights(run)) and (hub_id := _table(_table(run.manifest, "config"), "generator").get("hub_id"))
    }
    return tuple(_name_model(run, known.get(_weights(run), "")) for run in runs)


def _name_model(run: Run, hub_id: str) -> Run:
    config = _table(run.manifest, "config")
    generator = _table(config, "generator")
    if not hub_id or generator.get("hub_id"):
        return run
    return replace(run, manifest={**run.manifest, "config": {**config, "generator": {**generator, "hub_id": hub_id}}})


def _weights(run: Run) -> str:
    return str(_table(_table(run.manifest, "generator"), "weights").get("sha256") or "")


def _system(run: Run) -> System:
    manifest, config = run.manifest, _table(run.manifest, "config")
    generator = _table(config, "generator")
    # A predictions file says nothing of the prompt and the precision that it was made with.
    replayed = generator.get("name") == "replay"
    source = (
        generator.get("hub_id")
        or generator.get("model")
        or generator.get("path")
        or _table(manifest, "predictions").get("path")
        or ""
    )
    return System(
        model=_short(str(source)),
        adapter=_short(str(generator.get("adapter") or "")),
        precision="" if replayed else str(generator.get("precision") or ""),
        decoding=_decoding(generator),
        prompt="" if replayed else str(_table(config, "prompt").get("template") or ""),
        size="" if replayed else _size(str(source)),
        evidence="" if replayed else _evidence(run),
    )


def _size(source: str) -> str:
    """Return the number of parameters that a model's name tells; `""` where it tells none."""
    found = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)\s?([BM])(?![a-z0-9])", source, re.IGNORECASE)
    return f"{found[1]}{found[2].upper()}" if found else ""


def _evidence(run: Run) -> str:
    """Say whether the prompts had evidence: every template shows what the questions bring."""
    if not any(record.question for record in run.records):
        return ""
    return "with evidence" if any(record.evidence for record in run.records) else "without evidence"


def _short(source: str) -> str:
    """Name a file or folder by its last part, and leave `owner/model` as it is: paths of a machine are no names."""
    path = PurePath(source)
    is_file = path.suffix in (".gguf", ".json", ".jsonl", ".sql", ".txt")
    is_hub_id = re.fullmatch(r"[\w-]+/[\w.-]+", source) and not is_file and path.parts[0] not in ("models", "adapters")
    return source if is_hub_id else path.name


def _decoding(generator: Mapping[str, Any]) -> str:
    if generator.get("name") == "replay":
        return "answers from a file"
    samples = int(generator.get("samples") or 1)
    temperature = float(generator.get("temperature") or 0.0)
    words = [f"temperature {temperature:g}" if temperature else "greedy"]
    if samples > 1:
        words = [f"{samples} samples, voted", *words[: int(bool(temperature))]]
    constraint = generator.get("constraint")
    # The other back end's constraints follow the scope as well.
    reach = " (grammar only)" if generator.get("name") == "vllm" else ""
    return ", ".join([*words, *([f"{constraint} constraint{reach}"] if constraint and constraint != "off" else [])])


def _dataset_title(manifest: Mapping[str, Any]) -> str:
    dataset, data = _table(manifest, "dataset"), _table(_table(manifest, "config"), "data")
    name = dataset.get("name") or PurePath(str(data.get("path") or "")).name or "unnamed data"
    split = dataset.get("split") or data.get("split") or ""
    return f"{name} {split}".strip()


def _provenance(manifest: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    prompt = _table(manifest, "prompt")
    rows = [
        ("created", manifest.get("created")),
        ("command", manifest.get("command")),
        ("data set", _dataset_title(manifest)),
        ("configuration sha256", manifest.get("config_sha256")),
        ("prompt template", prompt.get("template")),
        ("prompt version", prompt.get("version")),
        ("prompt sha256", prompt.get("sha256")),
        ("seed", manifest.get("seed")),
        *((f"{name} version", version) for name, version in _table(manifest, "versions").items()),
        *_flatten("predictions", _table(manifest, "predictions")),
        *((f"{name} sha256", digest) for name, digest in _flatten("", _table(manifest, "hashes"))),
    ]
    return tuple((name, str(value)) for name, value in rows if value not in (None, "", [], {}))


def _flatten(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in tree.items():
        name = f"{prefix} {key}".strip()
        rows.extend(_flatten(name, value) if isinstance(value, Mapping) else [(name, value)])
    return rows
