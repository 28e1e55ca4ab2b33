"""Where SQLite's message points to."""

import pytest

from harness.execution import Executor
from harness.generators.offence import find_offence

DDL = 'CREATE TABLE a (id INTEGER, "First Name" TEXT, born TEXT); CREATE TABLE b (id INTEGER, aid INTEGER);'


@pytest.fixture(scope="module")
def refusal():
    with Executor({}, ddl={"db": DDL}, workers=1) as executor:
        yield lambda sql: executor.prepare("db", sql).error


@pytest.mark.parametrize(
    ("sql", "name", "place"),
    [
        ("SELECT >T1.foo FROM a AS T1", "T1.foo", ""),
        ("SELECT T1.id, >T1 . foo FROM a AS T1", "T1.foo", "white space around the point"),
        ('SELECT id FROM a WHERE >"a"."Last Name" = 1', "a.Last Name", ""),
        ("SELECT >[First Nam] FROM a", "First Nam", ""),
        ("SELECT `First Name`, >`first nam` FROM a", "first nam", ""),
        ("SELECT id FROM a WHERE born = 'foo' AND >foo = 1", "foo", "text is no name"),
        ("SELECT id FROM a -- foo\nWHERE >foo = 1", "foo", "a comment is no name"),
        ("SELECT id AS foo FROM a GROUP BY (SELECT >bar)", "bar", ""),
        ("SELECT id FROM a WHERE (SELECT x FROM (SELECT 1 AS x)) = >x", "x", "fine in the inner query"),
        ("SELECT >x.id, (SELECT x.id FROM (SELECT 1 AS id) AS x) FROM a", "x.id", "fine in the inner query"),
        ("SELECT >foo, foo FROM a", "foo", "the first of two"),
        ("SELECT >id FROM a JOIN b ON a.id = b.aid", "id", "ambiguous"),
        ("SELECT born FROM a JOIN b ON a.id = b.aid ORDER BY >id", "id", "ambiguous"),
        ("SELECT id FROM >nowhere", "nowhere", ""),
        ("SELECT nowhere.id FROM a WHERE id IN (SELECT id FROM >nowhere)", "nowhere", "the table, not the column"),
        ("SELECT id, >nofn(id) FROM a", "nofn", ""),
        ("SELECT >substr(born) FROM a", "substr", ""),
        ("SELECT id, count(*) FROM a WHERE >count(*) > 1", "count", "in front of WHERE it has its place"),
        ("SELECT max(id) FROM a GROUP BY sum(>count(id))", "count", ""),
        ("SELECT id FROM a WHERE >from = 1", "from", "syntax"),
        ("SELECT 'from' FROM a WHERE >FROM = 1", "FROM", "syntax"),
        ("SELECT id FROM a WHERE id = >'x", "'x", "unrecognised token"),
    ],
)
def test_the_place_of_what_is_refused_is_found(sql, name, place, refusal):
    start, sql = sql.index(">"), sql.replace(">", "", 1)
    found = find_offence(sql, refusal(sql), refusal)
    assert found is not None
    assert (found.name, found.start) == (name, start)


@pytest.mark.parametrize(
    "sql", ["SELECT id FROM a GROUP BY", "SELECT id FROM a UNION SELECT id, aid FROM b", "SELECT max(id) OVER w FROM a"]
)
def test_what_names_nothing_has_no_place(sql, refusal):
    assert refusal(sql)
    assert find_offence(sql, refusal(sql), refusal) is None


def test_text_that_cannot_be_cut_into_words_has_no_place(refusal):
    assert find_offence("SELECT 'x", "no such column: x", refusal) is None


def test_what_stands_in_front_of_the_place_is_a_good_beginning(refusal):
    sql = "SELECT a.id, b.id FROM a JOIN b ON a.id = b.aid WHERE a.foo = 1 AND b.id = 2"
    found = find_offence(sql, refusal(sql), refusal)
    assert found is not None
    assert refusal(sql[: found.start]) == "incomplete input"
