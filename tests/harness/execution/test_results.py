import sqlite3
from pathlib import Path

import pytest

from harness.errors import DataError, RunError, UsageError
from harness.execution import Executor, Limits
from harness.types import Status


def test_cells_keep_their_types(executor):
    verdict = executor.execute("company", "SELECT 1 AS i, 1.0 AS f, '1' AS s, x'01' AS b, NULL AS n, 'é' AS u")
    assert verdict.columns == ("i", "f", "s", "b", "n", "u")
    assert [(type(cell), cell) for cell in verdict.rows[0]] == [
        (int, 1),
        (float, 1.0),
        (str, "1"),
        (bytes, b"\x01"),
        (type(None), None),
        (str, "é"),
    ]
    assert verdict.elapsed_s > 0


def test_extreme_numbers_come_through(executor):
    verdict = executor.execute("company", "SELECT 9223372036854775807, -9223372036854775808, 9e999, -9e999, 1e-320")
    assert verdict.rows == ((2**63 - 1, -(2**63), float("inf"), float("-inf"), 1e-320),)


def test_rows_equal_those_of_a_plain_connection(executor, company):
    sql = "SELECT a.*, b.name AS name, a.salary / 7 FROM emp a JOIN emp b ON a.id % 50 = b.id % 50 ORDER BY 1, b.id"
    connection = sqlite3.connect(f"file:{company}?mode=ro", uri=True)
    assert list(executor.execute("company", sql).rows) == connection.execute(sql).fetchall()
    connection.close()


def test_no_rows_still_have_columns(executor):
    verdict = executor.execute("company", "SELECT id, id AS other FROM emp WHERE 0")
    assert (verdict.status, verdict.columns, verdict.rows) == (Status.OK, ("id", "other"), ())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1;",
        "; SELECT 1",
        "-- why\nSELECT 1 -- because",
        "/* a */ WITH q AS (SELECT 1) SELECT * FROM q /* open",
        "VALUES (1)",
        "SELECT value FROM json_each('[1]')",
        "SELECT 1 FROM search WHERE search MATCH 'quick'",
        "SELECT count(*) FROM (SELECT * FROM well_paid LIMIT 1)",
        "SELECT count(*) FROM sqlite_master WHERE name = 'emp'",
        "SELECT row_number() OVER (ORDER BY id) FROM emp LIMIT 1",
        "SELECT '{\"a\": 1}' ->> 'a'",
        "SELECT date('2020-01-01') LIKE '2020%'",
        "SELECT random() IS NOT NULL",
        'SELECT CAST("id" = 0 AS INTEGER) FROM emp LIMIT 1',
        "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t LIMIT 5) SELECT min(x) FROM t",
    ],
)
def test_honest_queries_run(executor, sql):
    assert executor.execute("company", sql).rows == ((1,),)
    assert executor.prepare("company", sql).ok


def test_text_that_is_not_utf8_comes_as_bytes_and_other_text_does_not(executor):
    sql = "SELECT name, CASE id WHEN 250 THEN CAST(note AS TEXT) ELSE 'plain' END FROM emp ORDER BY id"
    rows = executor.execute("company", sql).rows
    assert len(rows) == 300
    assert rows[250] == ("name 250", b"\xff")
    assert rows[0] == ("name 0", "plain")
    assert executor.execute("company", "SELECT 'still text'").rows == (("still text",),)


def test_a_column_name_that_is_not_utf8_is_no_crash(tmp_path):
    path = tmp_path / "latin.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (caf_ TEXT)")
    connection.commit()
    connection.close()
    path.write_bytes(path.read_bytes().replace(b"caf_", b"caf\xe9"))
    with Executor({"latin": path}, workers=1) as executor:
        assert executor.execute("latin", "SELECT * FROM t").status in (Status.OK, Status.ERROR)
        assert executor.execute("latin", "SELECT 1").ok


def test_a_path_may_hold_any_character(tmp_path):
    folder = tmp_path / "50% of #1? é & more"
    folder.mkdir()
    path = folder / "a b?.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t AS SELECT 7 AS x")
    connection.close()
    with Executor({"odd": path}, workers=1) as executor:
        assert executor.execute("odd", "SELECT x FROM t").rows == ((7,),)
    assert [one.name for one in folder.iterdir()] == ["a b?.sqlite"]


def test_a_relative_path_is_found(company, monkeypatch):
    monkeypatch.chdir(company.parent)
    with Executor({"company": Path("company.sqlite")}, workers=1) as executor:
        assert executor.execute("company", "SELECT 1").ok


def test_prepare_compiles_without_running(executor):
    endless = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT x FROM t"
    verdict = executor.prepare("company", endless)
    assert (verdict.status, verdict.rows) == (Status.OK, ())


@pytest.mark.parametrize("sql", ["QUERY PLAN SELECT 1", "/* a */ query plan select name from emp", "QUERY"])
def test_what_only_explain_would_make_a_statement_does_not_compile(executor, sql):
    assert (executor.prepare("company", sql).status, executor.execute("company", sql).status) == ("error", "error")


