"""Ties: what an ORDER BY leaves open, and nothing more."""

import sqlite3
from itertools import permutations

import pytest

from harness.analysis.clauses import read_select, tokenize
from harness.analysis.ordering import Ties, find_ties, is_limited, is_ordered
from harness.types import Execution, Status

ROWS = [
    (1, "ann", 10, "x"),
    (2, "Ann", 10, "y"),
    (3, "bob", 20, "x"),
    (4, "cid", None, "y"),
    (5, "dan", 20, "z"),
]


@pytest.fixture
def run():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, score INTEGER, team TEXT)")
    connection.execute("CREATE TABLE u (id INTEGER, size INTEGER)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", ROWS)
    connection.executemany("INSERT INTO u VALUES (?, ?)", [(1, 5), (2, 5), (3, 4), (9, 1)])

    def execute(sql):
        try:
            cursor = connection.execute(sql)
            columns = tuple(column[0] for column in cursor.description)
            return Execution(Status.OK, columns, tuple(cursor.fetchall()))
        except sqlite3.Error as error:
            return Execution(Status.ERROR, error=str(error))

    yield execute
    connection.close()


def ordered_by(*keys):
    """Return a check that rows ascend by the key of their id."""
    known = dict(zip(range(1, 6), keys, strict=True))
    return lambda rows: [known[row[0]] for row in rows] == sorted(known[row[0]] for row in rows)


SCORE = (1, 1, 2, 0, 2)


@pytest.mark.parametrize(
    ("sql", "keys"),
    [
        ("SELECT id FROM t ORDER BY score", SCORE),
        ("SELECT id FROM t ORDER BY t.score", SCORE),
        ("SELECT id FROM t AS T1 ORDER BY T1.score ASC -- limit 1", SCORE),
        ("SELECT id FROM t ORDER BY score DESC;", [-key for key in SCORE]),
        ("SELECT id FROM t ORDER BY score NULLS LAST", (1, 1, 2, 3, 2)),
        ("SELECT id FROM t ORDER BY score DESC NULLS FIRST", (2, 2, 1, 0, 1)),
        ("SELECT id, score FROM t ORDER BY 2", SCORE),
        ("SELECT id, score FROM t ORDER BY (2)", SCORE),
        ("SELECT id, score FROM t ORDER BY +2 DESC", [-key for key in SCORE]),
        ("SELECT id, score AS s FROM t ORDER BY s", SCORE),
        ("SELECT id, score s FROM t ORDER BY S DESC", [-key for key in SCORE]),
        ("SELECT id, score AS 's p' FROM t ORDER BY \"s p\"", SCORE),
        ("SELECT id, score AS s FROM t ORDER BY (s)", SCORE),
        ("SELECT *, score AS s FROM t ORDER BY s", SCORE),
        ("SELECT id, t.*, score AS s, u.* FROM t LEFT JOIN u USING (id) ORDER BY s", SCORE),
        ("SELECT id, team AS score FROM t ORDER BY score", (0, 1, 0, 1, 2)),
        ("SELECT id, -score AS score FROM t ORDER BY abs(score)", SCORE),
        ("SELECT id, score AS s FROM t ORDER BY -s", (2, 2, 1, 0, 1)),
        ("SELECT id, score AS s FROM t ORDER BY -\"s\", 'id'", (2, 2, 1, 0, 1)),
        ("SELECT id, score / 100 AS s FROM t ORDER BY s IS NULL", (0, 0, 0, 1, 0)),
        ("SELECT id FROM t ORDER BY name", (0, 0, 1, 2, 3)),
        ("SELECT id FROM t ORDER BY name COLLATE BINARY", (1, 0, 2, 3, 4)),
        ("SELECT id, name AS n FROM t ORDER BY n COLLATE BINARY DESC", (-1, 0, -2, -3, -4)),
        ("SELECT id, team || name AS n FROM t ORDER BY n COLLATE NOCASE", (0, 3, 1, 4, 5)),
        ("SELECT id FROM t ORDER BY team = 'X' COLLATE NOCASE", (1, 0, 1, 0, 0)),
        ("SELECT id FROM t ORDER BY (team || '') COLLATE NOCASE", (0, 1, 0, 1, 2)),
        ("SELECT id FROM t ORDER BY CASE WHEN team = 'x' THEN 0 ELSE 1 END, score DESC", (1, 4, 0, 5, 3)),
        ("SELECT id FROM t ORDER BY (SELECT max(size) FROM u WHERE u.id = t.id)", (2, 2, 1, 0, 0)),
        ("SELECT id FROM t GROUP BY id ORDER BY count(*)", (0, 0, 0, 0, 0)),
        ("SELECT min(id) FROM t GROUP BY id ORDER BY max(score) DESC", [-key for key in SCORE]),
        ("SELECT DISTINCT id FROM t ORDER BY score", SCORE),
        ("SELECT id, rank() OVER (ORDER BY score) AS r FROM t ORDER BY r", SCORE),
        ("SELECT id FROM t WINDOW w AS (ORDER BY score) ORDER BY rank() OVER w", SCORE),
        ("WITH q AS (SELECT id, score FROM t ORDER BY id LIMIT 9) SELECT id FROM q ORDER BY score", SCORE),
        ("SELECT id, score FROM t WHERE id < 3 UNION ALL SELECT id, score FROM t WHERE id > 2 ORDER BY score", SCORE),
        ("SELECT t.id, t.score FROM t UNION SELECT id, score FROM t ORDER BY score DESC", [-key for key in SCORE]),
        ("SELECT id, -score FROM t EXCEPT SELECT 9, 9 ORDER BY -score", (1, 1, 0, -1, 0)),
        ("SELECT id, score IS DISTINCT FROM 10 AS d FROM t ORDER BY d", (0, 0, 1, 1, 1)),
    ],
)
def test_exactly_the_orders_that_agree_with_the_keys_are_allowed(run, sql, keys):
    gold = run(sql)
    if not gold.ok and "syntax error" in gold.error:
        pytest.skip(f"SQLite {sqlite3.sqlite_version} does not know this")
    assert gold.ok, gold.error
    ties = find_ties(sql, gold, run)
    assert isinstance(ties, Ties), ties
    agree = ordered_by(*keys)
    assert agree(gold.rows)
    for rows in permutations(gold.rows):
        assert ties.allow(rows) == agree(rows), rows


