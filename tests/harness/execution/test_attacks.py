"""One test for each way in which an answer could fool, stall or damage an evaluation."""

import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.execution import Executor, Limits
from harness.types import Status

ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"
TRIPLE_JOIN = "SELECT sum(a.id * b.id * c.id) FROM emp a, emp b, emp c, emp d"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM emp", "DELETE on emp is not allowed"),
        ("DELETE FROM emp RETURNING 0", "DELETE on emp is not allowed"),
        ("WITH q AS (SELECT 1) DELETE FROM emp", "DELETE on emp is not allowed"),
        ("  /* hello */ ; -- there\n\ufeffDELETE FROM emp", "DELETE on emp is not allowed"),
        ("DELETE FROM missing", "only queries are allowed"),
        ("INSERT INTO emp VALUES (1, 2, 3, 4)", "INSERT on emp is not allowed"),
        ("REPLACE INTO emp VALUES (1, 2, 3, 4)", "INSERT on emp is not allowed"),
        ("UPDATE emp SET salary = 0", "UPDATE on emp is not allowed"),
        ("WITH q AS (SELECT 1) UPDATE sqlite_master SET sql = ''", "may not be modified"),
        ("CREATE TEMP TABLE emp AS SELECT 1 AS id", "CREATE TEMP TABLE is not allowed"),
        ("CREATE TABLE other (a)", "CREATE TABLE is not allowed"),
        ("CREATE TABLE IF NOT EXISTS emp (a)", "CREATE TABLE is not allowed"),
        ("CREATE VIRTUAL TABLE v USING fts5(a)", "CREATE VIRTUAL TABLE is not allowed"),
        ("CREATE TEMPORARY TRIGGER t AFTER INSERT ON emp BEGIN SELECT 1; END", "CREATE TEMPORARY TRIGGER"),
        ("DROP TABLE emp", "DROP TABLE is not allowed"),
        ("DROP TABLE IF EXISTS missing", "DROP TABLE is not allowed"),
        ("ALTER TABLE emp RENAME TO x", "not allowed"),
        ("ATTACH 'new.sqlite' AS other", "ATTACH is not allowed"),
        ("DETACH main", "DETACH is not allowed"),
        ("VACUUM", "VACUUM is not allowed"),
        ("VACUUM INTO 'copy.sqlite'", "VACUUM is not allowed"),
        ("ANALYZE", "not allowed"),
        ("REINDEX", "not allowed"),
        ("BEGIN", "not allowed"),
        ("COMMIT", "not allowed"),
        ("SAVEPOINT s", "not allowed"),
        ("PRAGMA writable_schema = 1", "PRAGMA writable_schema is not allowed"),
        ("PRAGMA table_info(emp)", "PRAGMA table_info is not allowed"),
        ("PRAGMA data_version", "PRAGMA is not allowed"),
        ("SELECT * FROM pragma_table_info('emp')", "pragma_table_info is not allowed"),
        ("SELECT * FROM dbstat", "dbstat is not allowed"),
        ("SELECT load_extension('evil.so')", "function load_extension is not allowed"),
        ("SELECT fts3_tokenizer('simple')", "function fts3_tokenizer is not allowed"),
        ("SELECT sqlite_compileoption_get(1)", "function sqlite_compileoption_get is not allowed"),
        ("EXPLAIN SELECT 1", "EXPLAIN is not allowed"),
        ("explain query plan SELECT 1", "EXPLAIN is not allowed"),
        ("SELECT 1; SELECT 2", "second statement"),
        ("SELECT 1; DELETE FROM emp", "second statement"),
    ],
)
def test_everything_but_a_query_is_forbidden_and_says_what(executor, company, sql, reason):
    for verdict in (executor.execute("company", sql), executor.prepare("company", sql)):
        assert verdict.status is Status.FORBIDDEN
        assert reason in verdict.error
        assert verdict.rows == ()
    assert executor.execute("company", "SELECT count(*) FROM emp").rows == ((300,),)
    assert [path.name for path in company.parent.iterdir()] == ["company.sqlite"]


