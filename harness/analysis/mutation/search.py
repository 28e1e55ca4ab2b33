"""The search for a database that tells two queries apart.

Rows that the queries join in the real database, and invented ones, are copied, changed towards the queries' own
constants, left without partners, repeated and dropped, inside the declared constraints. The ideas are XData's (Chandra
et al., VLDB Journal 24, 2015), RATest's (Miao, Roy and Yang, SIGMOD 2019) and test-suite accuracy's (Zhong, Yu and
Klein, EMNLP 2020).
"""

from dataclasses import dataclass
from itertools import islice

from harness.analysis.mutation.blueprint import draw
from harness.analysis.mutation.composition import databases
from harness.analysis.mutation.entries import Entry, write_script
from harness.analysis.mutation.material import gather
from harness.analysis.mutation.shrinking import shrink
from harness.analysis.mutation.trial import Difference, Trial
from harness.execution import Executor
from harness.types import Execution

__all__ = ["Search", "Witness", "look", "refute"]


@dataclass(frozen=True)
class Witness:
    """A small database on which two queries differ: `script` makes it, and may be pasted into `sqlite3`.

    `cause` is the strict verdict's (duplicates, order, type, columns, empty, rows), or `error` where the prediction
    fails and the gold does not.
    """

    script: str
    gold: Execution
    predicted: Execution
    cause: str
    databases_tried: int


@dataclass(frozen=True)
class Search:
    """How long to search, and what counts.

    `budget` is the number of databases tried at most. With `lenient` a difference by chance counts too: one that hangs
    on the order of rows, or on rounding. That is no refutation, but nothing that is *proved* may show it either.
    """

    budget: int
    seed: int = 0
    lenient: bool = False


def refute(
    executor: Executor, db_id: str, predicted_sql: str, gold_sql: str, budget: int, seed: int = 0
) -> Witness | None:
    """Try up to `budget` databases; return the first that tells the two queries apart, made small, or `None`.

    The same seed gives the same answer on the same database. Raises `DataError` when the database is missing.
    """
    return look(executor, db_id, (predicted_sql, gold_sql), Search(budget, seed))


def look(executor: Executor, db_id: str, sqls: tuple[str, str], search: Search) -> Witness | None:
    """Return a witness against two queries (predicted, gold), `None` when the budget ends before one is found."""
    if search.budget <= 0 or (blueprint := draw(executor.describe(db_id), sqls)) is None:
        return None
    trial = Trial(executor, blueprint, *sqls, lenient=search.lenient)
    material = gather(executor, db_id, blueprint, sqls)
    for number, rows in enumerate(islice(databases(material, search.seed), search.budget), start=1):
        found = trial.judge(rows)
        if found is not None:
            return _witness(trial, *shrink(trial, rows, found, material.read_places), number)
    return None


def _witness(trial: Trial, rows: list[Entry], found: Difference, number: int) -> Witness:
    plain = trial.judge_script(write_script(trial.blueprint, rows, careful=False))
    shown = plain or found
    return Witness(shown.script, shown.gold, shown.predicted, shown.cause, number)
