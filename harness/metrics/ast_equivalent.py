"""`ast_equivalent`: proved, refuted or unknown.

Refuted: the real results differ, or (`mutations` > 0) a mutated database tells the two queries apart; it is shown.
Proved: both queries come down to one tree. Equal means what `execution_accuracy_strict` means. With several golds, a
proof for any of them is a proof, and only what all of them refute is refuted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from harness.execution import Executor
from harness.types import Cell, Execution, Prediction, Score

__all__ = ["AstEquivalent"]

_SHOWN_ROWS = 5
_CONTRADICTION = "proved but told apart: please report"


@dataclass(frozen=True)
class AstEquivalent:
    """1.0 where equivalence is proved, 0.0 where it is refuted, `None` where neither is known.

    `mutations` bounds the mutated databases that are tried for an answer which is right on the real one but not proved;
    `seed` makes their choice repeatable. Without databases there is proof, and refutation by databases made up from
    the schema alone. The reason begins with `proved: `, `refuted: ` or `unknown: `; a witness in it is SQL that can be
    pasted into `sqlite3`.
    """

    name: ClassVar[str] = "ast_equivalent"
    needs_databases: ClassVar[bool] = False
    runs_sql: ClassVar[bool] = True

    mutations: int = 0
    seed: int = 0

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Return the verdict and its reason; raises what `Executor.describe` raises."""
        sql, example = prediction.extraction.sql, prediction.example
        if sql is None:
            return self._refuted("no SQL")
        judges = list(_judges(prediction, executor))
        if not judges:
            return self._unknown("no gold can judge: it fails")
        predicted = prediction.execution or executor.prepare(example.db_id, sql)
        if not predicted.ok:
            return self._refuted(f"{predicted.status}: {predicted.error}")
        run = partial(executor.execute, example.db_id) if prediction.execution is not None else None
        verdicts = [self._judge(executor, example.db_id, sql, gold, (predicted, run)) for gold in judges]
        for value in (1.0, None):
            for verdict in verdicts:
                if verdict.value == value:
                    return verdict
        return verdicts[0]

    def _judge(
        self,
        executor: Executor,
        db_id: str,
        sql: str,
        gold: tuple[str, Execution],
        real: tuple[Execution, Callable[[str], Execution] | None],
    ) -> Score:
        """Judge against one gold; the real results say nothing where nothing ran."""
        # sqlglot takes a tenth of a second to import: only scoring pays for it.
        from harness.analysis.equivalence.proof import prove  # noqa: PLC0415

        gold_sql, gold_result = gold
        cause = _difference(gold_sql, gold_result, *real)
        proof = prove(sql, gold_sql, executor.describe(db_id))
        if cause:
            told = f"on the real database, {cause}"
            return self._refuted(f"{told} ({_CONTRADICTION})" if proof.proved else told)
        if proof.proved:
            return Score(self.name, 1.0, f"proved: {proof.reason}".rstrip(": "))
        return self._search(executor, db_id, sql, gold_sql) or self._unknown(proof.reason)

    def _search(self, executor: Executor, db_id: str, sql: str, gold_sql: str) -> Score | None:
        if self.mutations <= 0:
            return None
        from harness.analysis.mutation import refute  # noqa: PLC0415  (imports sqlglot)

        witness = refute(executor, db_id, sql, gold_sql, self.mutations, self.seed)
        if witness is None:
            return None
        shown = f"-- gold: {_preview(witness.gold)}\n-- predicted: {_preview(witness.predicted)}"
        return self._refuted(f"on a mutated database, {witness.cause}\n{witness.script}{shown}")

    def _refuted(self, reason: str) -> Score:
        return Score(self.name, 0.0, f"refuted: {reason}")

    def _unknown(self, reason: str) -> Score:
        return Score(self.name, None, f"unknown: {reason}")


def _judges(prediction: Prediction, executor: Executor) -> Iterator[tuple[str, Execution]]:
    """Yield the golds that work, executed, or compiled where nothing ran."""
    example = prediction.example
    results = prediction.golds or [executor.prepare(example.db_id, sql) for sql in example.golds]
    return ((sql, result) for sql, result in zip(example.golds, results, strict=True) if result.ok)


def _difference(gold_sql: str, gold: Execution, predicted: Execution, run: Callable[[str], Execution] | None) -> str:
    """Return why the real results differ, `""` where they do not or where there are none."""
    if run is None:
        return ""
    from harness.analysis.verdicts import judge_strict  # noqa: PLC0415  (so that listing metrics stays light)

    return judge_strict(gold_sql, gold, predicted, run).cause


def _preview(execution: Execution) -> str:
    """Return the first rows of a result on one line, or the error."""
    if not execution.ok:
        return f"{execution.status}: {execution.error}"
    rows = [f"({', '.join(map(_cell, row))})" for row in execution.rows[:_SHOWN_ROWS]]
    more = len(execution.rows) - _SHOWN_ROWS
    return (", ".join(rows) or "no row") + (f" and {more} more" if more > 0 else "")


def _cell(cell: Cell) -> str:
    return " ".join(repr(cell).split()) if cell is not None else "NULL"
