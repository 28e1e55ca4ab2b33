"""Judge a run by every limit of a gate."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import UsageError
from harness.gate.limits import GateConfig, Limit
from harness.gate.pairing import Pairing, pair_runs
from harness.statistics import PairedTest, mcnemar
from harness.types import Record, Run

__all__ = ["GateReport", "LimitResult", "Outcome", "check"]

Outcome = Literal["pass", "warn", "fail"]
SIGNIFICANCE = 0.05
SMALLEST_P = 0.0001
ROUNDING = 1e-9
"""0.50 - 0.48 is no larger a drop than 0.02, whatever binary fractions say."""


@dataclass(frozen=True, slots=True)
class LimitResult:
    """One limit and what the run made of it.

    `kind` is min, max, max_drop or questions (do both runs have the same ones?); `slice` is `""` for all
    questions; `limit` and `value` are fractions, None where there is none.
    """

    metric: str
    slice: str
    kind: str
    limit: float | None
    value: float | None
    outcome: Outcome
    detail: str

    @property
    def title(self) -> str:
        """The limit in words, e.g. `valid_sql [difficulty=simple] min 0.30`."""
        place = f" [{self.slice}]" if self.slice else ""
        bound = f" {self.limit:g}" if self.limit is not None else ""
        return f"{self.metric}{place} {self.kind}{bound}"


@dataclass(frozen=True, slots=True)
class GateReport:
    """Every limit's result; the gate failed when one of them did."""

    run: str
    baseline: str | None
    limits: tuple[LimitResult, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many limits ended so."""
        return sum(result.outcome == outcome for result in self.limits)

    @property
    def failed(self) -> bool:
        """Whether a limit was broken."""
        return self.count("fail") > 0


def check(run: Run, config: GateConfig, baseline: Run | None = None) -> GateReport:
    """Judge a complete run; a drop is tested on the questions that it shares with the baseline.

    A drop beyond `max_drop` fails when McNemar's exact one-sided test has p < 0.05 and warns otherwise; a
    significant drop within `max_drop` warns. Questions of the baseline that the run lacks fail, since those could be
    the hard ones. With `strict`, warnings fail. Raises `UsageError` for an incomplete run or baseline, a missing
    baseline and names that the run doesn't know, all of them at once.
    """
    summary = _refuse_the_impossible(run, config, baseline)
    pairing = pair_runs(baseline, run) if baseline is not None else None
    results = [*(_questions(pairing, config) if pairing else ())]
    for name, metric, limit in config.each():
        rates = summary["slices"][name] if name else summary["metrics"]
        results.extend(_bounds(name, metric, limit, rates[metric]))
        if limit.max_drop is not None and pairing is not None:
            results.append(_drop(name, metric, limit.max_drop, pairing, strict=config.strict))
    return GateReport(run.name, baseline.name if baseline else None, tuple(results))


def _refuse_the_impossible(run: Run, config: GateConfig, baseline: Run | None) -> Mapping[str, Any]:
    if run.summary is None:
        raise UsageError(f"{run.path}: the run is incomplete (no summary.json); resume it, then gate it")
    if baseline is not None and not baseline.complete:
        raise UsageError(f"{baseline.path}: the baseline is incomplete (no summary.json); resume it, then gate the run")
    metrics, slices = list(run.summary["metrics"]), list(run.summary["slices"])
    problems = []
    for name, metric, limit in config.each():
        where = f"{metric} [{name}]" if name else metric
        if metric not in metrics:
            problems.append(f"{where}: no such metric in the run; known: {', '.join(metrics)}")
        elif limit.max_drop is not None and baseline is not None and not _scores(baseline, metric):
            problems.append(f"{where}: the baseline {baseline.name} has no such metric; drop its max_drop")
    problems += [
        f"{name}: no such slice in the run; known: {', '.join(slices)}" for name in config.slices if name not in slices
    ]
    if config.needs_baseline and baseline is None:
        problems.append("max_drop compares with another run: --baseline is needed")
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise UsageError(f"{run.path}: the gate does not fit the run; change the gate or the run{listed}")
    return run.summary


def _scores(run: Run, metric: str) -> bool:
    return any(metric in record.scores for record in run.records)


def _questions(pairing: Pairing, config: GateConfig) -> Iterator[LimitResult]:
    """Fail where the run lacks questions of the baseline; warn where it has others, or other golds."""
    warning = _warning(strict=config.strict)
    if not pairing.same_questions:
        remark = (
            f"compared on {len(pairing.pairs)} common questions;"
            f" {pairing.only_first} only in the baseline, {pairing.only_second} only in the run"
        )
        lacking = pairing.only_first > 0
        remark += "; run all questions of the baseline" if lacking else ""
        yield LimitResult("baseline", "", "questions", None, None, "fail" if lacking else warning, remark)
    if pairing.changed_golds:
        remark = f"{pairing.changed_golds} common questions have another gold SQL in the baseline"
        yield LimitResult("baseline", "", "questions", None, None, warning, remark)


def _warning(*, strict: bool) -> Outcome:
    return "fail" if strict else "warn"


def _bounds(name: str, metric: str, limit: Limit, rate: Mapping[str, Any]) -> Iterator[LimitResult]:
    value = rate["value"]
    for kind, bound in (("min", limit.min), ("max", limit.max)):
        if bound is None:
            continue
        if value is None:
            detail = f"none of {rate['n']} questions was scored"
            yield LimitResult(metric, name, kind, bound, None, "fail", detail)
            continue
        broken = value < bound - ROUNDING if kind == "min" else value > bound + ROUNDING
        yield LimitResult(metric, name, kind, bound, value, "fail" if broken else "pass", _scored(rate))


def _scored(rate: Mapping[str, Any]) -> str:
    unscored = f", {rate['unscored']} not scored" if rate["unscored"] else ""
    return f"n = {rate['n']}{unscored}"


def _drop(name: str, metric: str, max_drop: float, pairing: Pairing, *, strict: bool) -> LimitResult:
    first, second = pairing.scores(metric, lambda record: _belongs(record, name))
    if not first:
        detail = "no common question was scored in both runs"
        return LimitResult(metric, name, "max_drop", max_drop, None, "fail", detail)
    drop = (math.fsum(first) - math.fsum(second)) / len(first)
    test = mcnemar(first, second)
    outcome = _judge_drop(drop, max_drop, test, strict=strict)
    p = f"p = {test.p_one_sided_drop:.4f}" if test.p_one_sided_drop >= SMALLEST_P else f"p < {SMALLEST_P}"
    detail = f"{test.wins} better, {test.losses} worse of {test.n}; {p} (McNemar, one-sided)"
    return LimitResult(metric, name, "max_drop", max_drop, drop, outcome, detail)


def _judge_drop(drop: float, max_drop: float, test: PairedTest, *, strict: bool) -> Outcome:
    significant = drop > ROUNDING and test.p_one_sided_drop < SIGNIFICANCE
    too_large = drop > max_drop + ROUNDING
    if too_large and significant:
        return "fail"
    return _warning(strict=strict) if too_large or significant else "pass"


def _belongs(record: Record, name: str) -> bool:
    field, _, value = name.partition("=")
    return not name or getattr(record, field) == value
