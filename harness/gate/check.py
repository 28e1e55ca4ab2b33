"""Judge a run by every limit of a gate."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import UsageError
from harness.gate.limits import GateConfig, Limit
from harness.gate.pairing import Pairing, pair_runs
from harness.gate.same_data import refuse_other_data
from harness.statistics import PairedTest, mcnemar
from harness.types import QuestionId, Record, Run

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

    @property
    def headline(self) -> str:
        """The whole in one line, e.g. `Gate passed with 1 warning: 0002_new against 0001_old`."""
        warned = self.count("warn")
        warnings = f" with {warned} warning{'s' if warned > 1 else ''}" if warned else ""
        against = f" against {self.baseline}" if self.baseline else ""
        return f"Gate {'failed' if self.failed else 'passed'}{warnings}: {self.run}{against}"


def check(run: Run, config: GateConfig, baseline: Run | None = None) -> GateReport:
    """Judge a complete run; a drop is tested on the questions that it shares with the baseline.

    A drop beyond `max_drop` fails when McNemar's exact one-sided test has p < 0.05 and warns otherwise; a
    significant drop within `max_drop` warns. Questions of the baseline that the run lacks fail, since those could be
    the hard ones. With `strict`, warnings fail. A loss on one of `known_flips` counts as no change. Raises `UsageError`
    for an incomplete run or baseline, a baseline on other data, a missing baseline and names and ids that the run
    doesn't know.
    """
    summary = _refuse_the_impossible(run, config, baseline)
    if baseline is not None:
        refuse_other_data(baseline, run, "score the baseline again on the data of the run")
    pairing = pair_runs(baseline, run) if baseline is not None else None
    results = [*(_questions(pairing, config) if pairing else ())]
    for name, metric, limit in config.each():
        rates = summary["slices"][name] if name else summary["metrics"]
        results.extend(_bounds(name, metric, limit, rates[metric]))
        if limit.max_drop is not None and pairing is not None:
            results.append(_drop(name, metric, limit.max_drop, pairing, config))
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
    ids = {record.question_id for record in run.records}
    if unknown := [repr(one) for one in config.known_flips if one not in ids]:
        problems.append(
            f"known_flips: no such question in the run: {', '.join(unknown)}; take out what is no longer asked"
        )
    if config.needs_baseline and baseline is None:
        problems.append("max_drop compares with another run: --baseline is needed")
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise UsageError(f"{run.path}: the gate does not fit the run; change the gate or the run{listed}")
    return run.summary


def _scores(run: Run, metric: str) -> bool:
    return any(metric in record.scores for record in run.records)


def _questions(pairing: Pairing, config: GateConfig) -> Iterator[LimitResult]:
    """Fail where the run lacks questions of the baseline; warn where it has others."""
    if not pairing.same_questions:
        remark = (
            f"compared on {len(pairing.pairs)} common questions;"
            f" {pairing.only_first} only in the baseline, {pairing.only_second} only in the run"
        )
        lacking = pairing.only_first > 0
        remark += "; run all questions of the baseline" if lacking else ""
        outcome = "fail" if lacking else _warning(strict=config.strict)
        yield LimitResult("baseline", "", "questions", None, None, outcome, remark)


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


def _drop(name: str, metric: str, max_drop: float, pairing: Pairing, config: GateConfig) -> LimitResult:
    first, second, forgiven = _scores_of_both(name, metric, pairing, frozenset(config.known_flips))
    if not first:
        detail = "no common question was scored in both runs"
        return LimitResult(metric, name, "max_drop", max_drop, None, "fail", detail)
    drop = (math.fsum(first) - math.fsum(second)) / len(first)
    test = mcnemar(first, second)
    outcome, remark = _judge_drop(drop, max_drop, test, strict=config.strict)
    p = f"p = {test.p_one_sided_drop:.4f}" if test.p_one_sided_drop >= SMALLEST_P else f"p < {SMALLEST_P}"
    detail = f"{test.wins} better, {test.losses} worse of {test.n}; {p} (McNemar, one-sided)"
    if config.known_flips:
        detail += f"; {forgiven} known flip{'' if forgiven == 1 else 's'} allowed"
    return LimitResult(metric, name, "max_drop", max_drop, drop, outcome, detail + remark)


def _scores_of_both(
    name: str, metric: str, pairing: Pairing, known: frozenset[QuestionId]
) -> tuple[list[float], list[float], int]:
    """Return the values before and after of a slice, and how many losses of known questions were made good."""
    first, second = pairing.scores(metric, lambda record: _belongs(record, name) and record.question_id not in known)
    before, after = pairing.scores(metric, lambda record: _belongs(record, name) and record.question_id in known)
    forgiven = sum(two < one for one, two in zip(before, after, strict=True))
    # They stay in n, as questions on which nothing changed.
    return first + before, second + [max(pair) for pair in zip(before, after, strict=True)], forgiven


def _judge_drop(drop: float, max_drop: float, test: PairedTest, *, strict: bool) -> tuple[Outcome, str]:
    significant = drop > ROUNDING and test.p_one_sided_drop < SIGNIFICANCE
    too_large = drop > max_drop + ROUNDING
    if too_large and significant:
        return "fail", ""
    if too_large:
        return _warning(strict=strict), f"; too large, but {test.n} questions cannot tell it from chance"
    if significant:
        return _warning(strict=strict), "; max_drop allows it, but chance does not explain it"
    return "pass", ""


def _belongs(record: Record, name: str) -> bool:
    field, _, value = name.partition("=")
    return not name or getattr(record, field) == value
