"""Statements that take turns: what is counted, what is limited, and what is left as it was."""

import os
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from harness.errors import DataError, UsageError
from harness.execution import Executor, Limits
from harness.execution.measuring import measure
from harness.execution.session import Session
from harness.types import Status

SUM = "SELECT sum(salary) FROM emp"
COUNT = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t LIMIT {}) SELECT count(*) FROM t"
ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"


def count_steps(path: Path, sql: str) -> int:
    """Return SQLite's own count: https://sqlite.org/stmt.html."""
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    try:
        connection.execute("SELECT nstep FROM sqlite_stmt")
    except sqlite3.OperationalError:
        pytest.skip("this SQLite has no sqlite_stmt")
    cursor = connection.execute(sql)  # kept open: a finished statement may be forgotten
    cursor.fetchall()
    (steps,) = connection.execute("SELECT nstep FROM sqlite_stmt WHERE sql = ?", (sql,)).fetchone()
    cursor.close()
    connection.close()
    return steps


def test_every_statement_has_every_repeat_timed_twice(executor):
    measured = executor.measure("company", [SUM, "SELECT id FROM emp", SUM], 7)
    assert (measured.status, measured.error) == (Status.OK, "")
    for clock in (measured.execute_s, measured.total_s):
        assert [len(times) for times in clock] == [7, 7, 7]
    for executes, totals in zip(measured.execute_s, measured.total_s, strict=True):
        assert all(0 < execute <= total for execute, total in zip(executes, totals, strict=True))


@pytest.mark.parametrize(
    "sql",
    [
        SUM,
        "SELECT * FROM emp",
        "SELECT name FROM emp ORDER BY salary DESC LIMIT 3",
        "SELECT 1",
        COUNT.format(3_000),
        "SELECT a.id FROM emp a JOIN emp b ON a.id = b.id + 1 GROUP BY a.name HAVING count(*) > 0",
    ],
)
def test_steps_are_those_that_sqlite_counts_itself(executor, company, sql):
    assert executor.measure("company", [sql], 1).vm_steps == (count_steps(company, sql),)


def test_steps_above_a_hundred_thousand_are_given_in_thousands(executor, company):
    sql = COUNT.format(20_000)
    (steps,) = executor.measure("company", [sql], 1).vm_steps
    assert steps % 1_000 == 0
    assert 0 <= count_steps(company, sql) - steps < 1_000


def list_cpus() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def test_steps_above_the_budget_are_not_given(monkeypatch):
    # The budget is the worker's, which imports its own copy: here the same code runs in this process.
    monkeypatch.setattr("harness.execution.measuring._MOST_STEPS", 200_000)
    sent, cpus = [], list_cpus()
    session = Session(sqlite3.connect(":memory:", cached_statements=0), Limits())
    argument = ((COUNT.format(20_000), COUNT.format(100)), 1, 10.0)
    verdict = measure(session, argument, lambda kind, value: sent.append(value) or 0)
    session.close()
    assert (verdict.status, list_cpus()) == ("ok", cpus)
    first, second = sent[-1][2]
    assert (first, second > 100) == (None, True)


def test_steps_are_the_same_every_time_and_for_equal_statements(executor):
    measured = [executor.measure("company", [SUM, "select  SUM(salary)\nfrom emp -- the same"], 2) for _ in range(3)]
    assert len({steps for one in measured for steps in one.vm_steps}) == 1


@pytest.mark.parametrize(
    ("sql", "status", "error"),
    [
        ("SELECT nobody FROM emp", Status.ERROR, "no such column: nobody"),
        ("DELETE FROM emp", Status.FORBIDDEN, "DELETE on emp is not allowed"),
        ("SELECT 1; DROP TABLE emp", Status.FORBIDDEN, "a second statement"),
        ("PRAGMA query_only = OFF", Status.FORBIDDEN, "PRAGMA"),
        (ENDLESS, Status.TIMEOUT, "stopped after 1 s"),
        ("SELECT a.id FROM emp a, emp b, emp c", Status.RESOURCE, "more than 100,000 rows"),
        ("SELECT hex(zeroblob(400000000))", Status.RESOURCE, "too big"),
        ("SELECT printf('%.*c', 2000000000, 'x')", Status.RESOURCE, "too big"),
        ("", Status.ERROR, "no statement"),
        ("SELECT '\0'", Status.ERROR, "NUL"),
    ],
)
def test_a_statement_that_fails_says_why_wherever_it_stands(executor, sql, status, error):
    for statements in ([sql, SUM], [SUM, sql]):
        measured = executor.measure("company", statements, 2)
        assert measured.status is status
        assert error in measured.error
        assert (measured.execute_s, measured.total_s, measured.vm_steps) == ((), (), ())
    assert executor.measure("company", [SUM], 1).ok


