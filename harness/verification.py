"""`t2s verify`: score the answers of a stored run once more and say where the numbers differ.

Nothing is generated: completions come from the records. Timings are what they are on a day, so `ves`, `r_ves` and
`efficiency` are scored again but not compared.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import extraction, store
from harness.config import EvalConfig, build
from harness.datasets.hashing import hashes
from harness.errors import ConfigError, DataError
from harness.pipeline import Evaluation, evaluate
from harness.prompts import PromptBuilder
from harness.scoring import Judges, build_judges, explainer, find_positions, load_dataset, open_executor
from harness.summary import summarise
from harness.types import Completion, Dataset, Extraction, Prompt, Record, Run

__all__ = ["Verification", "verify"]

TIMED = frozenset({"ves", "r_ves", "efficiency"})
"""Metrics whose values are timings."""
RESULT_FIELDS = ("sql", "status", "error", "diagnosis", "gold_result", "predicted_result")
NUMBERS = ("value", "n", "unscored", "ci_low", "ci_high", "clustered_low", "clustered_high")
OnRecord = Callable[[int, int], None]


@dataclass(frozen=True)
class Verification:
    """What came out: `differences` names each number that is not reproduced; `notes` what was not compared."""

    questions: int
    numbers: int
    differences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def reproduced(self) -> bool:
        """Whether every number came out again."""
        return not self.differences


@dataclass(frozen=True)
class _Recorded:
    """The answers of a run as a generator."""

    records: Mapping[int, Record]

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        for prompt in prompts:
            record = self.records[prompt.index]
            yield Completion(
                index=prompt.index,
                text=record.completion,
                finish_reason=record.finish_reason,
                prompt_tokens=record.prompt_tokens,
                completion_tokens=record.completion_tokens,
                latency_s=record.latency_s,
            )


def verify(run: Run, data: Path | None = None, on_record: OnRecord = lambda _done, _total: None) -> Verification:
    """Execute the SQL of a complete run again and compare every score, verdict and mean with what is stored.

    `data` says where the data lies now, when that is not where it lay. Raises `DataError` for an incomplete run, and
    for data whose hashes are not the run's: on other files other numbers are to be expected.
    """
    if run.summary is None:
        raise DataError(f"{run.path}: incomplete, so there are no numbers to reproduce; finish it with --resume first")
    config = _read_config(run, data)
    problems: list[str] = []
    judges = build_judges(config, problems)
    if problems:
        raise ConfigError(f"{run.path}/{store.MANIFEST}", problems)
    dataset = load_dataset(config, judges.metrics)
    _refuse_other_data(run, dataset)
    fresh = _score_again(run, config, dataset, judges, on_record)
    numbers, differences = _compare_records(run.records, fresh, judges.names)
    more, further = _compare_summaries(run.summary, summarise(fresh, judges.names))
    timed = [name for name in judges.names if name in TIMED]
    notes = tuple(f"{name}: a timing, scored again and not compared" for name in timed)
    return Verification(len(fresh), numbers + more, (*differences, *further), (*notes, *_version_notes(run)))


def _read_config(run: Run, data: Path | None) -> EvalConfig:
    content = run.manifest.get("config")
    if not isinstance(content, Mapping):
        raise DataError(f"{run.path}/{store.MANIFEST}: holds no configuration; restore the file")
    config: EvalConfig = build(EvalConfig, content, f"{run.path}/{store.MANIFEST}")
    names = tuple(run.manifest.get("metrics", ())) or config.metrics.names
    given = config.metrics.names
    # The names of another package's metrics are not what they are loaded by.
    config = replace(config, metrics=replace(config.metrics, names=given or names))
    return replace(config, data=replace(config.data, path=str(data))) if data else config


def _refuse_other_data(run: Run, dataset: Dataset) -> None:
    limit = run.manifest.get("limit")
    stored = run.manifest.get("hashes", {})
    now = hashes(replace(dataset, examples=dataset.examples[:limit]))
    other = sorted(name for name in {*stored, *now} if stored.get(name) != now.get(name))
    if other:
        raise DataError(
            f"{run.path}: was scored on other files ({', '.join(other[:5])}{' …' if len(other) > 5 else ''}); "  # noqa: PLR2004
            "name the folder that holds the same ones with --data"
        )


def _score_again(run: Run, config: EvalConfig, dataset: Dataset, judges: Judges, on_record: OnRecord) -> list[Record]:
    positions = find_positions(dataset)
    unknown = [record.question_id for record in run.records if str(record.question_id) not in positions]
    if unknown:
        raise DataError(f"{run.path}: question {unknown[0]!r} is not in the data; name the right folder with --data")
    records = {positions[str(record.question_id)]: record for record in run.records}
    workers = config.execution.workers or os.cpu_count() or 1
    with open_executor(dataset, judges.limits, workers) as executor:
        evaluation = Evaluation(
            dataset=dataset,
            prompts=[Prompt(index, "", "") for index in sorted(records)],
            generator=_Recorded(records),
            extract=_extraction_of(config),
            executor=executor,
            metrics=judges.metrics,
            workers=workers,
            explain=explainer(config),
        )
        fresh = {}
        for count, (index, record) in enumerate(evaluate(evaluation), start=1):
            fresh[index] = record
            on_record(count, len(records))
    return [fresh[positions[str(record.question_id)]] for record in run.records]


def _extraction_of(config: EvalConfig) -> Callable[[str], Extraction]:
    return extraction.extract if PromptBuilder(config.prompt).template.extract else extraction.take_whole


def _compare_records(
    stored: Sequence[Record], fresh: Sequence[Record], metrics: Sequence[str]
) -> tuple[int, list[str]]:
    """Return how many values were compared, and a line for each that differs."""
    count = 0
    differences = []
    for old, new in zip(stored, fresh, strict=True):
        for what, one, other in _pairs(old, new, metrics):
            count += 1
            if one != other:
                differences.append(f"question {old.question_id}: {what} {_short(one)} in the run, {_short(other)} now")
    return count, differences


def _pairs(old: Record, new: Record, metrics: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    for field in RESULT_FIELDS:
        if field != "diagnosis" or old.diagnosis is not None:
            yield field, getattr(old, field), getattr(new, field)
    for name in metrics:
        if name not in TIMED and name in old.scores:
            yield name, old.scores[name].value, new.scores[name].value


def _compare_summaries(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> tuple[int, list[str]]:
    count = 0
    differences = []
    for where, old, new in _means(stored, fresh):
        for key in (name for name in NUMBERS if name in old):
            count += 1
            if old[key] != new.get(key):
                differences.append(f"summary: {where} {key} {old[key]} in the run, {new.get(key)} now")
    return count, differences


def _means(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    groups = [("", stored["metrics"], fresh["metrics"])]
    groups += [(f"{name} ", values, fresh["slices"].get(name, {})) for name, values in stored["slices"].items()]
    for prefix, old, new in groups:
        for metric in old:
            if metric not in TIMED:
                yield f"{prefix}{metric}", old[metric], new.get(metric, {})


def _version_notes(run: Run) -> Iterator[str]:
    from harness.manifest import versions  # noqa: PLC0415 - beside the comparison, not part of it

    then, now = run.manifest.get("versions", {}), versions()
    for name in ("sqlite", "sqlglot", "python"):
        if then.get(name) != now.get(name):
            yield f"{name} was {then.get(name, 'not recorded')} in the run and is {now.get(name, 'not installed')} here"


def _short(value: Any) -> str:
    text = repr(str(value) if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004