def test_a_drop_among_good_answers_costs_only_itself(executor):
    verdicts = [executor.execute("company", f"SELECT {number} FROM emp LIMIT 1") for number in range(5)]
    verdicts.append(executor.execute("company", "DROP TABLE emp"))
    verdicts += [executor.execute("company", f"SELECT {number} FROM emp LIMIT 1") for number in range(5, 10)]
    assert [verdict.status for verdict in verdicts] == [Status.OK] * 5 + [Status.FORBIDDEN] + [Status.OK] * 5


@pytest.mark.parametrize("sql", [ENDLESS, TRIPLE_JOIN])
def test_an_endless_query_is_stopped_and_burns_nothing_afterwards(company, children, sql):
    with Executor({"company": company}, limits=Limits(timeout_s=0.3), workers=1) as executor:
        before = children()
        verdict = executor.execute("company", sql)
        assert verdict.status is Status.TIMEOUT
        assert "0.3 s" in verdict.error
        workers = children() - before
        spent = sum(map(_cpu_s, workers))
        time.sleep(0.4)
        assert sum(map(_cpu_s, workers)) - spent < 0.1


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT printf('%.*c', 2000000000, 'x')",
        "SELECT format('%2000000000d', 1)",
        "SELECT printf('%s %*d', 'a', '1999999999', 1)",
        "SELECT hex(zeroblob(400000000))",
        "SELECT length(randomblob(400000000))",
        "SELECT replace(hex(zeroblob(1000000)), '0', hex(zeroblob(100)))",
    ],
)
def test_a_value_too_large_to_hold_is_a_resource_verdict(executor, sql):
    verdict = executor.execute("company", sql)
    assert verdict.status is Status.RESOURCE
    assert verdict.error == "string or blob too big"


@pytest.mark.parametrize("sql", ["SELECT printf('%.*c', 2000000000, 'x')", "SELECT printf('%*d', 12, 1)"])
def test_a_printf_bomb_leaves_the_printf_of_others_alone(executor, sql):
    executor.execute("company", sql)
    shown = "printf('%.2f|%s', salary, id), format('%d', id), printf('%s', CAST(note AS TEXT))"
    honest = f"SELECT {shown} FROM emp WHERE id = 7"
    assert executor.execute("company", honest).rows == (("73.50|7", "7", b"\xff"),)


def test_an_opcode_that_never_looks_at_the_clock_is_killed(company):
    burner = "SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')"
    with Executor({"company": company}, limits=Limits(timeout_s=0.3), workers=1) as executor:
        verdict = executor.execute("company", burner)
        assert verdict.status is Status.TIMEOUT
        assert "killed" in verdict.error
        assert executor.execute("company", "SELECT 1").rows == ((1,),)


def test_a_compilation_that_explodes_is_stopped(company):
    doubled = ", ".join(f"t{n} AS (SELECT a.x FROM t{n - 1} a, t{n - 1} b)" for n in range(1, 25))
    sql = f"WITH t0 AS (SELECT 1 AS x), {doubled} SELECT count(*) FROM t24"
    with Executor({"company": company}, limits=Limits(timeout_s=0.5, memory_mib=64), workers=1) as executor:
        for verdict in (executor.execute("company", sql), executor.prepare("company", sql)):
            assert verdict.status is not Status.OK
        assert executor.execute("company", "SELECT 1").rows == ((1,),)


def test_a_result_of_millions_of_rows_stops_at_the_row_limit(executor):
    verdict = executor.execute("company", "SELECT a.id FROM emp a, emp b, emp c")
    assert verdict.status is Status.RESOURCE
    assert verdict.error == "more than 100,000 rows"
    assert verdict.rows == ()


def test_the_row_limit_itself_may_be_reached(company):
    with Executor({"company": company}, limits=Limits(max_rows=300), workers=1) as executor:
        assert len(executor.execute("company", "SELECT id FROM emp").rows) == 300
        assert executor.execute("company", "SELECT 1 FROM emp UNION ALL SELECT 2").status is Status.RESOURCE


