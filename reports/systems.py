"""One run as a page shows it: which system it was, what its summary says, what it was computed from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from harness.types import Run

__all__ = ["Rate", "RunView", "System", "view_run"]


@dataclass(frozen=True, slots=True)
class Rate:
    """A metric's mean and its 95 % interval as the summary has them, all fractions."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int


@dataclass(frozen=True, slots=True)
class System:
    """What answered the questions, in short words; `""` where the manifest doesn't say."""

    model: str
    adapter: str
    precision: str
    decoding: str
    prompt: str


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
    notes: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    questions: frozenset[tuple[str, str]]


def view_run(run: Run) -> RunView:
    """Return the view of a run; keys that an older manifest or summary lacks stay empty."""
    summary = run.summary or {}
    dataset = _table(run.manifest, "dataset")
    return RunView(
        name=run.name,
        system=_system(run.manifest),
        dataset=_dataset_title(run.manifest),
        n=len(run.records),
        expected=max(int(dataset.get("n") or 0), len(run.records)),
        complete=run.complete,
        rates=_rates(_table(summary, "metrics")),
        slices={name: _rates(rates) for name, rates in _table(summary, "slices").items()},
        status=_table(summary, "status"),
        diagnosis=_table(summary, "diagnosis"),
        equivalence=_table(summary, "ast_equivalence"),
        notes=tuple(str(note) for note in dataset.get("notes") or ()),
        provenance=_provenance(run.manifest),
        questions=frozenset((str(record.question_id), record.db_id) for record in run.records),
    )


def _table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = tree.get(key)
    return value if isinstance(value, Mapping) else {}


def _rates(rates: Mapping[str, Any]) -> dict[str, Rate]:
    return {
        name: Rate(
            rate.get("value"), rate.get("ci_low"), rate.get("ci_high"), rate.get("n", 0), rate.get("unscored", 0)
        )
        for name, rate in rates.items()
    }


def _system(manifest: Mapping[str, Any]) -> System:
    config = _table(manifest, "config")
    generator = _table(config, "generator")
    # A predictions file says nothing of the prompt and the precision that it was made with.
    replayed = generator.get("name") == "replay"
    source = generator.get("model") or generator.get("path") or _table(manifest, "predictions").get("path") or ""
    return System(
        model=_short(str(source)),
        adapter=_short(str(generator.get("adapter") or "")),
        precision="" if replayed else str(generator.get("precision") or ""),
        decoding=_decoding(generator),
        prompt="" if replayed else str(_table(config, "prompt").get("template") or ""),
    )


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
    return ", ".join([*words, *([f"{constraint} constraint"] if constraint and constraint != "off" else [])])


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