@pytest.mark.parametrize(
    ("sql", "allowed", "excluded"),
    [
        ("SELECT id FROM t ORDER BY score DESC LIMIT 1", [[3], [5]], [[1], [4], [], [3, 5]]),
        ("SELECT id FROM t ORDER BY score DESC LIMIT 3", [[3, 5, 1], [5, 3, 2]], [[3, 1, 5], [3, 5, 4], [3, 3, 1]]),
        ("SELECT id FROM t ORDER BY score LIMIT 2 OFFSET 1", [[1, 2], [2, 1]], [[1, 3], [4, 1], [1, 1]]),
        ("SELECT id FROM t ORDER BY score LIMIT 2, 3", [[1, 3, 5], [2, 5, 3]], [[4, 1, 2], [3, 5], [3, 1, 5]]),
        ("SELECT id FROM t ORDER BY score LIMIT 1 + 1", [[4, 1], [4, 2]], [[1, 4], [4, 3]]),
        ("SELECT id FROM t ORDER BY score LIMIT (SELECT 1)", [[4]], [[1]]),
        ("SELECT id FROM t ORDER BY score LIMIT '2' OFFSET 0.0", [[4, 1], [4, 2]], [[1, 4]]),
        ("SELECT id FROM t ORDER BY score LIMIT -1 OFFSET 3", [[3, 5], [5, 3]], [[1, 3], [3, 3]]),
        ("SELECT id FROM t ORDER BY score LIMIT 2 OFFSET -7", [[4, 1], [4, 2]], [[1, 2]]),
        ("SELECT id FROM t ORDER BY score LIMIT 99", [[4, 1, 2, 3, 5], [4, 2, 1, 5, 3]], [[1, 2, 3, 4, 5]]),
        ("SELECT id FROM t LIMIT 2", [[1, 2], [5, 3]], [[1, 1], [1, 9], [1]]),
        ("SELECT DISTINCT team FROM t LIMIT 2 OFFSET 1", [["x", "y"], ["z", "x"]], [["x", "x"], ["x", "w"]]),
        ("SELECT team FROM t GROUP BY 1 ORDER BY count(*) DESC LIMIT 1", [["x"], ["y"]], [["z"]]),
        ("SELECT DISTINCT team FROM t ORDER BY team LIMIT 1", [["x"]], [["y"]]),
        ("SELECT team FROM t UNION SELECT 'a' LIMIT 1", [["a"], ["z"]], [["b"]]),
        ("SELECT id FROM t ORDER BY 'score' LIMIT 1", [[1], [5]], [[9]]),
    ],
)
def test_a_limit_may_cut_a_tie_anywhere(run, sql, allowed, excluded):
    ties = find_ties(sql, run(sql), run)
    assert isinstance(ties, Ties), ties
    for values in allowed:
        assert ties.allow([(value,) for value in values]), values
    for values in excluded:
        assert not ties.allow([(value,) for value in values]), values


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT DISTINCT team FROM t ORDER BY id DESC", "DISTINCT"),
        ("SELECT id FROM t ORDER BY Random()", "the gold is random"),
        ("SELECT id, size FROM u UNION SELECT size, id + 1 FROM u ORDER BY id + 1", "none of its columns"),
        ("SELECT u.*, 1 AS a, u.* FROM u UNION SELECT 1, 2, 3, 4, 5 ORDER BY a", "none of its columns"),
        ("VALUES (1), (2)", "not a SELECT"),
    ],
)
def test_where_ties_cannot_be_told_there_is_a_reason(run, sql, why):
    gold = run(sql)
    assert gold.ok, gold.error
    reason = find_ties(sql, gold, run)
    assert isinstance(reason, str)
    assert why in reason


