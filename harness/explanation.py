"""Why an answer is what it is: its diagnosis, which verdicts disagree about it, and whether its gold is doubtful.

A record's `analysis` holds, where they are known:

| key | what |
|---|---|
| `why` | the diagnosis in a few words, with the nearest name that exists |
| `gaps` | `official_only: …`, `strict_only: …`, `lenient_only: …` with the cause, and `empty_equals_empty` |
| `linking` | precision, recall and F1 of the tables and columns that the SQL reads, against the gold's |
| `gold_flags` | kinds of the gold lint |
| `gold_error` | why no gold could judge |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.analysis.grounding import Grounding, ground, link
from harness.analysis.verdicts import Verdict, explain_gap, is_empty_match, judge_lenient, judge_strict
from harness.comparison import equal_official
from harness.diagnosis import diagnose, explain
from harness.execution import Executor
from harness.types import Execution, Prediction

__all__ = ["Explainer", "Explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a record keeps beyond its scores; `diagnosis` is None where nothing was executed."""

    diagnosis: str | None = None
    analysis: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Explainer:
    """Explains predictions; with `lint` also their golds, each of which is then run once more, its rows reversed."""

    lint: bool = True

    def __call__(self, prediction: Prediction, executor: Executor) -> Explanation:
        """Return what can be said about an answer; where nothing was executed, only which names it links."""
        sql, example = prediction.extraction.sql, prediction.example
        found = ground(sql, prediction.schema) if sql is not None else None
        analysis: dict[str, Any] = {}
        if found is not None:
            linking = link(found, ground(example.gold_sql, prediction.schema))
            analysis["linking"] = {name: round(getattr(linking, name), 6) for name in ("precision", "recall", "f1")}
        if prediction.execution is None or prediction.golds is None:
            return Explanation(None, analysis)
        return self._explain_results(prediction, executor, found, analysis)

    def _explain_results(
        self, prediction: Prediction, executor: Executor, grounding: Grounding | None, analysis: dict[str, Any]
    ) -> Explanation:
        verdicts = _judge(prediction, executor)
        diagnosis = diagnose(prediction, grounding, verdicts.strict if verdicts else None)
        why = explain(prediction, diagnosis, grounding)
        errors = [gold.error for gold in prediction.golds or () if not gold.ok]
        if prediction.golds and len(errors) == len(prediction.golds):
            analysis["gold_error"] = errors[0]
        flags = self._lint(prediction, executor)
        gaps = verdicts.gaps if verdicts else ()
        more = {"why": why, "gaps": list(gaps), "gold_flags": list(flags)}
        return Explanation(diagnosis, {**analysis, **{name: value for name, value in more.items() if value}})

    def _lint(self, prediction: Prediction, executor: Executor) -> tuple[str, ...]:
        if not self.lint or not prediction.golds:
            return ()
        from harness.analysis.lint import lint_gold  # noqa: PLC0415 - sqlglot, only where golds are looked at

        example, gold = prediction.example, prediction.golds[0]
        turned = executor.execute_reversed(example.db_id, example.gold_sql) if gold.ok else None
        flags = lint_gold(
            example.gold_sql, prediction.schema, gold, lambda sql: executor.execute(example.db_id, sql), turned
        )
        return tuple(sorted({flag.kind for flag in flags}))


@dataclass(frozen=True)
class _Verdicts:
    strict: Verdict
    gaps: tuple[str, ...]


def _judge(prediction: Prediction, executor: Executor) -> _Verdicts | None:
    """Judge an answer that gave rows, strictly and otherwise, by the gold it agrees with best; None without rows."""
    predicted, example = prediction.execution, prediction.example
    if predicted is None or not predicted.ok:
        return None

    def run(sql: str) -> Execution:
        return executor.execute(example.db_id, sql)

    found = []
    for sql, gold in zip(example.golds, prediction.golds or (), strict=True):
        if gold.ok:
            strict = judge_strict(sql, gold, predicted, run)
            found.append((equal_official(predicted.rows, gold.rows), strict, judge_lenient(gold, predicted, strict)))
    if not found:
        return None
    # As the metrics do: what agrees with any gold is right.
    official, lenient = any(one[0] for one in found), any(one[2].equal for one in found)
    strict = next((one[1] for one in found if one[1].equal), found[0][1])
    named = {"official_only": official and not strict.equal, "strict_only": strict.equal and not official}
    named["lenient_only"] = lenient and not official and not strict.equal
    telling = next((one for one in found if (one[0] if official else one[2].equal)), found[0])
    gaps = [f"{name}: {explain_gap(*telling)}" for name, holds in named.items() if holds]
    if official and any(is_empty_match(gold, predicted) for gold in prediction.golds or ()):
        gaps.append("empty_equals_empty")
    return _Verdicts(strict, tuple(gaps))
