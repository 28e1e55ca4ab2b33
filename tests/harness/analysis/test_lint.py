import sqlite3
from functools import partial

import pytest

from harness.analysis.lint import KINDS, Flag, lint_dataset, lint_gold
from harness.analysis.lint.subqueries import read_blocks
from harness.datasets import read_sqlite
from harness.execution import Executor, Limits
from harness.types import Dataset, Example, Execution, Status

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"

# kind, a gold that has it
FLAGGED = [
    ("fails", "SELECT 1 UNION SELECT 1, 2"),
    ("fails", "DELETE FROM player"),
    ("timeout", ENDLESS),
    ("empty", "SELECT name FROM player WHERE id < 0"),
    ("only_null", "SELECT SUM(goals) FROM player WHERE id < 0"),
    ("only_null", "SELECT goals FROM player WHERE name = 'Dee'"),
    ("not_grounded", "SELECT nmae FROM player"),
    ("not_grounded", "SELECT name FROM palyer"),
    ("not_grounded", 'SELECT "nmae" FROM player'),
    ("not_grounded", 'SELECT name FROM player ORDER BY "shoe size"'),
    ("volatile", "SELECT STRFTIME('%Y', 'now') - year FROM player"),
    ("volatile", "SELECT CURRENT_DATE"),
    ("volatile", "SELECT name FROM player ORDER BY RANDOM()"),
    ("tie_at_limit", "SELECT name FROM player ORDER BY team_id LIMIT 1"),
    ("tie_at_limit", "SELECT name FROM player ORDER BY team_id LIMIT 1 OFFSET 1"),
    ("tie_at_limit", "SELECT team_id FROM player GROUP BY team_id ORDER BY COUNT(*) DESC LIMIT 1"),
    ("tie_at_limit", "SELECT name FROM player WHERE id = (SELECT id FROM player ORDER BY team_id LIMIT 1)"),
    ("tie_at_limit", "WITH p AS (SELECT * FROM player) SELECT name FROM (SELECT * FROM p ORDER BY team_id LIMIT 1)"),
    ("tie_at_limit", "SELECT name FROM player WHERE id IN (SELECT id FROM player ORDER BY team_id LIMIT 3)"),
    ("unordered_limit", "SELECT name FROM player LIMIT 2"),
    ("unordered_limit", "SELECT name FROM player WHERE id IN (SELECT id FROM player LIMIT 1)"),
    ("null_first", "SELECT name FROM player ORDER BY goals LIMIT 1"),
    ("null_first", "SELECT name, goals FROM player ORDER BY 2 ASC LIMIT 1"),
    ("null_first", "SELECT name, goals AS g FROM player ORDER BY g LIMIT 1"),
    ("null_first", "SELECT name FROM player ORDER BY goals DESC NULLS FIRST LIMIT 1"),
    ("text_as_number", "SELECT name FROM player ORDER BY height DESC"),
    ("text_as_number", "SELECT MAX(height) FROM player"),
    ("text_as_number", "SELECT name, height AS h FROM player ORDER BY h"),
    ("text_as_number", "SELECT COUNT(*) FROM player AS p WHERE p.height > 100"),
    ("text_as_number", "SELECT COUNT(*) FROM player WHERE '100' <= height"),
    ("text_as_number", "SELECT COUNT(*) FROM team JOIN player USING (id) WHERE height BETWEEN 95 AND 190"),
    ("bare_column", "SELECT name, COUNT(*) FROM player GROUP BY team_id"),
    ("bare_column", "SELECT name, COUNT(*) FROM player"),
    ("bare_column", "SELECT goals FROM player GROUP BY team_id HAVING COUNT(*) > 1"),
    ("bare_column", "SELECT team_id FROM player GROUP BY team_id ORDER BY goals"),
    ("bare_column", "SELECT COUNT(*) * goals FROM player"),
    ("bare_column", "SELECT goals, COUNT(*) FROM player WHERE team_id = 2"),
    ("bare_column", "SELECT name, COUNT(*) AS n FROM player GROUP BY team_id ORDER BY n"),
    ("row_order", "SELECT GROUP_CONCAT(name) FROM player"),
    ("row_order", "SELECT name, COUNT(*) FROM player"),
]
# kind, a gold that looks like it but is sound
SOUND = [
    ("fails", "SELECT name FROM player"),
    ("timeout", "SELECT COUNT(*) FROM player"),
    ("empty", "SELECT COUNT(*) FROM player WHERE id < 0"),
    ("only_null", "SELECT name, goals FROM player WHERE name = 'Dee'"),
    ("only_null", "SELECT name FROM player WHERE id < 0"),
    ("not_grounded", 'SELECT p."name" FROM player AS p WHERE rowid = 1'),
    ("not_grounded", 'SELECT name FROM player WHERE name = "Zorro the Great"'),
    ("volatile", "SELECT STRFTIME('%Y', '2020-01-01') - year FROM player"),
    ("volatile", "SELECT name FROM player WHERE name = 'random()'"),
    ("volatile", "SELECT name FROM player WHERE name IN ('Snow', 'now or never', 'it''s now')"),
    ("tie_at_limit", "SELECT name FROM player ORDER BY id LIMIT 1"),
    ("tie_at_limit", "SELECT name FROM player ORDER BY team_id LIMIT 2"),
    ("tie_at_limit", "SELECT team_id FROM player ORDER BY team_id LIMIT 1"),
    ("tie_at_limit", "SELECT name FROM player ORDER BY team_id"),
    ("tie_at_limit", "SELECT COUNT(*) FROM player WHERE id = (SELECT id FROM player ORDER BY team_id LIMIT 1)"),
    ("tie_at_limit", "SELECT name FROM player ORDER BY team_id LIMIT 100"),
    ("unordered_limit", "SELECT name FROM player ORDER BY id LIMIT 2"),
    ("unordered_limit", "SELECT name FROM player LIMIT 100"),
    ("unordered_limit", "SELECT COUNT(*) FROM player LIMIT 1"),
    ("unordered_limit", "SELECT 1 FROM player LIMIT 1"),
    ("unordered_limit", "SELECT name FROM player WHERE EXISTS (SELECT id FROM player LIMIT 1)"),
    ("null_first", "SELECT name FROM player ORDER BY goals"),
    ("null_first", "SELECT name FROM player ORDER BY goals DESC LIMIT 4"),
    ("null_first", "SELECT name FROM player ORDER BY goals NULLS LAST LIMIT 1"),
    ("null_first", "SELECT name FROM player WHERE goals IS NOT NULL ORDER BY goals LIMIT 1"),
    ("null_first", "SELECT name FROM player WHERE goals IS NULL ORDER BY goals LIMIT 1"),
    ("text_as_number", "SELECT name FROM player ORDER BY CAST(height AS INTEGER) DESC"),
    ("text_as_number", "SELECT name FROM player ORDER BY year"),
    ("text_as_number", "SELECT MAX(name) FROM player"),
    ("text_as_number", "SELECT code FROM badge ORDER BY code"),
    ("text_as_number", "SELECT name FROM player WHERE year > 1999"),
    ("text_as_number", "SELECT SUM(height) FROM player"),
    ("text_as_number", "SELECT name FROM player WHERE height = 95"),
    ("text_as_number", "SELECT MAX(goals) FROM player"),
    ("text_as_number", "WITH player AS (SELECT 1 AS height) SELECT MAX(height) FROM player"),
    ("bare_column", "SELECT team_id, COUNT(*) FROM player GROUP BY team_id"),
    ("bare_column", "SELECT t.name, COUNT(*) FROM player AS p JOIN team AS t ON t.id = p.team_id GROUP BY t.id"),
    ("bare_column", "SELECT name, MAX(goals) FROM player"),
    ("bare_column", "SELECT UPPER(year), COUNT(*) AS n FROM player GROUP BY UPPER(year) ORDER BY n"),
    ("bare_column", "SELECT name, COUNT(*) OVER () FROM player"),
    ("bare_column", "SELECT team_id, COUNT(*) FROM player WHERE id = 1"),
    ("bare_column", "SELECT COUNT(*), (SELECT name FROM player WHERE id = 1) FROM player"),
    ("row_order", "SELECT name FROM player"),
    ("row_order", "SELECT name FROM player ORDER BY team_id LIMIT 1"),
    ("row_order", "SELECT SUM(goals) FROM player"),
    ("row_order", "SELECT RANDOM()"),
]


