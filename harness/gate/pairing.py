"""The questions that two runs have in common, and their scores side by side."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import UsageError
from harness.publishing import fingerprint_gold
from harness.types import Record, Run

__all__ = ["Pairing", "has_other_gold", "pair_runs"]


@dataclass(frozen=True)
class Pairing:
    """Records of the same questions: `pairs` holds (first, second), `only_first` and `only_second` count the rest.

    `changed_golds` counts pairs whose gold SQL differs: the data changed between the two runs.
    """

    pairs: tuple[tuple[Record, Record], ...]
    only_first: int
    only_second: int
    changed_golds: int

    @property
    def same_questions(self) -> bool:
        """Whether both runs answered the same questions."""
        return not (self.only_first or self.only_second)

    def scores(self, metric: str, keep: Callable[[Record], bool] = lambda _: True) -> tuple[list[float], list[float]]:
        """Return both runs' values of a metric, for the questions that both have scored and `keep` takes."""
        values = [
            (one.scores[metric].value, two.scores[metric].value)
            for one, two in self.pairs
            if keep(two) and metric in one.scores and metric in two.scores
        ]
        scored = [(one, two) for one, two in values if one is not None and two is not None]
        return [one for one, _ in scored], [two for _, two in scored]


def pair_runs(first: Run, second: Run) -> Pairing:
    """Pair two runs by question id and database.

    A question whose text differs is another question; published runs, which carry no text, are paired without it.
    Raises `UsageError` when no question is left.
    """
    others = {(record.question_id, record.db_id): record for record in second.records}
    pairs = [
        (record, other)
        for record in first.records
        if (other := others.get((record.question_id, record.db_id))) is not None and _same_text(record, other)
    ]
    if not pairs:
        raise UsageError(f"{first.name} and {second.name}: no question in common; compare runs on the same data")
    return Pairing(
        pairs=tuple(pairs),
        only_first=len(first.records) - len(pairs),
        only_second=len(second.records) - len(pairs),
        changed_golds=sum(has_other_gold(one, two) for one, two in pairs),
    )


def _same_text(one: Record, two: Record) -> bool:
    return not one.question or not two.question or one.question == two.question


def has_other_gold(one: Record, two: Record) -> bool:
    """Whether two records of a question are known to have been scored against different gold SQL."""
    golds = fingerprint_gold(one), fingerprint_gold(two)
    return all(golds) and golds[0] != golds[1]