def test_a_gold_whose_rows_the_ties_do_not_give_is_a_reason(run):
    sql = "SELECT id FROM t ORDER BY score"
    gold = run(sql)
    wrong = Execution(Status.OK, gold.columns, gold.rows[::-1])
    assert find_ties(sql, wrong, run) == "the query for its ties does not give the gold's rows"


def test_a_key_query_that_fails_is_a_reason(run):
    sql = "SELECT id FROM t ORDER BY score"
    reason = find_ties(sql, run(sql), lambda _: Execution(Status.TIMEOUT, error="30 s"))
    assert reason == "its ties cannot be queried: timeout: 30 s"


def test_the_whole_result_is_not_fetched_for_one_row(run):
    asked = []

    def listen(sql):
        asked.append(run(sql))
        return asked[-1]

    sql = "SELECT id FROM t ORDER BY score LIMIT 1"
    assert isinstance(find_ties(sql, run(sql), listen), Ties)
    assert [len(execution.rows) for execution in asked] == [1]


@pytest.mark.parametrize(
    ("sql", "ordered", "limited"),
    [
        ("SELECT a FROM t ORDER BY a", True, False),
        ("select a from t order\n/* by */ by a limit 3;", True, True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 1)", False, False),
        ("WITH q AS (SELECT a FROM t ORDER BY a LIMIT 1) SELECT a FROM q", False, False),
        ("SELECT rank() OVER (ORDER BY a) FROM t", False, False),
        ("SELECT 'x order by y limit 1' FROM t -- order by a limit 1", False, False),
        ('SELECT "order by", [limit 1], `order` FROM t', False, False),
        ("SELECT a FROM t UNION SELECT b FROM t ORDER BY 1", True, False),
        ("SELECT a FROM t WHERE a = (SELECT max(a) FROM t ORDER BY 1 LIMIT 1)", False, False),
        ("SELECT a IS DISTINCT FROM b FROM t LIMIT 1", False, True),
        ("VALUES (1)", False, False),
        ("", False, False),
    ],
)
def test_only_the_statements_own_clauses_count(sql, ordered, limited):
    assert (is_ordered(sql), is_limited(sql)) == (ordered, limited)


@pytest.mark.parametrize(
    ("item", "alias"),
    [
        ("a", ""),
        ("t.a", ""),
        ("a AS b", "b"),
        ("a b", "b"),
        ('count(*) "B c"', "b c"),
        ("count(*) 'b'", "b"),
        ("CASE WHEN a THEN b ELSE c END", ""),
        ("CASE WHEN a THEN b END d", "d"),
        ("a IS NULL", ""),
        ("NOT a", ""),
        ("a COLLATE NOCASE", ""),
        ("a NOTNULL", ""),
        ("-1", ""),
        ("a || b", ""),
        ("x'ab' y", "y"),
        ("CAST(a AS INTEGER)", ""),
        ("CAST(a AS INTEGER) b", "b"),
        ("1.5e3 n", "n"),
    ],
)
def test_aliases_are_found_with_and_without_as(item, alias):
    (found,) = read_select(f"SELECT {item} FROM t").items
    assert found.alias == alias


def test_tokens_know_their_place_and_depth():
    sql = "SELECT f('it''s' , \"a\"\"b\") /* ( */ FROM t; DROP TABLE t"
    tokens = tokenize(sql)
    assert [(token.text, token.depth) for token in tokens] == [
        ("SELECT", 0),
        ("f", 0),
        ("(", 0),
        ("'it''s'", 1),
        (",", 1),
        ('"a""b"', 1),
        (")", 0),
        ("FROM", 0),
        ("t", 0),
    ]
    assert all(sql[token.start : token.end] == token.text for token in tokens)
    assert [token.name for token in tokens if token.kind in ("string", "quoted")] == ["it's", 'a"b']
