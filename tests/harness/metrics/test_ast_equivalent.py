"""`ast_equivalent`: proof, refutation, and what is neither."""

import sqlite3
import subprocess
import sys

import pytest

from harness.analysis.equivalence import proof
from harness.execution import Executor
from harness.metrics.ast_equivalent import AstEquivalent
from harness.types import Completion, Example, Extraction, Prediction, Schema

DDL = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT NOT NULL);"
GOLD = "SELECT a FROM t WHERE a > 1 AND b = 'x'"
SAME = "select T1.a from t as T1 where 'x' = T1.b and 1 < T1.a"
CLOSE = "SELECT a FROM t WHERE a >= 1 AND b = 'x'"  # equal on the rows below
WRONG = "SELECT a FROM t WHERE a > 2 AND b = 'x'"
FAILING = "SELECT missing FROM t"


@pytest.fixture(scope="module")
def executor(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "db.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL + "INSERT INTO t VALUES (1, 2, 'x'), (2, 3, 'x'), (3, 2, 'y');")
    connection.close()
    with Executor({"db": path}, ddl={"ddl": DDL}, workers=1) as executor:
        yield executor


def score(executor, sql, *golds, mutations=0, db_id="db"):
    example = Example(0, db_id, "?", golds[0], alternative_gold_sql=golds[1:])
    real = db_id == "db"
    prediction = Prediction(
        example,
        Schema(db_id, ()),
        Completion(0, sql or ""),
        Extraction(sql),
        executor.execute(db_id, sql) if real and sql is not None else None,
        tuple(executor.execute(db_id, gold) for gold in golds) if real else None,
    )
    return AstEquivalent(mutations).score(prediction, executor)


CASES = [
    ((SAME, GOLD), 0, 1.0, "proved"),
    ((SAME, FAILING, GOLD), 0, 1.0, "proved"),
    ((SAME, WRONG, GOLD), 0, 1.0, "proved"),
    ((CLOSE, GOLD), 0, None, "unknown: "),
    ((CLOSE, GOLD), 200, 0.0, "refuted: on a mutated database, "),
    ((FAILING, GOLD), 0, 0.0, "refuted: error: no such column"),
    ((None, GOLD), 0, 0.0, "refuted: no SQL"),
    ((SAME, FAILING), 0, None, "unknown: no gold can judge"),
]


@pytest.mark.parametrize("db_id", ["db", "ddl"])
@pytest.mark.parametrize(("sqls", "mutations", "value", "reason"), CASES)
def test_the_three_values_with_a_database_and_without(executor, db_id, sqls, mutations, value, reason):
    verdict = score(executor, *sqls, mutations=mutations, db_id=db_id)
    assert (verdict.metric, verdict.value) == ("ast_equivalent", value)
    assert verdict.reason.startswith(reason)


def test_different_real_results_refute(executor):
    assert score(executor, WRONG, GOLD).reason == "refuted: on the real database, rows"


def test_only_what_every_gold_refutes_is_refuted(executor):
    assert score(executor, CLOSE, WRONG, GOLD).value is None
    assert score(executor, CLOSE, WRONG, GOLD, mutations=200).value == 0.0


def test_the_reason_is_sql_that_shows_the_difference(executor):
    lines = score(executor, CLOSE, GOLD, mutations=200).reason.splitlines()
    connection = sqlite3.connect(":memory:")
    connection.executescript("\n".join(lines[1:]))
    results = [connection.execute(sql).fetchall() for sql in (GOLD, CLOSE)]
    connection.close()
    assert results[0] != results[1]
    assert lines[-2:] == ["-- gold: no row", "-- predicted: (1)"]


def test_a_proof_that_the_real_results_contradict_is_refuted_and_named(executor, monkeypatch):
    monkeypatch.setattr(proof, "prove", lambda *_: proof.Proof(True, "by decree"))
    verdict = score(executor, WRONG, GOLD)
    assert verdict.value == 0.0
    assert "proved but told apart: please report" in verdict.reason


def test_sqlglot_is_imported_only_for_scoring():
    code = "import sys, harness.metrics.ast_equivalent; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
