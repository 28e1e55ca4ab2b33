"""The drill-down: every question with each run's answer, as one compact JSON value.

A page with 5,000 questions stays fluid because its script draws only the ones that are looked at.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.errors import UsageError
from harness.types import Dataset, Record, ResultPreview, Run, Score

__all__ = ["collect_questions", "fill_in"]

LONGEST_SQL = 4000
LONGEST_CELL = 200
LONGEST_TRY = 400
LONGEST_REASON = 600
LONGEST_NUMBER = 18


def fill_in(run: Run, dataset: Dataset) -> Run:
    """Return a run with the texts that a published one lacks: question, evidence, gold SQL and difficulty.

    Raises `UsageError` when the data set has none of the run's questions.
    """
    examples = {(example.question_id, example.db_id): example for example in dataset.examples}
    filled, known = [], 0
    for record in run.records:
        example = examples.get((record.question_id, record.db_id))
        if example is None:
            filled.append(record)
            continue
        known += 1
        changes = {
            name: getattr(record, name) or getattr(example, name)
            for name in ("question", "evidence", "gold_sql", "difficulty")
        }
        filled.append(replace(record, **changes))
    if run.records and not known:
        raise UsageError(f"--data: {dataset.name} {dataset.split} has no question of {run.name}; give the run's data")
    return replace(run, records=tuple(filled))


def collect_questions(runs: Sequence[Run], metric: str, chosen: str = "") -> dict[str, Any]:
    """Return `{runs, chosen, metrics, questions}` for the page's script, questions by their ids.

    `chosen` names the run to look at first and becomes its place in `runs`. A question holds one answer for each
    run, None where the run hasn't it; `value` is the metric's, a fraction.
    """
    merged: dict[tuple[str, str, str], dict[str, Any]] = {}
    metrics = list(dict.fromkeys(name for run in runs for record in run.records for name in record.scores))
    for index, run in enumerate(runs):
        for record in run.records:
            key = (str(record.question_id), record.db_id, record.question)
            question = merged.setdefault(key, _question(record, len(runs)))
            question["gold_result"] = question["gold_result"] or _result(record.gold_result)
            flags = record.analysis.get("gold_flags", ())
            question["flags"] = sorted({*question["flags"], *map(str, flags)})
            question["answers"][index] = _answer(record, metric, metrics)
    names = [run.name for run in runs]
    place = names.index(chosen) if chosen in names else 0
    return {"runs": names, "chosen": place, "metrics": metrics, "questions": sorted(merged.values(), key=_place)}


def _place(question: Mapping[str, Any]) -> tuple[int, int, str]:
    """Order numbers as numbers: records stand in the order in which they were finished, which no reader expects."""
    name = question["id"]
    is_number = name.isdecimal() and name.isascii() and len(name) <= LONGEST_NUMBER
    return (0, int(name), "") if is_number else (1, 0, name)


def _question(record: Record, runs: int) -> dict[str, Any]:
    return {
        "id": str(record.question_id),
        "db": record.db_id,
        "difficulty": record.difficulty,
        "question": _cut(record.question, LONGEST_SQL),
        "evidence": _cut(record.evidence, LONGEST_SQL),
        "gold": _cut(record.gold_sql, LONGEST_SQL),
        "gold_result": None,
        "flags": [],
        "answers": [None] * runs,
    }


def _answer(record: Record, metric: str, metrics: Sequence[str]) -> dict[str, Any]:
    score = record.scores.get(metric)
    return {
        "value": None if score is None else _finite(score.value),
        "sql": None if record.sql is None else _cut(record.sql, LONGEST_SQL),
        **_analysis(record),
        # What the model wrote is of interest only where no SQL was found in it.
        "completion": _cut(record.completion, LONGEST_SQL) if record.sql is None else "",
        "status": str(record.status),
        "error": _cut(record.error, LONGEST_REASON),
        "diagnosis": record.diagnosis or "",
        "scores": [_score(record.scores.get(name)) for name in metrics],
        "result": _result(record.predicted_result),
    }


def _analysis(record: Record) -> dict[str, Any]:
    """Return what is known beyond scores, leaving out what is not there."""
    analysis = record.analysis
    repair = analysis.get("repair")
    found = {
        "why": _cut(str(analysis.get("why") or analysis.get("gold_error") or ""), LONGEST_REASON),
        "gaps": [str(gap) for gap in analysis.get("gaps", ())],
        "repair": repair and {**repair, "sql": _cut(str(repair.get("sql", "")), LONGEST_SQL)},
        "tries": [_try(one) for one in analysis.get("samples", ())],
    }
    return {name: value for name, value in found.items() if value}


def _try(kept: Mapping[str, Any]) -> list[Any]:
    """Return one of several tries: SQL, status, number of rows, group of the vote, whether it is right."""
    sql = kept.get("sql")
    return [
        None if sql is None else _cut(str(sql), LONGEST_TRY),
        *(kept.get(name) for name in ("status", "rows", "group", "correct")),
    ]


def _score(score: Score | None) -> list[Any] | None:
    """Return value and reason by the place of the metric; most have no reason."""
    if score is None:
        return None
    return [_finite(score.value), _cut(score.reason, LONGEST_REASON)] if score.reason else [_finite(score.value)]


def _finite(value: float | None) -> float | None:
    """JSON in a page has no NaN."""
    return value if value is not None and math.isfinite(value) else None


def _result(preview: ResultPreview | None) -> dict[str, Any] | None:
    if preview is None:
        return None
    rows = [[_cell(cell) for cell in row] for row in preview.rows]
    return {
        "columns": [_cut(str(name), LONGEST_CELL) for name in preview.columns],
        "rows": rows,
        "row_count": preview.row_count,
    }


def _cell(cell: Any) -> str | None:
    return None if cell is None else _cut(str(cell), LONGEST_CELL)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