def test_a_result_of_many_bytes_stops_at_the_byte_limit(company):
    with Executor({"company": company}, limits=Limits(max_bytes=1_000_000), workers=1) as executor:
        verdict = executor.execute("company", "SELECT zeroblob(100000) FROM emp")
        assert verdict.status is Status.RESOURCE
        assert verdict.error == "more than 1,000,000 bytes of rows"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.name || b.name || c.name AS n FROM emp a, emp b, emp c ORDER BY n",
        "SELECT a.id, count(*) FROM emp a, emp b, emp c GROUP BY a.name || b.name || c.name",
        "SELECT count(*) FROM (SELECT DISTINCT a.name || b.name || c.name FROM emp a, emp b, emp c)",
        "SELECT zeroblob(8000000) FROM emp",
    ],
)
def test_memory_stays_bounded_while_a_bomb_goes_off(company, children, sql):
    limits = Limits(timeout_s=60, memory_mib=64)
    with Executor({"company": company}, limits=limits, workers=1) as executor, ThreadPoolExecutor(1) as thread:
        before = children()
        assert executor.execute("company", "SELECT 1").ok
        (worker,) = children() - before
        pending = thread.submit(executor.execute, "company", sql)
        peak_mib = 0.0
        while not pending.done():
            peak_mib = max(peak_mib, _peak_mib(worker))
        assert pending.result().status is Status.RESOURCE
        assert peak_mib < 64 + 70  # the limit, the interpreter, and what the allocator rounds up
        assert executor.execute("company", "SELECT 2").ok


def _peak_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELEC 1", 'near "SELEC": syntax error'),
        ("Sure, here is the query", 'near "Sure": syntax error'),
        ("create a query that", "syntax error"),
        ("(SELECT 1)", "syntax error"),
        ("SELECT", "incomplete input"),
        ("\u00a0SELECT 1", "syntax error"),
        ("SELECT 'open", "unrecognized token"),
        ("SELECT missing FROM emp", "no such column: missing"),
        ("SELECT * FROM missing", "no such table: missing"),
        ("SELECT missing(1)", "no such function: missing"),
        ("SELECT ?", "bindings"),
        ("SELECT :name", "bindings"),
        ("", "no statement"),
        (" ;; -- only a comment", "no statement"),
        ("/* open", "no statement"),
        ("SELECT '\ud800'", "not valid Unicode"),
        ("SELECT 1\0; DELETE FROM emp", "NUL"),
        ("SELECT " + "(" * 2000 + "1" + ")" * 2000, ""),  # some overflow, whose name depends on the version
    ],
)
def test_a_mistake_is_an_error_in_the_words_of_sqlite(executor, sql, error):
    verdict = executor.execute("company", sql)
    assert verdict.status is Status.ERROR
    assert error in verdict.error
    assert executor.prepare("company", sql).status is Status.ERROR


def test_a_statement_of_a_megabyte_is_refused_unread(executor):
    assert executor.execute("company", "SELECT 1 -- " + "é" * 600_000).status is Status.RESOURCE
    assert executor.execute("company", "SELECT 1 -- " + "é" * 400_000).ok


def test_the_limits_leave_honest_queries_alone(executor):
    long_list = ", ".join(map(str, range(20_000)))
    many_unions = " UNION ALL ".join(["SELECT 1"] * 400)
    nested = "1" + " + 1" * 500
    for sql in (f"SELECT count(*) FROM emp WHERE id IN ({long_list})", many_unions, f"SELECT {nested}"):
        assert executor.execute("company", sql).ok
    joined = executor.execute("company", "SELECT length(group_concat(a.name || b.name)) FROM emp a, emp b")
    assert joined.rows[0][0] > 1_000_000
    assert executor.execute("company", "SELECT printf('%.*f|%5d', 2, 3.14159, 7)").rows == (("3.14|    7",),)


def test_sqlite_in_this_process_is_left_as_it_was(executor):
    executor.execute("company", "SELECT 1")
    connection = sqlite3.connect(":memory:")
    assert connection.execute("PRAGMA hard_heap_limit").fetchone() == (0,)
    connection.close()
