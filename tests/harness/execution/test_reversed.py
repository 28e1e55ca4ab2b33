"""Rows in reverse where nothing orders them, for one statement only."""

import sqlite3

import pytest

from harness.execution import Executor, Limits
from harness.types import Status

NAMES = "SELECT id FROM emp LIMIT 2"
ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"


def test_rows_that_nothing_orders_come_in_reverse(executor):
    assert executor.execute("company", NAMES).rows == ((0,), (1,))
    assert executor.execute_reversed("company", NAMES).rows == ((299,), (298,))


def test_rows_that_are_ordered_stay(executor):
    sql = "SELECT id FROM emp ORDER BY salary LIMIT 3"
    assert executor.execute_reversed("company", sql).rows == executor.execute("company", sql).rows


def test_both_answers_are_kept_apart(executor):
    first, second = executor.execute("company", NAMES), executor.execute_reversed("company", NAMES)
    assert executor.execute("company", NAMES) is first
    assert executor.execute_reversed("company", NAMES) is second


@pytest.mark.parametrize(
    "sql",
    [
        NAMES,
        "SELECT nobody FROM emp",
        "DELETE FROM emp",
        "SELECT 1; SELECT 2",
        "",
        ENDLESS,
        "SELECT hex(zeroblob(400000000))",
        "SELECT a.note || b.note FROM emp a, emp b, emp c",
        "SELECT CAST(note AS TEXT) FROM emp LIMIT 1",
    ],
)
def test_the_order_is_as_before_whatever_the_statement_was(company, sql):
    limits = Limits(timeout_s=0.3, memory_mib=64, max_rows=1_000)
    with Executor({"company": company}, limits=limits, workers=1) as executor:
        verdict = executor.execute_reversed("company", sql)
        assert verdict.status is executor.execute("company", sql).status
        assert executor.execute("company", "SELECT id FROM emp LIMIT 1").rows == ((0,),)


def test_the_switch_itself_stays_forbidden(executor):
    executor.execute_reversed("company", NAMES)
    for ask in (executor.execute, executor.execute_reversed):
        verdict = ask("company", "PRAGMA reverse_unordered_selects = ON")
        assert verdict.status is Status.FORBIDDEN
    assert executor.execute("company", "SELECT id FROM emp LIMIT 1").rows == ((0,),)


def test_other_files_share_workers_and_cache_but_not_the_right_to_end_them(company, tmp_path, children):
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE emp (id)")
    connection.close()
    before = children()
    with Executor({"company": company}, workers=1) as executor:
        first = executor.execute("company", NAMES)
        with executor.on({"same": company, "other": other}) as lent:
            assert lent.execute("same", NAMES) is first
            assert lent.execute("other", NAMES).rows == ()
            assert (lent.limits, set(lent.databases)) == (executor.limits, {"same", "other"})
        assert set(executor.databases) == {"company"}
        lent.close()
        assert executor.execute("company", "SELECT 2").rows == ((2,),)
        assert len(children() - before) == 1
    assert children() == before


def test_workers_live_as_long_as_somebody_who_may_ask(company):
    lent = Executor({}, workers=1).on({"company": company})
    assert lent.execute("company", NAMES).ok
