"""The search for a small database that tells two queries apart."""

import sqlite3

import pytest

from harness.analysis.mutation import refute
from harness.analysis.mutation.search import Search, look
from harness.execution import Executor, Limits

SCHEMA = """
CREATE TABLE dept (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, budget REAL, CHECK (budget IS NULL OR budget > 0)
);
CREATE TABLE emp (
  id INTEGER PRIMARY KEY, name TEXT, salary INTEGER, dept_id INTEGER REFERENCES dept (id), hired TEXT,
  badge TEXT NOT NULL, double_salary INTEGER GENERATED ALWAYS AS (salary * 2)
);
CREATE TABLE log (day TEXT, line INTEGER, note TEXT, PRIMARY KEY (day, line)) WITHOUT ROWID;
CREATE TABLE exact (id INTEGER PRIMARY KEY, amount INTEGER, label TEXT) STRICT;
CREATE TABLE bag (id INTEGER, name TEXT);
CREATE VIEW rich AS SELECT name, salary FROM emp WHERE salary > 100;
"""
ROWS = """
INSERT INTO dept VALUES (1, 'Sales', 10.5), (2, 'Legal', NULL);
INSERT INTO emp (id, name, salary, dept_id, hired, badge) VALUES
  (1, 'Ann', 120, 1, '1990-05-03', 'A1'), (2, 'Bob', 80, 2, '2001-12-31', 'A2');
INSERT INTO log VALUES ('2001-01-01', 1, 'x'), ('2001-01-01', 2, 'y');
INSERT INTO bag VALUES (2, 'b'), (1, 'a');
INSERT INTO exact VALUES (1, 5, 'five');
"""
JOIN = "SELECT e.name FROM emp e JOIN dept d ON e.dept_id = d.id"
TOLD_APART = {
    "operator": ("SELECT name FROM emp WHERE salary > 70", "SELECT name FROM emp WHERE salary >= 70"),
    "constant": ("SELECT count(*) FROM emp WHERE salary < 200", "SELECT count(*) FROM emp WHERE salary < 201"),
    "predicate": ("SELECT name FROM emp WHERE salary > 1 AND hired > '1980'", "SELECT name FROM emp WHERE salary > 1"),
    "distinct": ("SELECT DISTINCT name FROM emp", "SELECT name FROM emp"),
    "aggregate": ("SELECT dept_id, sum(salary) FROM emp GROUP BY 1", "SELECT dept_id, avg(salary) FROM emp GROUP BY 1"),
    "left join": (JOIN.replace("JOIN", "LEFT JOIN"), JOIN),
    "null": ("SELECT count(name) FROM emp", "SELECT count(*) FROM emp"),
    "not in": (
        "SELECT name FROM dept WHERE id NOT IN (SELECT dept_id FROM emp)",
        "SELECT name FROM dept d WHERE NOT EXISTS (SELECT 1 FROM emp WHERE dept_id = d.id)",
    ),
    "year": (
        "SELECT name FROM emp WHERE strftime('%Y', hired) > '1989'",
        "SELECT name FROM emp WHERE strftime('%Y', hired) >= '1989'",
    ),
    "like": ("SELECT name FROM emp WHERE name LIKE 'A%'", "SELECT name FROM emp WHERE name LIKE '%A%'"),
    "case": ("SELECT id FROM emp WHERE name = 'Ann'", "SELECT id FROM emp WHERE name LIKE 'Ann'"),
    "having": (
        "SELECT dept_id FROM emp GROUP BY dept_id HAVING count(*) > 3",
        "SELECT dept_id FROM emp GROUP BY dept_id HAVING count(*) > 4",
    ),
    "limit": ("SELECT name FROM emp ORDER BY salary LIMIT 5", "SELECT name FROM emp ORDER BY salary LIMIT 6"),
    "order": ("SELECT name FROM emp ORDER BY salary", "SELECT name FROM emp ORDER BY salary DESC"),
    "tie": (
        "SELECT name FROM emp ORDER BY salary DESC LIMIT 1",
        "SELECT name FROM emp WHERE salary = (SELECT max(salary) FROM emp)",
    ),
    "composite key": ("SELECT day FROM log WHERE line = 1", "SELECT DISTINCT day FROM log"),
    "strict table": ("SELECT label FROM exact WHERE amount > 7", "SELECT label FROM exact WHERE amount >= 7"),
    "view": ("SELECT name FROM rich WHERE salary > 150", "SELECT name FROM rich WHERE salary > 151"),
}
KEPT = {
    "primary key": ("SELECT DISTINCT id FROM emp", "SELECT id FROM emp"),
    "unique": ("SELECT DISTINCT name FROM dept", "SELECT name FROM dept"),
    "not null": ("SELECT count(badge) FROM emp", "SELECT count(*) FROM emp"),
    "check": ("SELECT count(budget) FROM dept WHERE budget > 0", "SELECT count(budget) FROM dept"),
    "generated": ("SELECT double_salary FROM emp", "SELECT salary * 2 FROM emp"),
    "composite key": ("SELECT DISTINCT day, line FROM log", "SELECT day, line FROM log"),
    "strict": ("SELECT id FROM exact WHERE typeof(amount) = 'text'", "SELECT id FROM exact WHERE 1 = 0"),
}


