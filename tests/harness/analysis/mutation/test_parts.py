"""The parts of the search: literals, values, what is read out of a query, copies that respect keys."""

import math
import sqlite3
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.mutation.blueprint import draw, mentions
from harness.analysis.mutation.composition import databases
from harness.analysis.mutation.copies import Copier
from harness.analysis.mutation.entries import Entry, quote_literal, write_script
from harness.analysis.mutation.material import gather
from harness.analysis.mutation.reading import read
from harness.analysis.mutation.values import freshen, instantiate, neighbours, satisfying, through_dates
from harness.execution import Executor

DDL = """
CREATE TABLE "Odd Name" (id INTEGER PRIMARY KEY AUTOINCREMENT, "a b" TEXT DEFAULT 'integer', kind TEXT);
CREATE TABLE child (parent INTEGER, n INTEGER, note TEXT, PRIMARY KEY (parent, n));
CREATE UNIQUE INDEX once ON child (note);
CREATE VIEW pairs AS SELECT p.kind AS k, c.n AS m FROM "Odd Name" p JOIN child c ON p.id = c.parent;
"""
CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.binary(),
)


@pytest.fixture(scope="module")
def executor():
    with Executor({}, ddl={"x": DDL}, workers=1) as executor:
        yield executor


@given(CELLS)
def test_a_literal_reads_back_as_the_same_value_and_type(cell):
    connection = sqlite3.connect(":memory:")
    (back,) = connection.execute(f"SELECT {quote_literal(cell)}").fetchone()
    connection.close()
    assert type(back) is type(cell)
    # SQLite reads decimals to within a last digit.
    assert math.isclose(back, cell, rel_tol=1e-14) if isinstance(cell, float) else back == cell


@given(CELLS, st.integers(1, 500), st.integers(1, 500))
def test_fresh_values_differ_from_the_old_one_and_from_each_other(cell, one, two):
    small = not isinstance(cell, int | float) or abs(cell) < 2**40
    if small and one != two:
        assert freshen(cell, one) != freshen(cell, two)
        assert freshen(cell, one) != cell


@pytest.mark.parametrize(
    ("value", "near"),
    [
        (5, {5, 4, 6}),
        (0.5, {0.5, 0.51, 0.49}),
        ("1990-01-01", {"1989-12-31", "1990-01-02"}),
        ("0999-01-01", {"0998-12-31"}),
        ("7", {7, "8", "6"}),
        ("Ab", {"aB", "Abx", "xAb", "A"}),
        (2**63 - 1, {2**63 - 1}),
        (None, {None}),
    ],
)
def test_neighbours_lie_on_both_sides_of_a_constant(value, near):
    assert near <= set(neighbours(value))


def test_a_like_pattern_is_filled_in_and_just_missed():
    assert {"bc", "zzbczz", "c", "BC", "qbc"} <= set(instantiate("%bc%"))


@pytest.mark.parametrize(
    ("operator", "value", "expected"), [(">", 5, 6), ("<", 5, 4), ("=", 5, 5), ("!=", 5, 6), ("not null", None, "x")]
)
def test_a_comparison_is_satisfied(operator, value, expected):
    assert satisfying(operator, value) == expected


@pytest.mark.parametrize(("value", "date"), [("1990", "1989-12-31"), (1990, "1991-01-01"), ("1990-07", "1990-07-01")])
def test_parts_of_dates_become_dates(value, date):
    assert date in through_dates(value)


def test_names_stand_as_words_of_their_own():
    assert mentions('SELECT 1 FROM "Odd Name"', "odd name")
    assert not mentions("SELECT 1 FROM bonds", "bond")


def test_a_blueprint_holds_what_the_queries_touch_and_what_their_views_read(executor):
    catalogue = executor.describe("x")
    assert set(draw(catalogue, ["SELECT n FROM child"]).tables) == {"child"}
    through_view = draw(catalogue, ["SELECT m FROM pairs"])
    assert set(through_view.tables) == {"odd name", "child"}
    assert set(through_view.views) == {"pairs"}
    assert ("child", "note") in through_view.used  # a unique index looks at it
    assert ("odd name", "a b") not in through_view.used


def test_a_table_without_rowid_alias_keeps_its_text(executor):
    plain = "\n".join(draw(executor.describe("x"), ['SELECT * FROM "Odd Name"']).unordered().before)
    assert "id INT PRIMARY KEY ," in plain
    assert "'integer'" in plain


def test_a_default_does_not_fill_what_is_null(executor):
    blueprint = draw(executor.describe("x"), ['SELECT "a b" FROM "Odd Name"'])
    script = write_script(blueprint, [Entry("odd name", {"id": 1, "a b": None})])
    assert executor.execute_script(script, 'SELECT "a b" FROM "Odd Name"').rows == ((None,),)


def test_comparisons_are_found_through_aliases_views_and_sub_queries(executor):
    blueprint = draw(executor.describe("x"), ["pairs"])
    sql = "WITH w AS (SELECT m AS x FROM pairs WHERE k = 'q') SELECT * FROM w WHERE x BETWEEN 3 AND 9 LIMIT 4"
    reading = read(sql, blueprint, "p")
    found = {(one.reference.place, one.value) for one in reading.comparisons}
    assert found == {(("odd name", "kind"), "q"), (("child", "n"), 3), (("child", "n"), 9)}
    joins = {frozenset((left.place, right.place)) for left, right in reading.joins}
    assert joins == {frozenset({("odd name", "id"), ("child", "parent")})}
    assert reading.counts == [4]


def test_double_quoted_text_that_names_nothing_is_a_constant(executor):
    reading = read('SELECT n FROM child WHERE note = "n o"', draw(executor.describe("x"), ["child"]), "p")
    assert [(one.reference.column, one.value) for one in reading.comparisons] == [("note", "n o")]


def test_a_clone_joins_as_its_original_does(executor):
    sqls = ('SELECT 1 FROM "Odd Name" p JOIN child c ON p.id = c.parent',) * 2
    material = gather(executor, "x", draw(executor.describe("x"), sqls), sqls)
    copier = Copier(material, Random(1))
    joined = Entry("odd name", {"id": 1}), Entry("child", {"parent": 1, "n": 2, "note": "z"})
    parent, child = copier.clone(joined)
    assert parent.cells["id"] == child.cells["parent"] != 1
    assert child.cells["note"] != "z"
    _same, mate = copier.clone(joined, around=joined[0])
    assert mate.cells["parent"] == 1
    assert (mate.cells["n"], mate.cells["note"]) != (2, "z")


def test_databases_are_the_same_for_the_same_seed_and_can_be_made(executor):
    sqls = "SELECT m FROM pairs WHERE k > 'a'", "SELECT m FROM pairs WHERE k >= 'a'"
    blueprint = draw(executor.describe("x"), sqls)
    runs = []
    for _ in range(2):
        stream = databases(gather(executor, "x", blueprint, sqls), seed=3)
        runs.append([write_script(blueprint, next(stream)) for _ in range(40)])
    assert runs[0] == runs[1]
    assert all(executor.execute_script(script, sqls[0]).ok for script in runs[0])
    assert any(executor.execute_script(script, sqls[0]).rows for script in runs[0])
