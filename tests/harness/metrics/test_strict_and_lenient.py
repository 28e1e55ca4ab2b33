"""The strict and the lenient metric: faults, golds that fail, several golds, reasons."""

import sqlite3

import pytest

from harness.errors import ConfigError
from harness.execution import Executor
from harness.metrics.execution_accuracy_lenient import ExecutionAccuracyLenient
from harness.metrics.execution_accuracy_strict import ExecutionAccuracyStrict
from harness.metrics.judging import CAUSES_IN_WORDS, EMPTY_MATCH
from harness.types import Completion, Example, Execution, Extraction, Prediction, Schema, Status

BOTH = [ExecutionAccuracyStrict(), ExecutionAccuracyLenient()]


@pytest.fixture(scope="module")
def executor(tmp_path_factory):
    path = tmp_path_factory.mktemp("databases") / "db.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE t (a INTEGER, b TEXT, c REAL);"
        "INSERT INTO t VALUES (1, '1', 0.1), (2, '2', 0.2), (2, '3', 0.30000000000000004);"
    )
    connection.close()
    with Executor({"db": path}, workers=1) as made:
        yield made


def judge(metric, executor, sql, *golds):
    example = Example(0, "db", "?", golds[0], alternative_gold_sql=golds[1:])
    executions = tuple(executor.execute("db", gold) for gold in golds)
    execution = executor.execute("db", sql) if isinstance(sql, str) else sql
    completion, extraction = Completion(0, ""), Extraction("SELECT")
    prediction = Prediction(example, Schema("db", ()), completion, extraction, execution, executions)
    return metric.score(prediction, executor)


@pytest.mark.parametrize(
    ("sql", "gold", "strict", "lenient", "cause"),
    [
        ("SELECT a FROM t ORDER BY c DESC", "SELECT a FROM t", 1.0, 1.0, ""),
        ("SELECT c FROM t ORDER BY c DESC", "SELECT c FROM t ORDER BY c", 0.0, 1.0, "order"),
        ("SELECT b FROM t ORDER BY b DESC", "SELECT b FROM t ORDER BY a = 9", 1.0, 1.0, ""),
        ("SELECT '3'", "SELECT b FROM t ORDER BY a DESC LIMIT 1", 1.0, 1.0, ""),
        ("SELECT '1'", "SELECT b FROM t ORDER BY a DESC LIMIT 1", 0.0, 0.0, "rows"),
        ("SELECT '3'", "SELECT b FROM t LIMIT 1", 1.0, 1.0, ""),
        ("SELECT DISTINCT a FROM t", "SELECT a FROM t", 0.0, 0.0, "duplicates"),
        ("SELECT a, b FROM t", "SELECT b, a FROM t", 0.0, 1.0, "columns"),
        ("SELECT a FROM t", "SELECT a, b FROM t", 0.0, 0.0, "columns"),
        ("SELECT '1'", "SELECT 1", 0.0, 1.0, "type"),
        ("SELECT 0.3", "SELECT max(c) FROM t", 0.0, 1.0, "float"),
        ("SELECT a FROM t WHERE a > 9", "SELECT a FROM t", 0.0, 0.0, "empty"),
    ],
)
def test_verdicts_and_their_causes(executor, sql, gold, strict, lenient, cause):
    first, second = (judge(metric, executor, sql, gold) for metric in BOTH)
    assert (first.value, second.value) == (strict, lenient)
    assert first.reason.startswith(cause)
    assert (cause == "") == (first.value == 1.0)
    if cause:
        assert CAUSES_IN_WORDS[cause] in first.reason


@pytest.mark.parametrize("metric", BOTH)
def test_two_empty_results_are_right_and_marked(executor, metric):
    score = judge(metric, executor, "SELECT a FROM t WHERE 0", "SELECT a FROM t WHERE a > 9")
    assert (score.value, score.reason) == (1.0, EMPTY_MATCH)


@pytest.mark.parametrize("metric", BOTH)
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_every_fault_of_the_model_is_zero(executor, metric, status):
    score = judge(metric, executor, Execution(status, error="because"), "SELECT 1")
    assert (score.value, score.reason) == (0.0, f"{status}: because")


@pytest.mark.parametrize("metric", BOTH)
def test_nobody_can_judge_when_all_golds_fail(executor, metric):
    score = judge(metric, executor, "SELECT 1", "SELECT missing", "SELECT absent")
    assert score.value is None
    assert score.reason == "gold failed: no such column: missing"


@pytest.mark.parametrize("metric", BOTH)
def test_any_of_several_golds_is_right_and_keeps_its_own_order(executor, metric):
    assert judge(metric, executor, "SELECT 2", "SELECT 1", "SELECT 2").value == 1.0
    assert judge(metric, executor, "SELECT 2", "SELECT missing", "SELECT 2").value == 1.0
    falling = "SELECT b FROM t ORDER BY b DESC"
    assert judge(metric, executor, falling, "SELECT 1", falling).value == 1.0
    strict = ExecutionAccuracyStrict()
    assert judge(strict, executor, falling, "SELECT 1", "SELECT b FROM t ORDER BY b").value == 0.0
    assert judge(strict, executor, falling, "SELECT b FROM t ORDER BY b", "SELECT b FROM t").value == 1.0
    assert judge(metric, executor, "SELECT 3", "SELECT 1", "SELECT 2").value == 0.0


def test_tolerances_are_options(executor):
    gold = "SELECT 33.3333"
    assert judge(ExecutionAccuracyLenient(), executor, "SELECT 33.33", gold).value == 0.0
    assert judge(ExecutionAccuracyLenient(relative_tolerance=1e-3), executor, "SELECT 33.33", gold).value == 1.0
    assert judge(ExecutionAccuracyLenient(absolute_tolerance=0.01), executor, "SELECT 33.33", gold).value == 1.0


def test_tolerances_that_mean_nothing_are_refused_together():
    with pytest.raises(ConfigError) as caught:
        ExecutionAccuracyLenient(relative_tolerance=1.0, absolute_tolerance=float("nan"))
    assert len(caught.value.problems) == 2
