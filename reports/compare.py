"""Runs side by side: which questions flipped, and whether that is more than chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.gate.pairing import Pairing, pair_runs
from harness.statistics import (
    Interval,
    PairedDifference,
    PairedTest,
    clustered_difference,
    detectable_difference,
    holm,
    mcnemar,
    paired_bootstrap,
    wilson,
)
from harness.types import Record, Run

__all__ = [
    "PRIMARY",
    "Comparison",
    "ComparisonRow",
    "Flip",
    "Uncertainty",
    "choose_metric",
    "compare_runs",
    "compare_with_baseline",
    "metric_names",
    "weigh",
]

PRIMARY = "execution_accuracy"


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that both runs are judged on, most often one on which they differ; values are fractions."""

    first: Record
    second: Record
    value_first: float
    value_second: float

    @property
    def won(self) -> bool:
        """Whether the second run is the better one here."""
        return self.value_second > self.value_first


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second run against the first, on the questions that both have scored; values are fractions.

    `questions` holds them all, in the first run's order; `unscored` counts common questions that a run could not be
    judged on, `only_first` and `only_second` those that the other run does not have.
    """

    metric: str
    first: str
    second: str
    questions: tuple[Flip, ...]
    test: PairedTest
    unscored: int
    only_first: int
    only_second: int
    changed_golds: int

    @property
    def flips(self) -> tuple[Flip, ...]:
        """The questions that the two runs are judged differently on."""
        return tuple(one for one in self.questions if one.value_first != one.value_second)

    @property
    def values(self) -> tuple[list[float], list[float]]:
        """Both runs' values, question by question."""
        return [one.value_first for one in self.questions], [one.value_second for one in self.questions]

    @property
    def value_first(self) -> float | None:
        """The first run's mean; None where nothing could be compared."""
        return _mean(self.values[0])

    @property
    def value_second(self) -> float | None:
        """The second run's mean; None where nothing could be compared."""
        return _mean(self.values[1])

    @property
    def change(self) -> float:
        """Value of the second minus value of the first; 0.0 where nothing could be compared."""
        return (self.value_second or 0.0) - (self.value_first or 0.0)

    @property
    def detectable(self) -> float:
        """The smallest difference that this many questions can show at the discordance seen here."""
        return detectable_difference(self.test.n, self.test.discordance)

    @property
    def binary(self) -> bool:
        """Whether every value is 0 or 1, so that the exact test is McNemar's; of fractions, it is the sign test."""
        return all(value in (0.0, 1.0) for values in self.values for value in values)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A comparison with a baseline and its p-value corrected (Holm) for all comparisons made beside it."""

    comparison: Comparison
    p_corrected: float


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How sure a comparison is: each run's Wilson interval, and the difference by resampled questions and databases.

    `first` and `second` are None where a value leaves [0, 1].
    """

    first: tuple[float, float] | None
    second: tuple[float, float] | None
    by_question: PairedDifference
    by_database: PairedDifference

    @property
    def intervals(self) -> tuple[Interval, Interval]:
        """The two intervals of the difference: questions resampled, databases resampled."""
        return self.by_question.interval, self.by_database.interval


def compare_runs(first: Run, second: Run, metric: str) -> Comparison:
    """Compare two runs by one metric; raises `UsageError` when they share no question."""
    pairing = pair_runs(first, second)
    names = [run.name if first.name != second.name else str(run.path) for run in (first, second)]
    questions = _judged(pairing, metric)
    return Comparison(
        metric=metric,
        first=names[0],
        second=names[1],
        questions=questions,
        test=mcnemar([one.value_first for one in questions], [one.value_second for one in questions]),
        unscored=len(pairing.pairs) - len(questions),
        only_first=pairing.only_first,
        only_second=pairing.only_second,
        changed_golds=pairing.changed_golds,
    )


def _judged(pairing: Pairing, metric: str) -> tuple[Flip, ...]:
    questions = []
    for one, two in pairing.pairs:
        before = one.scores[metric].value if metric in one.scores else None
        after = two.scores[metric].value if metric in two.scores else None
        if before is not None and after is not None:
            questions.append(Flip(one, two, before, after))
    return tuple(questions)


def compare_with_baseline(runs: Sequence[Run], metric: str) -> tuple[ComparisonRow, ...]:
    """Compare every other run with the first one, the largest gain first, p-values corrected for their number."""
    found = [compare_runs(runs[0], run, metric) for run in runs[1:] if runs[0].records]
    found.sort(key=lambda comparison: -comparison.change)
    corrected = holm([comparison.test.p_two_sided for comparison in found])
    return tuple(ComparisonRow(one, p) for one, p in zip(found, corrected, strict=True))


def weigh(comparison: Comparison, seed: int = 0) -> Uncertainty:
    """Return the intervals of a comparison at 95 %, from resamples that `seed` decides."""
    before, after = comparison.values
    databases = [one.second.db_id for one in comparison.questions]
    return Uncertainty(
        first=_wilson(before),
        second=_wilson(after),
        by_question=paired_bootstrap(before, after, seed=seed),
        by_database=clustered_difference(before, after, databases, seed=seed),
    )


def _wilson(values: Sequence[float]) -> tuple[float, float] | None:
    return wilson(math.fsum(values), len(values)) if all(0 <= value <= 1 for value in values) else None


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def metric_names(run: Run) -> tuple[str, ...]:
    """Return the metrics of a run, in its own order, from its summary or else from its records."""
    if run.summary is not None:
        return tuple(run.summary.get("metrics", {}))
    return tuple(dict.fromkeys(name for record in run.records for name in record.scores))


def choose_metric(first: Run, second: Run, wanted: str | None) -> str:
    """Return the metric to compare by: the wanted one, else execution accuracy, else the first that both have.

    Raises `UsageError` naming the metrics that both have when the wanted one is not among them.
    """
    shared = [name for name in metric_names(first) if name in metric_names(second)]
    if wanted is not None and wanted not in shared:
        raise UsageError(f"--metric {wanted}: not in both runs; choose one of {', '.join(shared) or 'none'}")
    if not shared:
        raise UsageError(f"{first.name} and {second.name}: no metric in common; score both with the same metrics")
    return wanted or (PRIMARY if PRIMARY in shared else shared[0])
