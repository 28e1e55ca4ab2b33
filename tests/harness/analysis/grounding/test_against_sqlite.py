"""Every statement of statements.sql: SQLite's verdict is computed here, never typed by hand."""

import re
from collections import Counter
from pathlib import Path

import pytest

from harness.analysis.grounding import ground

LINES = Path(__file__).with_name("statements.sql").read_text().splitlines()
STATEMENTS = [line for line in LINES if line and not line.startswith("--")]
# SQLite does not ask its authorizer for the columns of USING, reads the primary key for a `rowid`, and all columns of
# joins between parentheses; its table-valued functions are tables to it.
TOLD_OTHERWISE = re.compile(r"USING|NATURAL|rowid|\boid\b|JOIN \(|json_", re.IGNORECASE)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_names_are_refused_where_sqlite_refuses_them(sql, database, schema, refused_name, named):
    message, grounding = database.refusal(sql), ground(sql, schema)
    name = refused_name(message)
    if message and name is None:
        pytest.skip(f"this SQLite refuses it for another reason: {message}")
    assert grounding.readable
    assert (name in named(grounding)) if name else not named(grounding), grounding.explain()


@pytest.mark.parametrize("sql", [sql for sql in STATEMENTS if not TOLD_OTHERWISE.search(sql)])
def test_what_a_query_reads_is_what_sqlite_reads(sql, database, schema):
    if database.refusal(sql):
        return
    grounding = ground(sql, schema)
    assert grounding.tables == {table for table, _ in database.reads}
    assert grounding.columns == {(table, column) for table, column in database.reads if column}


def test_the_statements_cover_both_verdicts(database, refused_name):
    messages = [database.refusal(sql) for sql in STATEMENTS]
    verdicts = Counter("taken" if not one else "name" if refused_name(one) else "otherwise" for one in messages)
    assert len(STATEMENTS) == len(set(STATEMENTS))
    assert verdicts["taken"] > 150
    assert verdicts["name"] > 100
    assert verdicts["otherwise"] < 0.05 * len(STATEMENTS)
