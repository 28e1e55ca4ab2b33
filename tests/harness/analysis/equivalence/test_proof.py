"""`prove` on anything at all: it answers, soon, and never raises."""

import random
import sqlite3

import pytest

from harness.analysis.equivalence.expressions import ExpressionReader
from harness.analysis.equivalence.proof import Proof, prove
from harness.analysis.equivalence.statements import read_statement
from harness.analysis.equivalence.terms import Term
from harness.analysis.equivalence.tokens import UnreadableError, tokenize

STRANGE = [
    "",
    ";",
    "SELECT",
    "Sure! Here is the query:",
    "```sql\nSELECT 1\n```",
    "DELETE FROM t",
    "SELECT 1 FROM t WHERE",
    "SELECT ?",
    "SELECT :a FROM t",
    "SELECT 0x1F",
    "SELECT 12ab",
    "SELECT * FROM t NATURAL JOIN u",
    "VALUES (1)",
    "SELECT a FROM t RIGHT JOIN u",
    "SELECT (1, 2) = (1, 2)",
    "SELECT COUNT(*) OVER () FROM t",
    "SELECT a COLLATE NOCASE FROM t",
    "WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r",
    "SELECT a FROM t LIMIT -1",
    "SELECT 'open",
    'SELECT "open',
    "SELECT /* open",
    "SELECT a FROM t ORDER BY 9",
    "SELECT a FROM t GROUP BY 0",
    "SELECT t.* FROM u",
    "SELECT x.a FROM t",
    "SELECT a FROM other.t",
    "SELECT (SELECT 1, 2)",
    "SELECT a FROM t UNION SELECT a, b FROM t",
    "SELECT MAX(COUNT(*)) FROM t",
    "SELECT nofunction(a) FROM t",
    "SELECT substr(a) FROM t",
    "WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a",
    "SELECT * FROM t JOIN u USING (nothing)",
    "SELECT a FROM t HAVING COUNT(*) > 1",
    "SELECT " + "(" * 500 + "1" + ")" * 500,
    "SELECT " + "NOT " * 500 + "1",
    "SELECT 1" + " + 1" * 1500,
    "SELECT " + ", ".join(["a"] * 3000) + " FROM t",
    "SELECT * FROM " + ", ".join(f"t AS t{index}" for index in range(60)),
]


@pytest.mark.parametrize("sql", STRANGE, ids=lambda sql: sql[:40])
def test_what_is_strange_is_not_proved_and_not_raised(sql, catalogue):
    proof = prove(sql, "SELECT a FROM t", catalogue)
    assert not proof.proved
    assert proof.reason
    assert not prove("SELECT a FROM t", sql, catalogue).proved


def test_random_tokens_never_raise(catalogue, pairs):
    dice = random.Random(0)
    words = [word for pair in pairs for word in pair.gold.replace("(", " ( ").replace(")", " ) ").split()]
    for _ in range(400):
        sql = "SELECT " + " ".join(dice.choice(words) for _ in range(dice.randint(1, 12)))
        assert isinstance(prove(sql, sql, catalogue), Proof)


def test_what_is_read_is_what_sqlite_reads(pairs, catalogue):
    """A query that was cut or glued at random is never proved of itself where SQLite refuses it."""
    dice = random.Random(1)
    connection = sqlite3.connect(":memory:")
    for table in catalogue.tables.values():
        connection.execute(table.sql)
    proved = 0
    for _ in range(3000):
        words = dice.choice(pairs).gold.split()
        at = dice.randrange(len(words))
        words[at : at + 1] = dice.choice(
            [[], [words[at], words[at]], [dice.choice(words)], [words[at], dice.choice(words)]]
        )
        sql = " ".join(words)
        if prove(sql, sql, catalogue).proved:
            proved += 1
            connection.execute(f"EXPLAIN {sql}")
    assert proved > 300


def test_many_copies_of_a_table_take_no_factorial_time(catalogue):
    copies = ", ".join(f"t AS t{index}" for index in range(12))
    chain = " AND ".join(f"t{index}.b = t{index + 1}.id" for index in range(11))
    sql = f"SELECT t0.a FROM {copies} WHERE {chain}"
    assert prove(sql, sql, catalogue).proved


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 < 2 = 3", "((1 < 2) = 3)"),
        ("1 = 2 < 3", "(1 = (2 < 3))"),
        ("1 = 2 IN (3)", "((1 = 2) in 3)"),
        ("1 + 2 * 3 || 4", "(1 + (2 * (3 || 4)))"),
        ("- 1 || 2", "((neg 1) || 2)"),
        ("1 | 2 + 3", "(1 | (2 + 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("NOT 1 = 2 AND 3", "((not (1 = 2)) and 3)"),
        ("1 OR 2 AND 3", "(1 or (2 and 3))"),
        ("1 BETWEEN 2 AND 3 AND 4", "((1 between 2 3) and 4)"),
        ("1 IS NULL = 2", "((isnull 1) = 2)"),
        ("NOT 1 IS NOT NULL", "(not (notnull 1))"),
    ],
)
def test_operators_bind_as_in_sqlite(text, tree):
    assert _show(ExpressionReader(tokenize(text)).read_expression()) == tree


@pytest.mark.parametrize("text", ["1 < 2 = 3", "1 = 2 < 3", "1 = 2 IN (3)", "1 + 2 * 3 || 4", "- 1 || 2", "1 | 2 + 3"])
def test_sqlite_itself_agrees_with_the_parentheses(text):
    connection = sqlite3.connect(":memory:")
    tree = _show(ExpressionReader(tokenize(text)).read_expression()).replace("neg", "-").replace("in 3", "in (3)")
    assert (
        connection.execute(f"SELECT {text}, {tree}").fetchone()
        == connection.execute(f"SELECT {tree}, {text}").fetchone()
    )


def test_a_reason_says_what_was_not_understood(catalogue):
    assert "natural" in prove("SELECT * FROM t NATURAL JOIN u", "SELECT 1", catalogue).reason
    with pytest.raises(UnreadableError, match="expected SELECT"):
        read_statement("DROP TABLE t")


def _show(term: Term) -> str:
    if not term.args:
        return term.text or term.head
    parts = [_show(arg) for arg in term.args]
    if len(parts) == 1:
        return f"({term.head} {parts[0]})"
    return f"({parts[0]} {term.head} {' '.join(parts[1:])})"
