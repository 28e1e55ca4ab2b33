"""One question: does this small database tell the two queries apart, and not by chance?

Equal means what `execution_accuracy_strict` means. A prediction that fails where the gold works is wrong; a gold that
fails judges nothing; a limit (time, memory, rows) that was reached says nothing about meaning. Results that change
when the rows are visited in another order (LIMIT without a full order in a sub-query, bare columns beside an aggregate)
or when the query is run again tell nothing apart, unless the two differ in their number of rows each time; nor do sums
that differ in their rounding only.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.mutation.blueprint import Blueprint
from harness.analysis.mutation.entries import Entry, write_script
from harness.analysis.verdicts import judge_strict
from harness.execution import Executor
from harness.types import Execution, Status

__all__ = ["Difference", "Trial"]

ERROR = "error"
_ROUNDING = "float"
_TURNS = 8


@dataclass(frozen=True)
class Difference:
    """Both results on a database that tells them apart; `cause` is the strict verdict's, or `error`."""

    script: str
    gold: Execution
    predicted: Execution
    cause: str


@dataclass(frozen=True)
class Trial:
    """Two queries, and the tables that small databases of theirs have; `lenient`: chance and rounding count as well."""

    executor: Executor
    blueprint: Blueprint
    predicted_sql: str
    gold_sql: str
    lenient: bool = False

    def judge(self, entries: Sequence[Entry]) -> Difference | None:
        """Return how the two results differ on these rows, `None` when they do not, or (unless `lenient`) by chance."""
        found = self.judge_script(write_script(self.blueprint, entries))
        if found is None or self.lenient:
            return found
        others = [self.judge_script(found.script)]
        for rows in _other_orders(entries):
            if others[-1] is None:
                return None
            others.append(self.judge_script(write_script(self.blueprint.unordered(), rows)))
        seen = [one for one in others if one is not None]
        if len(seen) < len(others):
            return None
        calm = all(self._agree(found, one) for one in seen)
        return found if calm or _sizes_differ([found, *seen]) else None

    def judge_script(self, script: str) -> Difference | None:
        """As `judge`, for a script as it stands, by chance or not."""
        run = self._runner(script)
        gold = run(self.gold_sql)
        if not gold.ok:
            return None
        predicted = run(self.predicted_sql)
        if predicted.status is Status.ERROR:
            return Difference(script, gold, predicted, ERROR)
        if not predicted.ok:
            return None
        verdict = judge_strict(self.gold_sql, gold, predicted, run)
        if verdict.equal or (verdict.cause == _ROUNDING and not self.lenient):
            return None
        return Difference(script, gold, predicted, verdict.cause)

    def _agree(self, first: Difference, second: Difference) -> bool:
        """Whether both queries gave on the second script what they gave on the first; ties are theirs to order."""
        run = self._runner(second.script)
        golds = self._same(self.gold_sql, first.gold, second.gold, run)
        return golds and self._same(self.predicted_sql, first.predicted, second.predicted, run)

    @staticmethod
    def _same(sql: str, before: Execution, now: Execution, run: Callable[[str], Execution]) -> bool:
        if not before.ok or not now.ok:
            return before.status is now.status
        return judge_strict(sql, before, now, run).equal

    def _runner(self, script: str) -> Callable[[str], Execution]:
        return lambda sql: self.executor.execute_script(script, sql)


def _other_orders(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yield the rows backwards, and turned so that others come first."""
    yield entries[::-1]
    step = max(1, len(entries) // _TURNS)
    for start in range(0, len(entries), step):
        yield [*entries[start:], *entries[:start]]


def _sizes_differ(found: Sequence[Difference]) -> bool:
    """Whether the numbers of rows differ whichever order each query saw: what a bare column holds is no matter."""
    golds = {len(one.gold.rows) for one in found}
    return all(one.predicted.ok for one in found) and golds.isdisjoint(len(one.predicted.rows) for one in found)
