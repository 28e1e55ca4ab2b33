"""Does sqlglot read exactly one query?"""

import pytest

from harness.metrics.validity import ValidSql, ValidSqlRaw, why_invalid
from harness.types import Completion, Example, Extraction, Prediction, Schema


def predict(text, sql):
    return Prediction(Example(0, "db", "?", "SELECT 1"), Schema("db", ()), Completion(0, text), Extraction(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT a FROM t;",
        "WITH q AS (SELECT 1 AS a) SELECT a FROM q",
        "SELECT 1 UNION SELECT 2",
        "-- a comment\n/* another */ SELECT 1",
        "(SELECT 1) UNION ALL SELECT 2",
        "VALUES (1), (2)",
        'SELECT `a b`, "c", [d e] FROM t -- comment',
        "SELECT IIF(a > 1, 'x', 'y') FROM t",
        "SELECT 1; -- done",
        "SELECT 1;\n/* done */",
    ],
)
def test_one_query_is_valid(sql):
    assert why_invalid(sql) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sure",
        "SELECT",
        "SELECT FROM t",
        "```sql\nSELECT 1\n```",
        "```",
        "SELECT 1; SELECT 2",
        "; -- nothing",
        "DELETE FROM t",
        "WITH q AS (SELECT 1) DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE t (a)",
        "PRAGMA table_info(t)",
        "EXPLAIN SELECT 1",
        "FROM users",
        "From the database",
        "SELECT 1 INTO t",
        "1 + 1",
        "I am sorry, I cannot help",
        "SELECT a FROM",
        "SELECT (((",
        "(" * 5000,
        "/**/" * 5000 + "x",
        "/* SELECT */ FROM t",
    ],
)
@pytest.mark.timeout(120)
def test_everything_else_is_not(text):
    assert why_invalid(text) != ""


def test_raw_judges_the_completion_and_the_other_the_extracted_sql():
    fenced = predict("```sql\nSELECT 1\n```", "SELECT 1")
    assert ValidSqlRaw().score(fenced).value == 0.0
    assert ValidSql().score(fenced).value == 1.0


def test_no_sql_is_a_fault_of_the_model():
    assert ValidSql().score(predict("", None)).value == 0.0


def test_what_is_wrong_is_said_alike_in_every_process():
    # sqlglot names either of the two missing sides, by the order of a set of strings.
    assert why_invalid("SELECT a FROM t WHERE =") == "does not parse: A part of EQ is missing. Line 1, Col: 23."
