"""Databases that a script makes: the same guard and limits as for files, and no trace left."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.execution import Executor, Limits
from harness.types import Status

PEOPLE = """
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE pet (owner INTEGER REFERENCES person (id), name TEXT);
CREATE INDEX pet_by_owner ON pet (owner);
CREATE VIEW owners AS SELECT DISTINCT owner FROM pet;
INSERT INTO pet VALUES (7, 'Tom'), (NULL, 'Jerry');
INSERT INTO person VALUES (1, 'Ann;--'' ');
"""
ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"


@pytest.fixture
def scripts():
    with Executor({}, limits=Limits(timeout_s=1.0, memory_mib=64), workers=1) as made:
        yield made


def test_a_query_sees_what_the_script_made(scripts):
    verdict = scripts.execute_script(PEOPLE, "SELECT name FROM person UNION ALL SELECT owner FROM owners")
    assert verdict.columns == ("name",)
    assert set(verdict.rows) == {("Ann;--' ",), (7,), (None,)}


def test_foreign_keys_are_not_enforced(scripts):
    assert scripts.execute_script(PEOPLE, "SELECT count(*) FROM pet").rows == ((2,),)


def test_an_empty_script_makes_an_empty_database(scripts):
    for script in ("", "-- nothing", ";", "/* open"):
        assert scripts.execute_script(script, "SELECT count(*) FROM sqlite_master").rows == ((0,),)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("INSERT INTO nowhere VALUES (1)", "script: no such table: nowhere"),
        ("CREATE TABLE t (a", 'script: near ";": syntax error'),
        ("CREATE TABLE t (a); CREATE TABLE t (a)", "script: table t already exists"),
        ("CREATE TABLE t (a NOT NULL); INSERT INTO t VALUES (NULL)", "script: NOT NULL constraint failed: t.a"),
        ("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1), (1)", "script: UNIQUE constraint failed: t.a"),
        ("CREATE TABLE t (a);\0", "script: the SQL contains a NUL character"),
        ("CREATE TABLE t (a); -- \ud800", "script: the SQL is not valid Unicode"),
        ("BEGIN", "script: cannot start a transaction within a transaction"),
    ],
)
def test_a_script_that_fails_is_an_error_that_says_so(scripts, script, error):
    verdict = scripts.execute_script(script, "SELECT 1")
    assert (verdict.status, verdict.rows) == (Status.ERROR, ())
    assert verdict.error == error
    assert scripts.execute_script(PEOPLE, "SELECT 1").ok


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM person",
        "INSERT INTO person VALUES (2, 'x')",
        "DROP TABLE pet",
        "PRAGMA query_only = OFF",
        "ATTACH ':memory:' AS x",
        "CREATE TEMP TABLE x (a)",
        "SELECT load_extension('x')",
        "SELECT 1; SELECT 2",
    ],
)
def test_the_guard_stands_before_a_scripts_database_too(scripts, sql):
    assert scripts.execute_script(PEOPLE, sql).status is Status.FORBIDDEN
    assert scripts.execute_script(PEOPLE, "SELECT count(*) FROM person").rows == ((1,),)


@pytest.mark.parametrize(
    "script", ["ATTACH '{0}' AS x; CREATE TABLE x.t (a)", "COMMIT; VACUUM INTO '{0}'", "COMMIT; ATTACH '{0}' AS x"]
)
def test_a_script_makes_no_files(scripts, tmp_path, script):
    verdict = scripts.execute_script(script.format(tmp_path / "made.sqlite"), "SELECT 1")
    assert verdict.error.startswith("script: ")
    assert list(tmp_path.iterdir()) == []


def test_the_query_has_its_time_and_the_script_has_its_own(scripts):
    verdict = scripts.execute_script(PEOPLE, ENDLESS)
    assert (verdict.status, verdict.error) == (Status.TIMEOUT, "stopped after 1 s")
    started = time.monotonic()
    verdict = scripts.execute_script(f"CREATE TABLE t AS {ENDLESS}", "SELECT 1")
    assert (verdict.status, verdict.error) == (Status.TIMEOUT, "script: stopped after 1 s")
    assert time.monotonic() - started < 10


def test_a_script_that_no_clock_reaches_is_killed():
    with Executor({}, limits=Limits(timeout_s=0.2, memory_mib=512), workers=1) as executor:
        # One opcode that pads for seconds, which the progress handler never sees.
        verdict = executor.execute_script("CREATE TABLE t AS SELECT printf('%.*c', 2000000000, 'x')", "SELECT 1")
        assert (verdict.status, "killed" in verdict.error) == (Status.TIMEOUT, True)
        assert executor.execute_script(PEOPLE, "SELECT 1").ok


def test_a_script_has_the_memory_of_a_statement(scripts):
    huge = f"CREATE TABLE t (a); INSERT INTO t SELECT zeroblob(1000000) FROM ({ENDLESS.replace('count(*)', '1')})"
    verdict = scripts.execute_script(huge, "SELECT 1")
    assert verdict.status is Status.RESOURCE
    assert verdict.error == "script: out of memory (limit 64 MiB)"
    assert scripts.execute_script(PEOPLE, "SELECT 1").ok


def test_a_script_too_long_is_refused(scripts):
    verdict = scripts.execute_script("-" * (16 * 1024 * 1024 + 1), "SELECT 1")
    assert (verdict.status, verdict.error) == (Status.RESOURCE, "script: the SQL is longer than 16,777,216 bytes")


def test_a_script_may_be_longer_than_a_statement(scripts):
    rows = "".join(f"INSERT INTO t VALUES ({number}, '{'x' * 80}');\n" for number in range(10_000))
    assert scripts.execute_script(f"CREATE TABLE t (a, b);{rows}", "SELECT count(*) FROM t").rows == ((10_000,),)


def test_many_rows_in_one_insert_are_fine(scripts):
    values = ", ".join(f"({number})" for number in range(2_000))
    script = f"CREATE TABLE t (a); INSERT INTO t VALUES {values}"
    assert scripts.execute_script(script, "SELECT sum(a) FROM t").rows == ((1_999_000,),)


def test_the_same_question_is_answered_from_the_cache(scripts):
    first = scripts.execute_script(PEOPLE, "SELECT * FROM pet")
    assert scripts.execute_script(PEOPLE, " SELECT * FROM pet\n") is first
    assert scripts.execute_script(PEOPLE + " ", "SELECT * FROM pet") is not first


@pytest.mark.parametrize(
    ("script", "sql"),
    [
        ("CREATE TABLE t (a); INSERT INTO t VALUES (random())", "SELECT a FROM t"),
        ("CREATE TABLE t (a)", "SELECT random()"),
    ],
)
def test_what_chance_made_is_not_kept(scripts, script, sql):
    assert scripts.execute_script(script, sql) is not scripts.execute_script(script, sql)


def test_scripts_leave_neither_memory_nor_files_behind(children):
    filler = "".join(f"INSERT INTO t VALUES ('{'x' * 200}');" for _ in range(500))
    with Executor({}, limits=Limits(memory_mib=16), workers=1) as executor:
        before = children()

        def run(first: int, last: int) -> None:
            for number in range(first, last):  # 0.1 MB of rows each: a hundred would fill the limit
                script = f"CREATE TABLE t (a); INSERT INTO t VALUES ({number}); {filler}"
                assert executor.execute_script(script, "SELECT a FROM t LIMIT 1").rows == ((number,),)

        run(0, 50)
        (worker,) = children() - before
        memory, files = resident_bytes(worker), open_files(worker)
        run(50, 450)
        assert children() - before == {worker}
        assert resident_bytes(worker) < memory + 4_000_000
        assert open_files(worker) == files


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_threads_with_scripts_of_their_own_do_not_meet():
    def ask(number: int) -> bool:
        script = f"CREATE TABLE t (a); INSERT INTO t VALUES ({number % 7})"
        return executor.execute_script(script, f"SELECT a, {number} FROM t").rows == ((number % 7, number),)

    with Executor({}, workers=2) as executor, ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(200)))
