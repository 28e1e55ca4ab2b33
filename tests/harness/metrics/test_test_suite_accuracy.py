"""Spider's test-suite accuracy: many databases, all of which must agree."""

import sqlite3

import pytest

from harness.errors import ConfigError, DataError
from harness.execution import Executor
from harness.metrics.test_suite_accuracy import TestSuiteAccuracy as SuiteAccuracy
from harness.metrics.test_suite_accuracy import list_databases, prepare_statement
from harness.types import Completion, Example, Extraction, Prediction, Schema


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Three databases of one schema; only the last has duplicates and values above 10."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "shop").mkdir()
    (folder / "empty").mkdir()
    for name, values in [("shop", [1, 2]), ("shop_1", []), ("shop_2", [2, 2, 30])]:
        connection = sqlite3.connect(folder / "shop" / f"{name}.sqlite")
        connection.execute("CREATE TABLE item (price INTEGER, name TEXT)")
        connection.executemany("INSERT INTO item VALUES (?, ?)", [(value, f"n{value}") for value in values])
        connection.commit()
        connection.close()
    (folder / "shop" / "notes.txt").write_text("not a database")
    return folder


@pytest.fixture(scope="module")
def executor():
    with Executor({}, workers=1) as made:
        yield made


def judge(metric, executor, sql, *golds, db_id="shop"):
    example = Example(0, db_id, "?", golds[0], alternative_gold_sql=golds[1:])
    prediction = Prediction(example, Schema(db_id, ()), Completion(0, ""), Extraction(sql))
    return metric.score(prediction, executor)


@pytest.mark.parametrize(
    ("sql", "gold", "value", "told_by"),
    [
        ("SELECT price FROM item", "SELECT price FROM item", 1.0, ""),
        ("SELECT price FROM item WHERE price < 10", "SELECT price FROM item", 0.0, "shop_2.sqlite"),
        ("SELECT name, price FROM item", "SELECT price, name FROM item", 1.0, ""),
        ("SELECT price FROM item", "SELECT DISTINCT price FROM item", 1.0, ""),
        ("SELECT price FROM item GROUP BY price", "SELECT price FROM item", 0.0, "shop_2.sqlite"),
        ("SELECT price FROM item ORDER BY price DESC", "SELECT price FROM item", 1.0, ""),
        ("SELECT price FROM item ORDER BY price DESC", "SELECT price FROM item ORDER BY price", 0.0, "shop.sqlite"),
        ("SELECT 'order by' FROM item", "SELECT 'order by' FROM item", 1.0, ""),
        (
            "SELECT price FROM item ORDER BY price DESC",
            "SELECT price FROM item WHERE price IN (SELECT price FROM item ORDER BY price)",
            0.0,
            "shop.sqlite",
        ),
        ("SELECT price FROM item WHERE price > = 2", "SELECT price FROM item WHERE price >= 2", 1.0, ""),
        ("SELECT cost FROM item", "SELECT price FROM item", 0.0, "shop.sqlite: error: no such column"),
        ("DELETE FROM item", "SELECT price FROM item WHERE 0", 0.0, "shop.sqlite: forbidden"),
        ("SELECT price FROM item", "SELECT cost FROM item", 0.0, "shop.sqlite: gold failed"),
        ("SELECT price > value FROM item", "SELECT price > 1 FROM item", 1.0, ""),
        (None, "SELECT price FROM item", 0.0, "no SQL"),
    ],
)
def test_every_database_must_agree(suite, executor, sql, gold, value, told_by):
    score = judge(SuiteAccuracy(str(suite)), executor, sql, gold)
    assert score.value == value
    assert score.reason.startswith(told_by)
    assert (score.reason == "") == (value == 1.0)


def test_distinct_counts_when_it_is_kept(suite, executor):
    pair = ("SELECT price FROM item", "SELECT DISTINCT price FROM item")
    assert judge(SuiteAccuracy(str(suite), keep_distinct=True), executor, *pair).value == 0.0


def test_any_of_several_golds_is_right(suite, executor):
    golds = ("SELECT name FROM item", "SELECT price FROM item")
    assert judge(SuiteAccuracy(str(suite)), executor, "SELECT price FROM item", *golds).value == 1.0


def test_what_is_missing_is_named(suite, executor):
    with pytest.raises(ConfigError, match=r"path: .*nowhere is no folder"):
        SuiteAccuracy(str(suite / "nowhere"))
    for db_id, what in [("empty", r"has no \*\.sqlite"), ("other", "does not exist")]:
        with pytest.raises(DataError, match=what):
            judge(SuiteAccuracy(str(suite)), executor, "SELECT 1", "SELECT 1", db_id=db_id)


def test_only_databases_are_listed_and_in_order(suite):
    assert [path.name for path in list_databases(str(suite), "shop")] == [
        "shop.sqlite",
        "shop_1.sqlite",
        "shop_2.sqlite",
    ]


@pytest.mark.parametrize(
    ("sql", "prepared"),
    [
        ("SELECT DISTINCT a FROM t", "SELECT  a FROM t"),
        ("SELECT count(distinct a) FROM t", "SELECT count( a) FROM t"),
        ("SELECT 'distinct', \"distinct\", distinct_a FROM t", "SELECT 'distinct', \"distinct\", distinct_a FROM t"),
        ("SELECT a FROM t WHERE a ! = 1 AND b < = 2", "SELECT a FROM t WHERE a != 1 AND b <= 2"),
        ("SELECT YEAR(CURDATE()) - a FROM t", "SELECT 2020- a FROM t"),
        ("SELECT a FROM t;", "SELECT a FROM t;"),
    ],
)
def test_statements_are_prepared_as_officially(sql, prepared):
    assert prepare_statement(sql, keep_distinct=False) == prepared
