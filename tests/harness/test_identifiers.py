"""Names as SQLite takes them."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets.ddl import to_ddl
from harness.identifiers import RESERVED, quote
from harness.prompts import render_schema
from harness.types import Column, Schema, Table

# https://sqlite.org/lang_keywords.html
KEYWORD_LIST = """
    abort action add after all alter always analyze and as asc attach autoincrement before begin between by cascade
    case cast check collate column commit conflict constraint create cross current current_date current_time
    current_timestamp database default deferrable deferred delete desc detach distinct do drop each else end escape
    except exclude exclusive exists explain fail filter first following for foreign from full generated glob group
    groups having if ignore immediate in index indexed initially inner insert instead intersect into is isnull join
    key last left like limit match materialized natural no not nothing notnull null nulls of offset on or order
    others outer over partition plan pragma preceding primary query raise range recursive references regexp reindex
    release rename replace restrict returning right rollback row rows savepoint select set table temp temporary then
    ties to transaction trigger unbounded union unique update using vacuum values view virtual when where window with
    within without
"""
KEYWORDS = KEYWORD_LIST.split()


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("plain_1", "plain_1"),
        ("order", "`order`"),
        ("Key", "Key"),
        ("Select", "`Select`"),
        ("a b", "`a b`"),
        ("q`q", "`q``q`"),
        ("", "``"),
    ],
)
def test_a_name_is_quoted_where_needed(name, quoted):
    assert quote(name) == quoted


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.sampled_from('`"'))
def test_sqlite_reads_every_quoted_name_as_it_was(name, mark):
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE TABLE t (first_of_all, {quote(name, mark)})")
        assert connection.execute("SELECT * FROM t").description[1][0] == name
    finally:
        connection.close()


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_every_keyword_serves_as_a_table_and_a_column_once_quoted_and_most_need_no_quotes(keyword):
    name = quote(keyword)
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE TABLE {name} ({name} TEXT)")
        connection.execute(f"INSERT INTO {name} VALUES ('x')")
        for sql in (
            f"SELECT {name} FROM {name} WHERE {name} = 'x' GROUP BY {name} ORDER BY {name}",
            f"SELECT t.{name} FROM {name} AS t JOIN {name} AS u ON t.{name} = u.{name}",
        ):
            assert connection.execute(sql).fetchall() == [("x",)]
    finally:
        connection.close()


def test_names_that_golds_write_bare_stay_bare():
    assert [quote(name) for name in ("key", "first", "action", "date", "rank")] == [
        "key",
        "first",
        "action",
        "date",
        "rank",
    ]


@pytest.mark.parametrize("name", [*sorted(RESERVED), "plain", "a b", "1st"])
def test_the_prompt_and_the_empty_database_quote_the_same_names(name):
    schema = Schema("d", (Table("t", (Column(name, "TEXT"),)),))
    bare = f"{name} TEXT"
    assert (f"({bare})" in render_schema(schema)) == (f"    {bare}\n" in to_ddl(schema)) == (name == "plain")
