"""What a supervised worker costs for a query that costs nothing, beside a bare connection, in one run."""

import itertools
import sqlite3

import pytest

from harness.execution import Executor

ROWS = 1_000


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "small.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, amount REAL)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(n, f"name {n}", n / 7) for n in range(ROWS)])
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def executor(database):
    with Executor({"small": database}, workers=1) as made:
        made.execute("small", "SELECT 1")
        yield made


@pytest.fixture
def connection(database):
    made = sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True, cached_statements=0)
    yield made
    made.close()


# Every statement differs from the one before, so that no cache answers.
@pytest.mark.benchmark(group="one row")
def test_one_row_through_a_worker(benchmark, executor):
    numbers = itertools.count()
    assert benchmark(lambda: executor.execute("small", f"SELECT name, {next(numbers)} FROM t WHERE id = 7")).ok


@pytest.mark.benchmark(group="one row")
def test_one_row_from_a_bare_connection(benchmark, connection):
    numbers = itertools.count()
    assert benchmark(lambda: connection.execute(f"SELECT name, {next(numbers)} FROM t WHERE id = 7").fetchall())


@pytest.mark.benchmark(group="one row")
def test_one_row_from_the_cache(benchmark, executor):
    assert benchmark(executor.execute, "small", "SELECT name FROM t WHERE id = 7").ok


@pytest.mark.benchmark(group=f"{ROWS} rows")
def test_many_rows_through_a_worker(benchmark, executor):
    numbers = itertools.count()
    verdict = benchmark(lambda: executor.execute("small", f"SELECT *, {next(numbers)} FROM t"))
    assert len(verdict.rows) == ROWS


@pytest.mark.benchmark(group=f"{ROWS} rows")
def test_many_rows_from_a_bare_connection(benchmark, connection):
    numbers = itertools.count()
    rows = benchmark(lambda: connection.execute(f"SELECT *, {next(numbers)} FROM t").fetchall())
    assert len(rows) == ROWS


@pytest.mark.benchmark(group="start")
def test_a_worker_starts(benchmark, database):
    def start():
        with Executor({"small": database}, workers=1) as made:
            return made.execute("small", "SELECT 1")

    assert benchmark.pedantic(start, rounds=5).ok
