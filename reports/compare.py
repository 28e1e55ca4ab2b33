"""Two runs side by side: which questions flipped, and whether that is more than chance."""

import math
from dataclasses import dataclass

from harness.errors import UsageError
from harness.gate.pairing import Pairing, pair_runs
from harness.statistics import PairedTest, detectable_difference, mcnemar
from harness.types import Record, Run

__all__ = ["PRIMARY", "Comparison", "Flip", "choose_metric", "compare_runs", "metric_names"]

PRIMARY = "execution_accuracy"


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that the two runs are judged differently on; values are fractions."""

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
    """The second run against the first, on the questions that both have scored; values are fractions."""

    metric: str
    first: str
    second: str
    value_first: float | None
    value_second: float | None
    test: PairedTest
    flips: tuple[Flip, ...]
    only_first: int
    only_second: int
    changed_golds: int

    @property
    def change(self) -> float:
        """Value of the second minus value of the first; 0.0 where nothing could be compared."""
        if self.value_first is None or self.value_second is None:
            return 0.0
        return self.value_second - self.value_first

    @property
    def detectable(self) -> float:
        """The smallest difference that this many questions can show at the discordance seen here."""
        return detectable_difference(self.test.n, self.test.discordance)


def compare_runs(first: Run, second: Run, metric: str) -> Comparison:
    """Compare two runs by one metric; raises `UsageError` when they share no question."""
    pairing = pair_runs(first, second)
    before, after = pairing.scores(metric)
    return Comparison(
        metric=metric,
        first=first.name,
        second=second.name,
        value_first=_mean(before),
        value_second=_mean(after),
        test=mcnemar(before, after),
        flips=_flips(pairing, metric),
        only_first=pairing.only_first,
        only_second=pairing.only_second,
        changed_golds=pairing.changed_golds,
    )


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _flips(pairing: Pairing, metric: str) -> tuple[Flip, ...]:
    flips = []
    for one, two in pairing.pairs:
        before = one.scores[metric].value if metric in one.scores else None
        after = two.scores[metric].value if metric in two.scores else None
        if before is not None and after is not None and before != after:
            flips.append(Flip(one, two, before, after))
    return tuple(flips)


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
