"""Completion text → SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.extraction import extract, statement_end, take_whole


@pytest.mark.parametrize(
    ("text", "sql", "steps"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("  SELECT 1;  ", "SELECT 1", ()),
        ("```sql\nSELECT a FROM t;\n```", "SELECT a FROM t", ("fence",)),
        ("```sql\nSELECT a FROM t", "SELECT a FROM t", ("fence",)),
        ("```\nSELECT a\n```\nThis lists a.", "SELECT a", ("fence",)),
        ("SELECT a FROM t\n```", "SELECT a FROM t", ("closing fence",)),
        ("SELECT a FROM t\n```\n\nExplanation\n```sql\nSELECT b\n```", "SELECT a FROM t", ("closing fence",)),
        ("Sure! Here is the query:\nSELECT a FROM t;", "SELECT a FROM t", ("prose before",)),
        ("SQL: SELECT a FROM t", "SELECT a FROM t", ("label",)),
        ("<think>SELECT wrong</think>SELECT right", "SELECT right", ("reasoning",)),
        ("SELECT a; -- done", "SELECT a", ("text after",)),
        ("SELECT a; I hope this helps; bye", "SELECT a", ("text after",)),
        ("SELECT ';' FROM t; more", "SELECT ';' FROM t", ("text after",)),
        ("(SELECT 1) UNION SELECT 2", "(SELECT 1) UNION SELECT 2", ()),
        ("\ufeffSELECT 1", "SELECT 1", ("byte order mark",)),
        ("```SELECT name FROM t```", "SELECT name FROM t", ("fence",)),
        ("```sql SELECT name FROM t```", "SELECT name FROM t", ("fence",)),
        ("SELECT '```' FROM t", "SELECT '```' FROM t", ()),
        ("SELECT name FROM t;\nWith this query we get names.", "SELECT name FROM t", ("text after",)),
        ("SELECT name FROM t;\n\nExplain: x", "SELECT name FROM t", ("text after",)),
        ("SELECT name FROM t\n\nThis query returns the names.", "SELECT name FROM t", ("text after",)),
        ("SELECT name\n\nFROM t\n\n-- why\nWHERE a", "SELECT name\n\nFROM t\n\n-- why\nWHERE a", ()),
        ("Here is the SQL: SELECT name FROM t", "SELECT name FROM t", ("prose before",)),
        ("reason SELECT foo\nSELECT wrong\n</think>\nSELECT 1", "SELECT 1", ("reasoning",)),
        ("SELECT 1 -- Question: What else?\n-- SQL:\nSELECT 2", "SELECT 1", ("text after",)),
    ],
)
def test_surroundings_are_removed_and_each_step_is_recorded(text, sql, steps):
    extraction = extract(text)
    assert (extraction.sql, extraction.steps) == (sql, steps)


@pytest.mark.parametrize("attack", ["SELECT 1; DROP TABLE emp", "SELECT 1;\nDELETE FROM emp;", "SELECT 1; select 2"])
def test_a_second_statement_stays_so_that_it_is_refused_later(attack):
    assert extract(attack).sql == attack.rstrip(";")


@pytest.mark.parametrize("text", ["", "   \n", ";", "```sql\n```", "<think>endless"])
def test_nothing_left_is_no_sql(text):
    assert extract(text).sql is None


def test_prose_without_a_query_stands_as_it_is_and_fails_as_syntax():
    assert extract("I cannot answer that.").sql == "I cannot answer that."


@given(st.text())
def test_any_text_is_read_without_an_error_and_reading_twice_changes_nothing(text):
    first = extract(text)
    if first.sql is not None:
        assert extract(first.sql + ";").sql is not None


@given(st.sampled_from(["SELECT a FROM t WHERE b = 'x;y'", "WITH q AS (SELECT 1) SELECT * FROM q"]))
def test_clean_sql_is_never_changed(sql):
    assert extract(sql).sql == sql
    assert take_whole(sql).sql == sql


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("SELECT 1; SELECT 2", 9),
        ("SELECT ';'", None),
        ("SELECT 1\n\nmore", 8),
        ("\n\nSELECT 1", None),
        ("SELECT 'a\n\nb", None),
        ("Here is the query:\n\n```sql\nSELECT 1", None),
        ("Here is the query:\n\n```sql\nSELECT 1;\n```", 36),
        ("<think>\n\n</think>\n\nSELECT 1", None),
        ("-- join the tables\n\nSELECT a FROM t", None),
        ("Sure; here it comes:\nSELECT 1; bye", 30),
        ("SELECT 1 -- Evidence: more\n", 9),
        ("SELECT 1 -- ; no\n+ 2;", 21),
    ],
)
def test_a_statement_ends_at_a_semicolon_outside_quotes_or_at_a_blank_line(text, end):
    assert statement_end(text) == end


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "part",
    [
        "SELECT 1;",
        "\n \n",
        "SELECT 1\n\nFROM ",
        "\n\n/* c */",
        "WITH a (\n",
        ";--\n",
        "SELECT '",
        "/*",
        "(",
        "```",
        "\n```sql\n",
    ],
)
def test_the_time_that_a_long_text_takes_grows_with_its_length_only(part):
    text = part * (400_000 // len(part))
    found = extract(text).sql
    assert found is None or len(found) <= len(text)
    assert statement_end(text) is None or 0 <= statement_end(text) <= len(text)
