"""Ranks that luck does not decide: a run stands behind those only that are shown to be better."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.statistics import holm
from harness.types import Run
from reports.compare import ComparisonRow, compare_runs

__all__ = ["SIGNIFICANCE", "Ranking", "name_verdict", "rank_runs"]

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Ranking:
    """Every two runs compared; in `pairs` each p-value is corrected (Holm) for the number of pairs."""

    pairs: tuple[ComparisonRow, ...]

    def rank(self, name: str) -> int:
        """Return 1 + the number of runs that are better by the paired test with p < 0.05, corrected."""
        return 1 + sum(name == _loser(row) for row in self.pairs)


def rank_runs(runs: Sequence[Run], metric: str) -> Ranking:
    """Compare every run with every other by one metric; the runs must share their questions."""
    found = [compare_runs(one, two, metric) for one, two in combinations(runs, 2) if one.records and two.records]
    corrected = holm([one.test.p_two_sided for one in found])
    return Ranking(tuple(ComparisonRow(one, p) for one, p in zip(found, corrected, strict=True)))


def name_verdict(row: ComparisonRow) -> str:
    """Say in a word what a comparison shows of its second run."""
    loser = _loser(row)
    if loser is None:
        return "no difference shown"
    return "worse" if loser == row.comparison.second else "better"


def _loser(row: ComparisonRow) -> str | None:
    """Return the run that is shown to be worse, more often and on average; None where the test cannot tell."""
    one, test = row.comparison, row.comparison.test
    if row.p_corrected >= SIGNIFICANCE:
        return None
    if test.wins > test.losses and one.change > 0:
        return one.first
    return one.second if test.losses > test.wins and one.change < 0 else None
