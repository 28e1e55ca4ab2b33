"""The golds of a data set against the grammar: which of them a constrained model could write."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.decoding.grammar import Acceptance, check
from harness.execution import Executor
from harness.types import Dataset, QuestionId

__all__ = ["GoldCheck", "GoldReport", "check_golds", "summarise_golds"]


@dataclass(frozen=True, slots=True)
class GoldCheck:
    """What became of one gold; `error` is SQLite's message where it does not prepare the gold on the schema."""

    question_id: QuestionId
    acceptance: Acceptance
    error: str


@dataclass(frozen=True, slots=True)
class GoldReport:
    """The golds that SQLite prepares: how many, and how many of them are accepted; `lines` name what went wrong.

    A gold that SQLite does not prepare names what the schema lacks and must be rejected; it is in neither number.
    """

    accepted: int
    prepared: int
    lines: tuple[str, ...]

    @property
    def rate(self) -> float:
        """The share of accepted golds; 1.0 where there are none."""
        return self.accepted / self.prepared if self.prepared else 1.0


def check_golds(dataset: Dataset, executor: Executor) -> Iterator[GoldCheck]:
    """Yield what became of each gold; `executor` prepares statements on the schemas of the data set."""
    for example in dataset.examples:
        schema = dataset.schemas[example.db_id]
        for gold in example.golds:
            error = executor.prepare(example.db_id, gold).error
            yield GoldCheck(example.question_id, check(schema, gold), error)


def summarise_golds(checks: Iterable[GoldCheck]) -> GoldReport:
    """Count golds; say of each rejected one where, and of each that should have been rejected why."""
    every = list(checks)
    prepared = [one for one in every if not one.error]
    others = [one for one in every if one.error]
    lines = [line for one in every if (line := _describe(one))]
    if others:
        rejected = sum(not one.acceptance.accepted for one in others)
        lines.append(
            f"not counted: {len(others)} that SQLite does not prepare on the schema, {rejected} of them rejected"
        )
    return GoldReport(sum(one.acceptance.accepted for one in prepared), len(prepared), tuple(lines))


def _describe(one: GoldCheck) -> str:
    found = one.acceptance
    if one.error:
        wrong = f"question {one.question_id}: accepted, but SQLite does not prepare it: {one.error}"
        return wrong if found.accepted else ""
    where = f"question {one.question_id}: rejected at {found.token!r}, character {found.position}"
    return "" if found.accepted else where