def test_the_guard_is_the_same_afterwards(executor):
    executor.measure("company", [SUM], 2)
    assert executor.execute("company", "DELETE FROM emp").status is Status.FORBIDDEN
    assert executor.execute("company", ENDLESS).status is Status.TIMEOUT


def test_a_worker_that_dies_costs_one_measurement(company, children):
    with Executor({"company": company}, limits=Limits(timeout_s=60), workers=1) as executor:
        before = children()
        executor.execute("company", "SELECT 1")
        (worker,) = children() - before
        timer = threading.Timer(0.3, os.kill, (worker, signal.SIGKILL))
        timer.start()
        measured = executor.measure("company", [ENDLESS], 2)
        timer.join()
        assert (measured.status, measured.error) == (Status.RESOURCE, "worker died (signal 9)")
        assert executor.measure("company", [SUM], 1).ok


def test_a_run_that_no_clock_reaches_is_killed_though_the_race_may_last_longer(company):
    # The format is put together at run time, so that no guard sees its width: one opcode counts for seconds.
    late = "SELECT length(printf('%.' || '*c', 2000000000, 'x'))"
    with Executor({"company": company}, limits=Limits(timeout_s=0.2), workers=1) as executor:
        started = time.monotonic()
        measured = executor.measure("company", [SUM, late], 1_000, budget_s=600)
        assert measured.status in {Status.TIMEOUT, Status.RESOURCE}
        assert time.monotonic() - started < 30
        assert executor.execute("company", "SELECT 1").ok


def test_a_race_may_last_longer_than_one_run(company):
    sql = COUNT.format(100_000)
    with Executor({"company": company}, limits=Limits(timeout_s=0.4), workers=1) as executor:
        measured = executor.measure("company", [sql, sql], 60)
        assert measured.status is Status.OK, measured.error
        assert len(measured.total_s[0]) == 60
        assert sum(map(sum, measured.total_s)) > 0.4


def test_the_budget_ends_the_race_after_a_whole_round(executor):
    measured = executor.measure("company", [SUM, "SELECT 1"], 1_000_000, budget_s=0.0)
    assert [len(times) for times in measured.total_s] == [1, 1]


def test_nothing_comes_from_the_cache_and_nothing_goes_there(executor):
    first = executor.measure("company", [SUM], 2)
    assert executor.measure("company", [SUM], 2) is not first
    assert executor.execute("company", SUM).elapsed_s not in first.total_s[0]


def test_text_that_is_not_utf_8_can_be_timed(executor, company):
    sql = "SELECT CAST(iif(id = 200, note, name) AS TEXT) FROM emp"
    measured = executor.measure("company", [SUM, sql], 2)
    assert measured.ok, measured.error
    assert measured.vm_steps[1] == count_steps(company, sql)
    assert executor.execute("company", "SELECT name FROM emp LIMIT 1").rows == (("name 0",),)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_the_worker_may_use_every_cpu_again_afterwards(executor, children):
    before = children()
    executor.execute("company", "SELECT 1")
    (worker,) = children() - before
    allowed = os.sched_getaffinity(worker)
    seen = set()
    race = threading.Thread(target=executor.measure, args=("company", [COUNT.format(50_000)], 40))
    race.start()
    while race.is_alive():
        seen.add(frozenset(os.sched_getaffinity(worker)))
    assert seen & {frozenset({cpu}) for cpu in allowed}
    assert os.sched_getaffinity(worker) == allowed
    executor.measure("company", ["SELECT nobody"], 1)
    assert os.sched_getaffinity(worker) == allowed


@pytest.mark.parametrize(("statements", "repeats"), [([], 1), ([SUM], 0)])
def test_a_race_of_nothing_is_refused(executor, statements, repeats):
    with pytest.raises(UsageError, match="at least one statement and one repeat"):
        executor.measure("company", statements, repeats)


def test_a_missing_database_is_an_error_of_the_data(executor):
    with pytest.raises(DataError):
        executor.measure("nowhere", [SUM], 1)
