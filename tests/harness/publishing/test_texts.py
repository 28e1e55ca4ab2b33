"""What a model writes beside SQL is found: comments, whole questions, definitions of tables."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.publishing.texts import Texts, strip_comments
from harness.types import Record


def record(question="", evidence=""):
    return Record(1, "db", "", question, evidence, "", "", None, "ok", "", None, None, None, {})


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 -- who?", "SELECT 1"),
        ("-- who?\nSELECT 1", "SELECT 1"),
        ("SELECT a,\n-- who?\nb FROM t", "SELECT a,\n b FROM t"),
        ("SELECT/* who? */1", "SELECT 1"),
        ("SELECT '-- no comment', \"/* nor this */\", `--`, [--] FROM t", None),
        ("SELECT 1 /* never closed", "SELECT 1"),
        ("SELECT 3 - -1", None),
    ],
)
def test_comments_go_and_nothing_else(sql, expected):
    assert strip_comments(sql) == (sql if expected is None else expected)


PARTS = ("'it''s -- text'", "1", "2 - -3", '"x--y"', "'/*'")
COMMENTS = ("", " ", "--note\n", "/* a\n b */", " -- it's\n ")


@given(st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(COMMENTS)), min_size=1, max_size=6))
def test_sql_without_its_comments_gives_the_same_rows(pairs):
    sql = "SELECT " + ",".join(f"{comment}{part}{comment}" for part, comment in pairs)
    with sqlite3.connect(":memory:") as database:
        rows = database.execute(sql).fetchall()
        assert database.execute(strip_comments(sql)).fetchall() == rows
    database.close()


def test_a_question_or_an_evidence_is_found_however_it_is_spaced_and_written():
    texts = Texts([record("How many plots are there?", "a plot that faces south refers to slope")])
    assert texts.stand_in("SELECT 'how many  PLOTS\nare there?'")
    assert texts.stand_in("A plot that faces south refers to slope so SELECT 1")
    assert not texts.stand_in("SELECT COUNT(*) FROM plot WHERE slope = 'south'")


def test_what_sql_looks_like_by_itself_is_no_text():
    assert not Texts([record("phone IS NULL", "sex = 'F' AND age")]).stand_in("SELECT 1 WHERE phone IS NULL")


def test_the_definition_of_a_table_is_found():
    assert Texts([]).stand_in("create  table keeper (name TEXT)")
    assert Texts([]).stand_in("SELECT 1; CREATE TEMP TABLE a AS SELECT 1")
    assert not Texts([]).stand_in("SELECT created FROM tables")
