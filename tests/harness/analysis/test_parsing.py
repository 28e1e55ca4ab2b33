"""sqlglot's time is bounded by the length of what it reads."""

import pytest
import sqlglot

from harness.analysis.features import features
from harness.analysis.parsing import parse_statements
from harness.metrics.validity import why_invalid

LOOP = "SELECT * FROM t " + " ".join(f"JOIN t AS t{n}" for n in range(200))


def test_a_model_that_repeats_a_join_for_ever_is_read_at_once():
    # Twenty of these take sqlglot half a minute, and each further one twice as long: this would not end.
    assert why_invalid(LOOP) == ""
    assert features(LOOP) != ("unreadable",)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t JOIN u ON t.x = u.x LEFT JOIN v USING (y) WHERE a > 1",
        "SELECT a FROM (SELECT b FROM t JOIN u ON 1), v ORDER BY 1",
        "WITH q AS (SELECT 1) SELECT * FROM q UNION SELECT 2",
        "SELECT 1; SELECT 2",
    ],
)
def test_nothing_else_is_read_differently(sql):
    assert parse_statements(sql) == sqlglot.parse(sql, read="sqlite")


def test_a_join_without_a_condition_gets_one_that_always_holds():
    (tree,) = parse_statements("SELECT a FROM t JOIN u WHERE a > 1")
    assert tree.sql("sqlite") == "SELECT a FROM t JOIN u ON TRUE WHERE a > 1"
