"""`t2s verify`: score the answers of a stored run once more and say where the numbers differ.

Nothing is generated: completions come from the records. Timings are what they are on a day, so `ves`, `r_ves` and
`efficiency` are scored again but not compared, and neither are the rows of SQL that reads the clock or draws at random.
Of a publication, what it holds is compared (see `harness.publishing`). Another version of SQLite adds floats up in
another way (https://sqlite.org/releaselog/3_43_0.html) and gives rows that nobody ordered in another order: there the
flags of golds and `soft_f1`, which goes by the order, are not compared either.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import datasets, extraction, store
from harness.config import DataConfig, EvalConfig, build
from harness.datasets.hashing import hashes
from harness.errors import ConfigError, DataError
from harness.execution.statement import is_deterministic
from harness.manifest import versions
from harness.pipeline import Evaluation, evaluate
from harness.prompts import PromptBuilder
from harness.publishing import PUBLISHED, Answers, find_changes, restore
from harness.scoring import Judges, build_judges, explainer, find_positions, load_dataset, open_executor
from harness.summary import summarise
from harness.types import Completion, Dataset, Extraction, Prompt, Record, Run

__all__ = ["Verification", "verify"]

TIMED = frozenset({"ves", "r_ves", "efficiency"})
"""Metrics whose values are timings."""
ORDERED = frozenset({"soft_f1"})
"""Metrics that go by the order of rows."""
GOLD = "gold"
"""Where a summary says what is doubtful about the golds."""
RESULT_FIELDS = ("sql", "status", "error", "diagnosis", "gold_result", "predicted_result")
RESULTS = {"gold_result": "gold_sql", "predicted_result": "sql"}
"""Which SQL gave a result."""
COUNTS = ("n", "status", "tokens", "diagnosis", "ast_equivalence", "verdict_gaps", "linking", "gold")
"""What a summary says beside its rates."""
ANSWER = ("completion", "finish_reason", "prompt_tokens", "completion_tokens")
"""What is known of an answer; a record with several says it of each."""
NUMBERS = ("value", "n", "unscored", "ci_low", "ci_high", "clustered_low", "clustered_high")
BY_NUMBER = ("pass_at", "majority_at")
"""Rates by the number of tries."""
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

    @property
    def samples(self) -> int:
        return max((len(record.analysis.get("samples", (record,))) for record in self.records.values()), default=1)

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        for prompt in prompts:
            record = self.records[prompt.index]
            tries = record.analysis.get("samples", [{name: getattr(record, name) for name in ANSWER}])
            for sample, one in enumerate(tries):
                yield Completion(
                    index=prompt.index,
                    text=one["completion"],
                    sample=sample,
                    logprob=one.get("logprob"),
                    **{name: one[name] for name in ANSWER if name != "completion"},
                )


def verify(run: Run, data: Path | None = None, on_record: OnRecord = lambda _done, _total: None) -> Verification:
    """Execute the SQL of a complete run again and compare every score, verdict and mean with what is stored.

    `data` says where the data lies now, when that is not where it lay. Raises `DataError` for an incomplete run, and
    for data whose hashes are not the run's: on other files other numbers are to be expected.
    """
    if run.summary is None:
        raise DataError(f"{run.path}: incomplete, so there are no numbers to reproduce; finish it with --resume first")
    config = _read_config(run, data)
    summary, changed = run.summary, find_changes(run)
    run, answers = restore(run)
    problems: list[str] = []
    judges = build_judges(config, problems)
    if problems:
        raise ConfigError(f"{run.path}/{store.MANIFEST}", problems)
    dataset = load_dataset(config, judges.metrics)
    _refuse_other_data(run, dataset)
    fresh = answers.carry_over(run.records, _score_again(run, config, dataset, judges, answers, on_record))
    expected = [str(example.question_id) for example in dataset.examples[: run.manifest.get("limit")]]
    left_out = TIMED if _sqlite_of(run) in (None, versions().get("sqlite")) else TIMED | ORDERED | {GOLD}
    compared = [name for name in judges.names if name not in left_out]
    numbers, differences = _compare_records(run.records, fresh, compared, answers)
    differences += _compare_questions(run.records, expected)
    more, further = _compare_summaries(summary, summarise(fresh, judges.names), left_out)
    notes = [f"{name}: a timing, scored again and not compared" for name in judges.names if name in TIMED]
    if left_out > TIMED:
        what = ", ".join(["flags of golds", *(name for name in judges.names if name in ORDERED)])
        notes.append(f"{what}: hangs on the version of SQLite, which is another one here; not compared")
    if volatile := sum(any(_is_volatile(record, field) for field in RESULTS) for record in run.records):
        notes.append(
            f"{volatile} questions with SQL that reads the clock or draws at random: its rows are not compared"
        )
    notes += [*answers.notes(run.records), *_version_notes(run)]
    return Verification(len(fresh), numbers + more, (*changed, *differences, *further), tuple(notes))


def _read_config(run: Run, data: Path | None) -> EvalConfig:
    content = run.manifest.get("config")
    if not isinstance(content, Mapping):
        raise DataError(f"{run.path}/{store.MANIFEST}: holds no configuration; restore the file")
    config: EvalConfig = build(EvalConfig, content, f"{run.path}/{store.MANIFEST}")
    names = tuple(run.manifest.get("metrics", ())) or config.metrics.names
    given = config.metrics.names
    # The names of another package's metrics are not what they are loaded by.
    config = replace(config, metrics=replace(config.metrics, names=given or names))
    if data:
        return replace(config, data=_move(config.data, data))
    here = config.data.path == datasets.MINI or Path(config.data.path).exists()
    if PUBLISHED in run.manifest and not here:
        raise DataError(f"{run.path}: a publication does not know where its data lies; name the folder with --data")
    return config


def _move(source: DataConfig, data: Path) -> DataConfig:
    """Return where the data lies now; beside one SQLite file, or in a folder, its questions are looked for too."""
    if not source.questions:
        return replace(source, path=str(data))
    database = data / Path(source.path).name if data.is_dir() else data
    beside = database.parent / Path(source.questions).name
    return replace(source, path=str(database), questions=str(beside) if beside.exists() else source.questions)


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


def _score_again(
    run: Run, config: EvalConfig, dataset: Dataset, judges: Judges, answers: Answers, on_record: OnRecord
) -> list[Record]:
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
            extract=answers.wrap(_extraction_of(config)),
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


def _compare_questions(stored: Sequence[Record], expected: Sequence[str]) -> Iterator[str]:
    """Yield a line for each question of the data that the run does not have exactly once: n must not shrink."""
    counts = Counter(str(record.question_id) for record in stored)
    yield from (f"question {one}: is in the data and not in the run" for one in expected if not counts[one])
    yield from (f"question {one}: stands {times} times in the run" for one, times in counts.items() if times > 1)
    beyond = counts.keys() - set(expected)
    yield from (f"question {one}: is beyond the run's limit" for one in counts if one in beyond)


def _compare_records(
    stored: Sequence[Record], fresh: Sequence[Record], metrics: Sequence[str], answers: Answers
) -> tuple[int, list[str]]:
    """Return how many values were compared, and a line for each that differs."""
    count = 0
    differences = []
    for old, new in zip(stored, fresh, strict=True):
        left_out = answers.left_out(old)
        for what, one, other in _pairs(old, new, metrics):
            if what in left_out:
                continue
            count += 1
            if one != other:
                differences.append(f"question {old.question_id}: {what} {_short(one)} in the run, {_short(other)} now")
    return count, differences


def _pairs(old: Record, new: Record, metrics: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    for field in RESULT_FIELDS:
        if (field != "diagnosis" or old.diagnosis is not None) and not _is_volatile(old, field):
            yield field, getattr(old, field), getattr(new, field)
    for name in metrics:
        if name in old.scores:
            yield name, old.scores[name].value, new.scores[name].value


def _is_volatile(record: Record, field: str) -> bool:
    """Whether a field is the result of SQL that gives other rows every time."""
    if field not in RESULTS or getattr(record, field) is None:
        return False
    return not is_deterministic(getattr(record, RESULTS[field]) or "")


def _compare_summaries(
    stored: Mapping[str, Any], fresh: Mapping[str, Any], left_out: AbstractSet[str]
) -> tuple[int, list[str]]:
    count = 0
    differences = []
    for where, old, new in _means(stored, fresh, left_out):
        for key in (name for name in NUMBERS if name in old):
            count += 1
            if old[key] != new.get(key):
                differences.append(f"summary: {where} {key} {old[key]} in the run, {new.get(key)} now")
    for where, one, other in _counts(stored, fresh, left_out):
        count += 1
        if one != other:
            differences.append(f"summary: {where} {one} in the run, {other} now")
    return count, differences


def _counts(
    stored: Mapping[str, Any], fresh: Mapping[str, Any], left_out: AbstractSet[str]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield what both summaries count; an older one counts less."""
    for name in COUNTS:
        if name not in stored or name not in fresh or name in left_out:
            continue
        old, new = stored[name], fresh[name]
        if not isinstance(old, Mapping):
            yield name, old, new
            continue
        for key in (one for one in {**old, **new} if one != "unflagged"):  # rates, which may be timings
            yield f"{name} {key}", old.get(key), new.get(key)


def _means(
    stored: Mapping[str, Any], fresh: Mapping[str, Any], left_out: AbstractSet[str]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    groups = [("", stored["metrics"], fresh["metrics"])]
    groups += [(f"{name} ", values, fresh["slices"].get(name, {})) for name, values in stored["slices"].items()]
    tries, again = stored.get("samples", {}), fresh.get("samples", {})
    groups += [(f"{name} ", tries[name], again.get(name, {})) for name in ("first", *BY_NUMBER) if name in tries]
    for prefix, old, new in groups:
        for metric in old:
            if metric not in left_out:
                yield f"{prefix}{metric}", old[metric], new.get(metric, {})


def _sqlite_of(run: Run) -> Any:
    return run.manifest.get("versions", {}).get("sqlite")


def _version_notes(run: Run) -> Iterator[str]:
    then, now = run.manifest.get("versions", {}), versions()
    for name in ("text2sql-harness", "sqlite", "sqlglot", "python"):
        if then.get(name) != now.get(name):
            yield f"{name} was {then.get(name, 'not recorded')} in the run and is {now.get(name, 'not installed')} here"


def _short(value: Any) -> str:
    text = repr(str(value) if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004
