import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.features import FEATURES, features

PLAIN = {"no_join", "flat"}
QUERIES = [
    ("SELECT a FROM t", PLAIN),
    ("VALUES (1)", PLAIN),
    ("SELECT 1 FROM t JOIN u ON t.a = u.a", {"one_join", "flat"}),
    ("SELECT 1 FROM t, u", {"one_join", "flat"}),
    ("SELECT 1 FROM t JOIN u JOIN v", {"two_joins", "flat"}),
    ("SELECT 1 FROM t JOIN u JOIN v JOIN w JOIN x", {"three_joins_or_more", "flat"}),
    ("SELECT 1 FROM t LEFT JOIN u ON 1", {"one_join", "flat", "outer_join"}),
    ("SELECT 1 FROM t AS a JOIN T AS b", {"one_join", "flat", "self_join"}),
    ("SELECT 1 FROM (SELECT a FROM t)", {"no_join", "subquery_in_from"}),
    ("SELECT 1 FROM t JOIN (SELECT a FROM u) AS v ON 1", {"one_join", "subquery_in_from"}),
    ("SELECT 1 FROM t WHERE a = (SELECT b FROM u)", {"no_join", "subquery_in_where"}),
    ("SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u)", {"no_join", "subquery_in_where"}),
    ("SELECT 1 FROM t JOIN u ON t.a IN (SELECT b FROM v)", {"one_join", "subquery_in_where"}),
    ("SELECT a FROM t GROUP BY a HAVING a > (SELECT 1)", {"no_join", "subquery_in_where", "group_by", "having"}),
    ("SELECT (SELECT b FROM u) FROM t", {"no_join", "subquery_in_select"}),
    ("SELECT 1 FROM t ORDER BY (SELECT 1)", {"no_join", "subquery_in_select", "order_by"}),
    ("SELECT 1 FROM t WHERE a IN (SELECT b FROM u WHERE u.c = t.c)", {"no_join", "subquery_in_where", "correlated"}),
    ("WITH c AS (SELECT 1 AS a) SELECT a FROM c", {"no_join", "cte"}),
    ("SELECT a FROM t UNION SELECT a FROM u", {*PLAIN, "set_operation"}),
    ("SELECT a FROM t UNION SELECT a FROM u EXCEPT SELECT a FROM v", {*PLAIN, "set_operation"}),
    ("SELECT 1 FROM (SELECT 1 UNION SELECT 2)", {"no_join", "subquery_in_from", "set_operation"}),
    ("SELECT COUNT(*) FROM t", {*PLAIN, "aggregate"}),
    ("SELECT TOTAL(a) FROM t", {*PLAIN, "aggregate"}),
    ("SELECT MAX(a, b) FROM t", PLAIN),
    ("SELECT SUM(a) FILTER (WHERE b) FROM t", {*PLAIN, "aggregate"}),
    ("SELECT SUM(a) FILTER (WHERE b) OVER () FROM t", {*PLAIN, "window"}),
    ("SELECT RANK() OVER (ORDER BY a) FROM t", {*PLAIN, "window"}),
    ("SELECT SUM(SUM(a)) OVER () FROM t GROUP BY b", {*PLAIN, "window", "aggregate", "group_by"}),
    ("SELECT DISTINCT a FROM t", {*PLAIN, "distinct"}),
    ("SELECT COUNT(DISTINCT a) FROM t", {*PLAIN, "distinct", "aggregate"}),
    ("SELECT a FROM t ORDER BY a LIMIT 1 OFFSET 2", {*PLAIN, "order_by", "limit"}),
    ("SELECT CASE WHEN a THEN 1 END FROM t", {*PLAIN, "case"}),
    ("SELECT IIF(a, 1, 0) FROM t", {*PLAIN, "case"}),
    ("SELECT CAST(a AS REAL) / b FROM t", {*PLAIN, "cast", "division"}),
    ("SELECT a * b - c FROM t", PLAIN),
    ("SELECT STRFTIME('%Y', a) FROM t", {*PLAIN, "date_function"}),
    ("SELECT DATE(a) FROM t", {*PLAIN, "date_function"}),
    ("SELECT JULIANDAY(a) FROM t", {*PLAIN, "date_function"}),
    ("SELECT date FROM t", PLAIN),
    ("SELECT a FROM t WHERE a LIKE 'x%'", {*PLAIN, "like"}),
    ("SELECT a FROM t WHERE a NOT LIKE 'x%'", {*PLAIN, "like"}),
    ("SELECT a FROM t WHERE a IN (1, 2)", {*PLAIN, "in_list"}),
    ("SELECT a FROM t WHERE a IN (SELECT 1)", {"no_join", "subquery_in_where"}),
    ("SELECT a FROM t WHERE a IS NOT NULL", {*PLAIN, "null_test"}),
    ("SELECT IFNULL(a, 0) FROM t", {*PLAIN, "null_test"}),
    ("SELECT a FROM t WHERE a IS 1", PLAIN),
    ("SELEC a FROM t", {"unreadable"}),
    ("SELECT a FROM t; SELECT b FROM t", {"unreadable"}),
    ("DELETE FROM t", {"unreadable"}),
    ("SELECT", {"unreadable"}),
    ("", {"unreadable"}),
    ("(" * 3000, {"unreadable"}),
]


@pytest.mark.parametrize(("sql", "expected"), QUERIES)
def test_a_query_has_exactly_its_features(sql, expected):
    assert set(features(sql)) == expected


def test_every_feature_is_found_somewhere():
    assert {name for _, expected in QUERIES for name in expected} == set(FEATURES)


def test_features_come_in_the_order_of_the_list():
    found = features("SELECT DISTINCT CAST(a AS REAL) FROM t JOIN u WHERE a IN (SELECT 1) ORDER BY a LIMIT 1")
    assert list(found) == sorted(found, key=FEATURES.index)


@given(st.lists(st.sampled_from(["SELECT", "a", "FROM", "t", "(", ")", ",", "JOIN", "UNION", "WHERE", "1", "'", "AS"])))
def test_any_text_has_features_of_the_list(words):
    found = features(" ".join(words))
    assert found
    assert set(found) <= set(FEATURES)
    assert "unreadable" not in found or found == ("unreadable",)


def test_the_module_is_light():
    code = "import sys, harness.analysis.features; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_comment_behind_the_semicolon_changes_nothing():
    assert features("SELECT a FROM t; -- done") == features("SELECT a FROM t")
