"""Golden pairs, and small hostile databases to try them on."""

import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.analysis.verdicts import judge_strict
from harness.execution import Executor
from harness.execution.catalogue import Catalogue
from harness.types import Execution, Status

HERE = Path(__file__).parent
SCHEMA = (HERE / "schema.sql").read_text(encoding="utf-8")
_PAIR = re.compile(r"-- (proved|different|not proved): ([^\n]*)\n(.*?);\n(.*?)\s*(?=\n\n|\Z)", re.DOTALL)
_HOSTILE = [
    None,
    0,
    1,
    1.0,
    2,
    -1,
    2.5,
    -0.0,
    "",
    "1",
    "01",
    "1.0",
    "a",
    "A",
    "b",
    b"a",
    10**16 + 1,
    1e16,
    0.1,
    0.2,
    0.3,
]
_NUMBERS = [None, 1, 1.0, "1", "01", 2, "a"]


class Pair(NamedTuple):
    """Two queries, prediction first, and what is to become of them."""

    expected: str
    title: str
    predicted: str
    gold: str


def read_pairs() -> list[Pair]:
    """Return every pair of the files beside this one."""
    files = sorted(path for path in HERE.glob("*.sql") if path.name != "schema.sql")
    return [Pair(*found) for path in files for found in _PAIR.findall(path.read_text(encoding="utf-8"))]


def pytest_generate_tests(metafunc):
    if "pair" in metafunc.fixturenames:
        metafunc.parametrize("pair", read_pairs(), ids=lambda pair: f"{pair.expected} {pair.title}")


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    return read_pairs()


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    with Executor({}, ddl={"db": SCHEMA}, workers=1) as executor:
        return executor.describe("db")


def run(connection: sqlite3.Connection, sql: str) -> Execution:
    try:
        cursor = connection.execute(sql)
        return Execution(Status.OK, tuple(column[0] for column in cursor.description), tuple(cursor.fetchall()))
    except sqlite3.Error as error:
        return Execution(Status.ERROR, error=str(error))


def fill(connection: sqlite3.Connection, dice: random.Random) -> None:
    """Insert rows of few different values, so that joins meet, ties occur and constraints bite."""
    values = dice.choice([_NUMBERS, [*dice.sample(_HOSTILE, dice.randint(2, 5)), 1, "a"]])
    for table in "tuvw":
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
        for _ in range(dice.choice([0, 1, 2, 4, 8])):
            row = [dice.choice(values) for _ in columns]
            if table == "t":
                row[0] = dice.randint(-1, 12)
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)


def databases(seed: int, count: int) -> Iterator[sqlite3.Connection]:
    for number in range(count):
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(SCHEMA)
            fill(connection, random.Random(f"{seed}/{number}"))
            yield connection


def differ(connection: sqlite3.Connection, predicted_sql: str, gold_sql: str) -> bool:
    """Whether the prediction is strictly wrong here; where the gold fails, it is right to fail as well."""
    gold, predicted = run(connection, gold_sql), run(connection, predicted_sql)
    if not (gold.ok and predicted.ok):
        return gold.ok != predicted.ok
    return not judge_strict(gold_sql, gold, predicted, lambda sql: run(connection, sql)).equal


@pytest.fixture(scope="session")
def find_difference() -> Callable[[str, str, int, int], str]:
    """Return a search for a database that tells two queries apart; it gives the script, or `""`."""

    def search(predicted_sql: str, gold_sql: str, tries: int, seed: int = 0) -> str:
        for connection in databases(seed, tries):
            if differ(connection, predicted_sql, gold_sql):
                return "\n".join(connection.iterdump())
        return ""

    return search