@pytest.fixture(scope="module")
def league(tmp_path_factory):
    path = tmp_path_factory.mktemp("league") / "league.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE player (id INTEGER PRIMARY KEY, name TEXT, team_id INTEGER, goals INTEGER, height TEXT, year TEXT);
        CREATE TABLE badge (code TEXT);
        INSERT INTO badge VALUES ('A1'), ('B2'), ('C3'), ('10'), ('9');
        INSERT INTO team VALUES (1, 'Reds'), (2, 'Blues');
        INSERT INTO player VALUES (1, 'Ann', 1, 3, '95', '1998'), (2, 'Bob', 1, 5, '180', '1999'),
                                  (3, 'Cat', 2, 7, '201', '2000'), (4, 'Dee', 2, NULL, '175', '2001');
        """
    )
    connection.close()
    return path


@pytest.fixture(scope="module")
def executor(league):
    with Executor({"league": league}, limits=Limits(timeout_s=0.3, memory_mib=256), workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def lint(league, executor):
    schema = read_sqlite(league)

    def look(sql):
        gold, backwards = executor.execute("league", sql), executor.execute_reversed("league", sql)
        return lint_gold(sql, schema, gold, lambda probe: executor.execute("league", probe), backwards)

    return look


@pytest.mark.parametrize(("kind", "sql"), FLAGGED)
def test_a_doubtful_gold_is_flagged(lint, kind, sql):
    assert kind in [flag.kind for flag in lint(sql)]


@pytest.mark.parametrize(("kind", "sql"), SOUND)
def test_a_sound_gold_is_not_flagged(lint, kind, sql):
    assert kind not in [flag.kind for flag in lint(sql)]


def test_every_kind_has_a_case_on_both_sides():
    assert {kind for kind, _ in FLAGGED} == {kind for kind, _ in SOUND} == set(KINDS) - {"float_order"}


@pytest.mark.parametrize(
    ("forwards", "backwards", "kinds"),
    [
        (0.1 + 0.2, 0.3, ["float_order"]),
        (0.3, 0.3, []),
        (0.3, 0.3001, ["row_order"]),
        (1, 2, ["row_order"]),
        ("0.3", 0.3, ["row_order"]),
    ],
)
def test_the_last_digits_of_a_float_are_told_from_other_rows(league, executor, forwards, backwards, kinds):
    # How SQLite adds up floats, and so whether the order shows, changed with its version 3.43.
    gold, turned = (Execution(Status.OK, ("SUM(x)",), ((value,),)) for value in (forwards, backwards))
    run = partial(executor.execute, "league")
    flags = lint_gold("SELECT COUNT(*) FROM player", read_sqlite(league), gold, run, turned)
    assert [flag.kind for flag in flags] == kinds


def test_flags_come_once_each_and_in_order(lint):
    flags = lint("SELECT name FROM player WHERE height > 100 AND height > 100 ORDER BY height, goals LIMIT 3")
    assert [flag.kind for flag in flags] == ["text_as_number", "text_as_number"]
    flags = lint("SELECT GROUP_CONCAT(name), goals FROM player WHERE id > 0")
    assert [flag.kind for flag in flags] == ["bare_column", "row_order"]


def test_a_message_says_what_is_cut(lint):
    (flag,) = lint("SELECT name FROM player ORDER BY team_id LIMIT 1")
    assert flag == Flag("tie_at_limit", "LIMIT 1 keeps 1 of 2 rows (2 different) that tie in its ORDER BY")


def test_without_a_reversed_execution_row_order_is_not_looked_at(league, executor):
    sql = "SELECT GROUP_CONCAT(name) FROM player"
    assert lint_gold(sql, read_sqlite(league), executor.execute("league", sql), executor.execute, None) == ()


def test_every_gold_of_a_data_set_is_looked_at(league, executor):
    examples = (
        Example(1, "league", "?", "SELECT name FROM player"),
        Example(2, "league", "?", "SELECT 1", alternative_gold_sql=("SELECT 1 WHERE 0",)),
        Example(3, "elsewhere", "?", "SELECT 1 WHERE 0"),
    )
    dataset = Dataset("d", "dev", examples, {"league": read_sqlite(league)}, {"league": league})
    found = [(example.question_id, [flag.kind for flag in flags]) for example, flags in lint_dataset(dataset, executor)]
    assert found == [(1, []), (2, ["empty"])]


@pytest.mark.parametrize(
    ("sql", "inner"),
    [
        ("SELECT 1", []),
        ("SELECT a FROM (SELECT b FROM t) WHERE c IN (SELECT d FROM u)", ["SELECT b FROM t", "SELECT d FROM u"]),
        ("SELECT (SELECT (SELECT 1))", ["SELECT (SELECT 1)", "SELECT 1"]),
        ("SELECT 1 WHERE EXISTS (SELECT 2)", []),
        ("SELECT '(SELECT 1)', COUNT(*)", []),
        ("VALUES (1)", []),
        ("", []),
        ("SELECT 1 FROM (SELECT 2", ["SELECT 2"]),
    ],
)
def test_queries_in_brackets_are_read_as_they_stand(sql, inner):
    assert [block.sql for block in read_blocks(sql) if not block.outer] == inner


def test_a_query_in_brackets_can_run_with_the_statements_own_tables():
    sql = "WITH c AS (SELECT 1 AS a) SELECT * FROM (SELECT a FROM c ORDER BY a LIMIT 1);"
    blocks = list(read_blocks(sql))
    assert [block.runnable for block in blocks] == [
        sql[:-1],
        "WITH c AS (SELECT 1 AS a) SELECT 1 AS a",
        "WITH c AS (SELECT 1 AS a) SELECT a FROM c ORDER BY a LIMIT 1",
    ]
    assert blocks[2].extend("b", tail=True) == "WITH c AS (SELECT 1 AS a) SELECT a, b FROM c ORDER BY a LIMIT 1"
    assert blocks[2].extend("b", tail=False) == "WITH c AS (SELECT 1 AS a) SELECT a, b FROM c"
