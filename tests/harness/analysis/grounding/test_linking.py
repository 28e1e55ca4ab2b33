"""Schema linking: definition and edges."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analysis.grounding import Grounding, Linking, Problem, ground, link

# A busy machine is no failure.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.sampled_from("abc")
GROUNDINGS = st.builds(
    Grounding,
    problems=st.lists(st.builds(Problem, st.sampled_from(["unknown_column", "ambiguous"]), NAMES), max_size=2).map(
        tuple
    ),
    tables=st.frozensets(NAMES, max_size=3),
    columns=st.frozensets(st.tuples(NAMES, NAMES), max_size=3),
)


def linked(predicted, gold, schema):
    return link(ground(predicted, schema), ground(gold, schema))


@pytest.mark.parametrize(
    ("predicted", "gold", "precision", "recall"),
    [
        ("SELECT name FROM hero", "SELECT h.NAME FROM Hero AS h", 1.0, 1.0),
        ("SELECT name, height FROM hero", "SELECT name FROM hero", 2 / 3, 1.0),
        ("SELECT name FROM hero", "SELECT name, height FROM hero", 1.0, 2 / 3),
        ("SELECT name FROM team", "SELECT name FROM hero", 0.0, 0.0),
        ("SELECT name, nope FROM hero", "SELECT name FROM hero", 2 / 3, 1.0),
        ("SELECT name, team_id FROM hero", "SELECT name FROM hero", 2 / 3, 1.0),
        ("SELECT name FROM hero, nowhere", "SELECT name FROM hero", 2 / 3, 1.0),
        ("SELECT nope(name) FROM hero", "SELECT name FROM hero", 1.0, 1.0),
        ("SELECT count(*) FROM hero", "SELECT name FROM hero", 1.0, 1 / 2),
        ("SELECT 1", "SELECT 2", 1.0, 1.0),
        ("SELECT 1", "SELECT name FROM hero", 0.0, 0.0),
        ("SELECT name FROM hero", "SELECT 1", 0.0, 0.0),
        ("SELECT (", "SELECT name FROM hero", 0.0, 0.0),
        ("SELECT (", "SELECT 1", 0.0, 0.0),
    ],
)
def test_precision_and_recall_count_tables_and_columns(predicted, gold, precision, recall, schema):
    found = linked(predicted, gold, schema)
    assert found.precision == pytest.approx(precision)
    assert found.recall == pytest.approx(recall)


@patient
@given(GROUNDINGS, GROUNDINGS)
def test_f1_is_the_harmonic_mean(predicted, gold):
    found = link(predicted, gold)
    assert 0.0 <= found.precision <= 1.0
    assert 0.0 <= found.recall <= 1.0
    total = found.precision + found.recall
    assert found.f1 == pytest.approx(2 * found.precision * found.recall / total if total else 0.0)


@patient
@given(GROUNDINGS)
def test_a_query_without_inventions_links_itself_wholly(grounding):
    clean = Grounding((), grounding.tables, grounding.columns)
    assert link(clean, clean) == Linking(1.0, 1.0, 1.0)