@pytest.mark.parametrize("call", ["execute", "prepare"])
def test_many_comments_behind_printf_cost_no_time(executor, call):
    verdict = getattr(executor, call)("company", f"SELECT printf{'/**/' * 40}, '%999999d' FROM emp")
    assert verdict.error == "no such column: printf"


def test_prepare_without_a_file_uses_the_schema(company):
    ddl = {"paper": "CREATE TABLE sheet (id INTEGER, size TEXT); CREATE TABLE pen (id INTEGER);"}
    with Executor({"company": company}, ddl=ddl, workers=1) as executor:
        assert executor.prepare("paper", "SELECT size FROM sheet JOIN pen USING (id)").ok
        assert executor.prepare("paper", "SELECT colour FROM sheet").error == "no such column: colour"
        assert executor.prepare("paper", "DROP TABLE sheet").status is Status.FORBIDDEN
        assert executor.prepare("paper", "SELECT size FROM sheet").ok
        with pytest.raises(DataError, match="paper: there is no database"):
            executor.execute("paper", "SELECT 1")


def test_a_schema_that_cannot_be_built_is_a_data_error():
    with (
        Executor({}, ddl={"paper": "CREATE TABLE a (x"}, workers=1) as executor,
        pytest.raises(DataError, match="paper: the schema cannot be built"),
    ):
        executor.prepare("paper", "SELECT 1")


def test_a_database_that_cannot_be_read_is_a_data_error_naming_the_file(tmp_path, company):
    text = tmp_path / "text.sqlite"
    text.write_text("This is no database, it only has its name.\n" * 100)
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    torn = tmp_path / "torn.sqlite"
    content = company.read_bytes()
    torn.write_bytes(content[:4096] + b"\x55" * (len(content) - 4096))
    folder = tmp_path / "folder.sqlite"
    folder.mkdir()
    missing = tmp_path / "missing.sqlite"
    paths = {path.stem: path for path in (text, empty, torn, folder, missing)}
    with Executor({**paths, "company": company}, workers=1) as executor:
        for name, path in paths.items():
            with pytest.raises(DataError, match=f"^{path}: "):
                executor.execute(name, "SELECT * FROM emp")
        assert executor.execute("company", "SELECT 1").ok
        with pytest.raises(DataError, match="nobody: there is no database"):
            executor.execute("nobody", "SELECT 1")


def test_changes_that_wait_in_a_log_are_a_data_error(tmp_path):
    path = tmp_path / "busy.sqlite"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL").fetchall()
    writer.execute("CREATE TABLE t (x)")
    writer.commit()
    with Executor({"busy": path}, workers=1) as executor:
        with pytest.raises(DataError, match=r"changes wait in busy\.sqlite-wal"):
            executor.execute("busy", "SELECT * FROM t")
        writer.close()
        assert executor.execute("busy", "SELECT * FROM t").ok


def test_more_databases_than_a_worker_keeps_open_all_answer(tmp_path):
    paths = {}
    for number in range(20):
        path = tmp_path / f"{number}.sqlite"
        connection = sqlite3.connect(path)
        connection.execute(f"CREATE TABLE t AS SELECT {number} AS x")
        connection.close()
        paths[str(number)] = path
    with Executor(paths, workers=1) as executor:
        for repeat in range(2):
            for name in paths:
                assert executor.execute(name, f"SELECT x, {repeat} FROM t").rows == ((int(name), repeat),)


def test_a_closed_executor_says_so(company):
    executor = Executor({"company": company}, workers=1)
    executor.execute("company", "SELECT 1")
    executor.close()
    executor.close()
    with pytest.raises(RunError, match="closed"):
        executor.execute("company", "SELECT 2")


def test_the_longest_time_limit_still_works(company):
    with Executor({"company": company}, limits=Limits(timeout_s=86_400, memory_mib=1 << 24), workers=1) as executor:
        assert executor.execute("company", "SELECT 1").rows == ((1,),)


def test_limits_that_nothing_can_meet_are_a_usage_error():
    with pytest.raises(UsageError, match=r"timeout_s must be at least 0\.001; max_rows"):
        Limits(timeout_s=0, max_rows=0)
    with pytest.raises(UsageError, match="timeout_s"):
        Limits(timeout_s=float("nan"))
    for endless in (float("inf"), 1e300, 86_401):
        with pytest.raises(UsageError, match="timeout_s must be a number of at most 86400"):
            Limits(timeout_s=endless)
    with pytest.raises(UsageError, match=r"timeout_s must be at least 0\.001"):
        Limits(timeout_s=-1)
    with pytest.raises(UsageError, match="memory_mib must be at most"):
        Limits(memory_mib=10**15)
    with pytest.raises(UsageError, match="must not be negative"):
        Executor({}, workers=-1)
