"""What a record says beyond its scores, on a small real database."""

import sqlite3

import pytest

from harness.datasets import read_sqlite
from harness.execution import Executor
from harness.explanation import Explainer
from harness.types import Completion, Example, Extraction, Prediction

CONTENT = """
CREATE TABLE hero (id INTEGER PRIMARY KEY, name TEXT, power TEXT, height REAL);
CREATE TABLE team (id INTEGER PRIMARY KEY, city TEXT);
INSERT INTO hero VALUES (1, 'A', 'fly', 1.5), (2, 'B', 'fly', 1.5), (3, 'C', 'run', 1.75);
"""


@pytest.fixture
def explain(tmp_path):
    path = tmp_path / "hall.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(CONTENT)
    connection.close()
    with Executor({"hall": path}, workers=1) as executor:

        def explained(gold, sql, lint=True, more=()):
            example = Example(1, "hall", "?", gold, alternative_gold_sql=tuple(more))
            golds = tuple(executor.execute("hall", one) for one in example.golds)
            prediction = Prediction(
                example,
                read_sqlite(path, "hall"),
                Completion(0, sql),
                Extraction(sql),
                executor.execute("hall", sql),
                golds,
            )
            return Explainer(lint)(prediction, executor)

        yield explained


def test_a_right_answer_is_correct_and_links_everything(explain):
    found = explain("SELECT name FROM hero", "SELECT hero.name FROM hero")
    assert found.diagnosis == "correct"
    assert found.analysis == {"linking": {"precision": 1.0, "recall": 1.0, "f1": 1.0}}


def test_a_column_of_another_table_is_out_of_scope_and_says_so(explain):
    found = explain("SELECT city FROM team", "SELECT city FROM hero")
    assert found.diagnosis == "wrong_scope"
    assert "city" in found.analysis["why"]


@pytest.mark.parametrize(
    ("gold", "sql", "gap"),
    [
        ("SELECT power FROM hero", "SELECT DISTINCT power FROM hero", "official_only: duplicates"),
        ("SELECT name FROM hero ORDER BY id", "SELECT name FROM hero ORDER BY id DESC", "official_only: order"),
        ("SELECT height FROM hero WHERE id = 3", "SELECT '1.75'", "lenient_only: type"),
        ("SELECT name FROM hero ORDER BY height LIMIT 1", "SELECT 'B'", "strict_only: order"),
        ("SELECT name FROM hero WHERE id > 9", "SELECT name FROM hero WHERE id < 0", "empty_equals_empty"),
    ],
)
def test_verdicts_that_disagree_say_why(explain, gold, sql, gap):
    assert explain(gold, sql).analysis["gaps"] == [gap]


def test_a_doubtful_gold_is_flagged_only_when_asked(explain):
    gold = "SELECT name FROM hero ORDER BY height LIMIT 1"
    assert "tie_at_limit" in explain(gold, gold).analysis["gold_flags"]
    assert "gold_flags" not in explain(gold, gold, lint=False).analysis


def test_a_gold_that_fails_is_named_and_is_no_fault_of_the_model(explain):
    found = explain("SELECT x FROM nowhere", "SELECT name FROM hero")
    assert found.diagnosis == "gold_error"
    assert found.analysis["gold_error"] == "no such table: nowhere"


def test_of_several_golds_the_one_that_agrees_counts(explain):
    found = explain("SELECT city FROM team", "SELECT name FROM hero", more=["SELECT name FROM hero"])
    assert found.diagnosis == "correct"
    assert "gaps" not in found.analysis


@pytest.mark.parametrize(
    ("sql", "gaps"),
    [
        ("SELECT '1.75'", ["lenient_only: type"]),
        ("SELECT power FROM hero WHERE id < 3", ["official_only: duplicates"]),
        ("SELECT 'no' FROM team", ["empty_equals_empty"]),
        ("SELECT 'no', 1 FROM team", ["official_only: empty", "empty_equals_empty"]),
        ("SELECT 1", []),
    ],
)
def test_of_several_golds_any_may_agree_as_in_the_metrics(explain, sql, gaps):
    golds = [
        "SELECT height FROM hero WHERE id = 3",
        "SELECT DISTINCT power FROM hero WHERE id < 3",
        "SELECT id FROM team",
    ]
    assert explain("SELECT city FROM hero", sql, more=golds).analysis.get("gaps", []) == gaps


def test_what_agrees_strictly_with_one_gold_and_officially_with_another_is_no_gap(explain):
    gold, other = "SELECT name FROM hero ORDER BY height LIMIT 1", "SELECT 'B' UNION ALL SELECT 'B'"
    assert "gaps" not in explain(gold, "SELECT 'B'", more=[other]).analysis
