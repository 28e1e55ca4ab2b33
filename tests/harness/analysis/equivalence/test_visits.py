"""The order in which SQLite visits rows, and its plans."""

from dataclasses import replace

from harness.analysis.equivalence.proof import prove
from harness.analysis.equivalence.statements import read_statement
from harness.analysis.equivalence.visits import visit_alike
from harness.execution.plans import read_plans

FIRST = "SELECT SUM(t.c) FROM t JOIN u ON t.id = u.tid"
TURNED = "SELECT SUM(t.c) FROM u JOIN t ON u.tid = t.id"
FORCED = "SELECT SUM(t.c) FROM t CROSS JOIN u ON u.tid = t.id"


def _alike(first, second, catalogue):
    return visit_alike(((first, read_statement(first)), (second, read_statement(second))), catalogue)


def test_a_plan_is_read_without_statistics_and_with_several(catalogue):
    (plans,) = read_plans(catalogue, (FIRST,))
    assert len(plans) == 12
    assert plans[0][0].startswith("SCAN u")
    assert "Rewind" in plans[0][-1]


def test_the_planner_turns_a_join_that_may_be_turned(catalogue):
    assert _alike(FIRST, TURNED, catalogue)
    assert not _alike(FIRST, FORCED, catalogue)


def test_a_scan_in_the_other_direction_shows(catalogue):
    assert not _alike("SELECT a FROM t ORDER BY id", "SELECT a FROM t ORDER BY id DESC", catalogue)


def test_aliases_do_not_show_but_tables_do(catalogue):
    assert _alike("SELECT one.b FROM t AS one", "SELECT b FROM t", catalogue)
    assert not _alike("SELECT b FROM t", "SELECT b FROM w", catalogue)


def test_two_copies_of_a_table_cannot_be_told(catalogue):
    twice = "SELECT SUM(one.c) FROM t AS one JOIN t AS two ON one.id = two.b"
    assert not _alike(twice, twice, catalogue)


def test_a_schema_that_sqlite_refuses_proves_nothing(catalogue):
    broken = replace(catalogue, indexes=("CREATE INDEX broken ON nothing (a)",))
    assert not prove(FIRST, TURNED, broken).proved
    assert prove(FIRST, TURNED, catalogue).proved


def test_an_index_that_only_one_of_two_queries_can_do_with_undoes_the_proof(catalogue):
    outside = "SELECT {key} FROM {table} GROUP BY {key} ORDER BY COUNT(*) DESC LIMIT 1"
    inside = (
        "SELECT d.{key} FROM (SELECT {key}, COUNT({other}) AS n FROM {table}"
        " GROUP BY {key} ORDER BY COUNT({other}) DESC LIMIT 1) AS d"
    )
    plain = {"table": "t", "key": "a", "other": "id"}
    assert prove(outside.format(**plain), inside.format(**plain), catalogue).proved
    unique = {"table": "w", "key": "s", "other": "r"}
    assert not prove(outside.format(**unique), inside.format(**unique), catalogue).proved