@pytest.fixture(scope="module")
def executor(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "company.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA + ROWS + "CREATE VIRTUAL TABLE words USING fts5(body);")
    connection.close()
    with Executor({"company": path}, ddl={"empty": SCHEMA}, limits=Limits(timeout_s=5), workers=1) as executor:
        yield executor


def execute_alone(script, sql):
    """Run a script and a query in a connection that has nothing to do with the executor."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(script)
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("db_id", ["company", "empty"])
@pytest.mark.parametrize("what", TOLD_APART)
def test_a_small_database_tells_different_queries_apart(executor, what, db_id):
    predicted, gold = TOLD_APART[what]
    witness = refute(executor, db_id, predicted, gold, budget=400)
    assert witness is not None
    rows = execute_alone(witness.script, predicted), execute_alone(witness.script, gold)
    assert rows == (list(witness.predicted.rows), list(witness.gold.rows))
    assert rows[0] != rows[1]
    assert 1 <= witness.databases_tried <= 400


def test_rows_of_a_table_with_a_generated_column_are_taken_over(executor):
    pair = "SELECT id FROM emp WHERE double_salary > 200", "SELECT id FROM emp WHERE double_salary > 260"
    assert refute(executor, "company", *pair, budget=100) is not None


@pytest.mark.parametrize("what", KEPT)
def test_no_database_breaks_a_declared_constraint(executor, what):
    assert refute(executor, "company", *KEPT[what], budget=150) is None


def test_the_same_seed_finds_the_same_witness(executor):
    first, second = (refute(executor, "company", *TOLD_APART["having"], budget=400, seed=7) for _ in range(2))
    assert first == second


def test_a_witness_is_made_as_small_as_it_can_be(executor):
    witness = refute(executor, "company", *TOLD_APART["distinct"], budget=100)
    assert witness is not None
    assert witness.cause == "duplicates"
    assert witness.script.count("INSERT INTO") == 2
    assert "OR IGNORE" not in witness.script
    assert "dept (" not in witness.script.replace("REFERENCES dept (", "")


@pytest.mark.parametrize("table", ["emp", "bag"])
def test_a_difference_that_hangs_on_the_order_of_rows_is_no_witness(executor, table):
    pair = f"SELECT (SELECT name FROM {table} LIMIT 1)", f"SELECT (SELECT name FROM {table} ORDER BY id DESC LIMIT 1)"
    assert refute(executor, "company", *pair, budget=100) is None
    assert look(executor, "company", pair, Search(100, lenient=True)) is not None


def test_a_bare_column_does_not_hide_another_number_of_rows(executor):
    pair = (
        "SELECT name FROM emp GROUP BY hired HAVING count(*) > 2",
        "SELECT name FROM emp GROUP BY hired HAVING count(*) > 3",
    )
    assert refute(executor, "company", *pair, budget=200) is not None
    pair = ("SELECT name, id FROM emp GROUP BY hired", "SELECT name, min(id) FROM emp GROUP BY hired")
    assert refute(executor, "company", *pair, budget=100) is None


def test_what_cannot_be_made_anew_is_not_searched(executor):
    assert refute(executor, "company", "SELECT body FROM words", "SELECT 1 FROM words", budget=20) is None
    assert (
        refute(executor, "company", "SELECT name FROM sqlite_master", "SELECT sql FROM sqlite_schema", budget=20)
        is None
    )


def test_a_gold_that_fails_refutes_nothing_and_a_prediction_that_fails_is_refuted(executor):
    works, fails = "SELECT name FROM emp", "SELECT nmae FROM emp"
    assert refute(executor, "company", works, fails, budget=20) is None
    witness = refute(executor, "company", fails, works, budget=20)
    assert witness is not None
    assert witness.cause == "error"
    assert "no such column" in witness.predicted.error


def test_random_results_are_no_witness(executor):
    assert refute(executor, "company", "SELECT random() FROM emp", "SELECT random() FROM emp", budget=20) is None


def test_nothing_is_tried_without_a_budget(executor):
    assert refute(executor, "company", *TOLD_APART["distinct"], budget=0) is None


def test_queries_that_sqlglot_does_not_read_are_searched_all_the_same(executor):
    gold = "SELECT name FROM emp WHERE salary IS NOT DISTINCT FROM 80 AND +salary NOTNULL"
    assert refute(executor, "company", "SELECT name FROM emp", gold, budget=50) is not None


ODD = {
    "deep": "SELECT " + "(" * 900 + "1" + ")" * 900 + " FROM emp",
    "long": "SELECT name FROM emp WHERE " + " AND ".join(["salary > 1"] * 900),
    "digits": "SELECT name FROM emp WHERE salary = " + "9" * 5000 + " OR name = '" + "9" * 5000 + "' LIMIT 1e3",
    "infinite": "SELECT name FROM emp WHERE salary > 1e999 OR salary < -9223372036854775808",
    "no date": "SELECT name FROM emp WHERE strftime('%m', hired) = '00' OR hired IN ('9999-12-31', '0000-00-00')",
    "circular": "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a, emp",
    "surrogate": "SELECT name FROM emp WHERE name = '\ud800'",
    "nul": "SELECT name FROM emp WHERE name = 'a\0b'",
    "command": "DELETE FROM emp",
    "nothing": "",
}


@pytest.mark.parametrize("what", ODD)
def test_no_sql_ends_the_search_and_none_is_told_from_itself(executor, what):
    assert refute(executor, "company", ODD[what], ODD[what], budget=5) is None
    refute(executor, "company", ODD[what], "SELECT name FROM emp WHERE salary > 1", budget=5)
