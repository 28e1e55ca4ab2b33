import json

import pytest

from harness.datasets.sampling import sample
from harness.datasets.stats import FEATURES, sql_features, statistics
from harness.types import Column, Example, Schema, Table


@pytest.mark.parametrize(
    ("sql", "features"),
    [
        ("SELECT a FROM t", {}),
        ("SELECT DISTINCT count(*) FROM t JOIN u JOIN v USING (b)", {"join": 2, "aggregate": 1, "distinct": 1}),
        ("SELECT a FROM t GROUP BY a HAVING sum(b) > 1 ORDER BY a LIMIT 3",
         {"group_by": 1, "having": 1, "aggregate": 1, "order_by": 1, "limit": 1}),
        ("SELECT a FROM t WHERE b IN (SELECT b FROM u WHERE c = (SELECT max(c)))", {"nesting": 2, "aggregate": 1}),
        ("SELECT a FROM t UNION SELECT a FROM u EXCEPT SELECT 1", {"set_operation": 2}),
        ("WITH q AS (SELECT 1) SELECT * FROM q", {"cte": 1}),
        ("SELECT rank() OVER (PARTITION BY a) FROM t", {"window": 1}),
        ("SELECT CASE WHEN a THEN 1 WHEN b THEN 2 END FROM t", {"case": 1}),
        ("SELECT IIF(a > 1, 1, 0) FROM t", {"case": 1}),
        ("SELECT a FROM (SELECT a FROM t)", {"nesting": 1}),
        ("SELECT FROM WHERE ((", {"unparsed": 1}),
    ],
)  # fmt: skip
def test_features_of_sql_are_counted(sql, features):
    found = sql_features(sql)
    found.pop("aggregate", None) if "window" in features else None
    assert found == features
    assert set(found) <= set(FEATURES)


@pytest.fixture
def examples():
    return [
        Example(
            i, f"d{i % 2}", "w " * (i + 1), "SELECT a FROM t JOIN u" if i < 5 else "SELECT a", "e " * (i % 3), "simple"
        )
        for i in range(20)
    ]


def test_the_whole_and_the_sample_are_described_side_by_side(examples):
    schemas = {"d0": Schema("d0", (Table("t", (Column("a"), Column("b"))),)), "d1": Schema("d1", ())}
    found = statistics(examples, schemas, fraction=0.5, seed=3)
    assert found == json.loads(json.dumps(found))
    before, after = found["before"], found["after"]
    assert (before["questions"], after["questions"]) == (20, 10)
    assert before["lengths"]["question"]["words"]["mean"] == 10.5
    assert before["lengths"]["question"]["words"]["median"] == 10.5
    assert before["lengths"]["question"]["words"]["max"] == 20
    assert before["evidence_buckets"]["0"] == {"count": 7, "share": 0.35}
    assert before["evidence_present"] == 0.65
    assert before["sql_features"]["join"] == {"count": 5, "share": 0.25}
    assert before["by_database"]["d1"]["count"] == 10
    assert before["by_difficulty"]["simple"]["share"] == 1.0
    assert found["schemas"]["columns"]["max"] == 2
    kept = sample(examples, 0.5, 3)
    assert after["by_database"].get("d0", {"count": 0})["count"] == sum(one.db_id == "d0" for one in kept)


def test_equal_examples_are_counted_one_by_one():
    twins = [Example(0, "d", "?", "SELECT 1")] * 4
    assert statistics(twins, {}, fraction=0.5, seed=0)["after"]["questions"] == 2


def test_an_empty_split_is_described_without_a_crash():
    assert statistics([], {}, fraction=0.45, seed=0)["before"]["questions"] == 0
