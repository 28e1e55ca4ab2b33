"""The metric `grounded`."""

import pytest

from harness.metrics.grounded import Grounded
from harness.types import Column, Completion, Example, Extraction, Prediction, Schema, Score, Table

SCHEMA = Schema("db", (Table("superhero", (Column("id"), Column("superhero_name"))),))


def score(sql):
    prediction = Prediction(Example(0, "db", "?", "SELECT 1"), SCHEMA, Completion(0, sql or ""), Extraction(sql))
    return Grounded().score(prediction)


def test_a_query_whose_names_all_exist_scores_one():
    assert score("SELECT T1.superhero_name FROM superhero AS T1 ORDER BY rowid") == Score("grounded", 1.0)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (None, "no SQL"),
        (
            "SELECT superhero.hero_name FROM superhero",
            "unknown column superhero.hero_name (did you mean superhero_name?)",
        ),
        ("SELECT id FROM heroes", "unknown table heroes (did you mean superhero?)"),
        ("SELECT NOPE(id), x FROM superhero", "unknown function NOPE; unknown column x"),
        (
            'SELECT "hero_name" FROM superhero',
            '"hero_name" names nothing, so SQLite reads it as a string (did you mean superhero_name?)',
        ),
        ("DROP TABLE superhero", "not readable as one query: does not begin with SELECT, WITH or VALUES"),
    ],
)
def test_every_fault_scores_zero_with_its_reason(sql, reason):
    assert score(sql) == Score("grounded", 0.0, reason)
