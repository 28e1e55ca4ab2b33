"""Strict and lenient verdicts, and the causes between them."""

import random
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.verdicts import (
    CAUSES,
    TIED,
    Verdict,
    explain_gap,
    is_empty_match,
    judge_lenient,
    judge_strict,
)
from harness.comparison import Relaxation, equal_official, equal_typed
from harness.types import Execution, Status

PLAIN = "SELECT a FROM t"
SORTED = "SELECT a FROM t ORDER BY a"


def result(*rows, columns=None):
    width = columns or (len(rows[0]) if rows else 1)
    return Execution(Status.OK, tuple("abcdefgh"[:width]), tuple(rows))


def never(sql):
    raise AssertionError(f"nothing needs to be run: {sql}")


def fail(sql):
    return Execution(Status.TIMEOUT, error="30 s")


@pytest.mark.parametrize(
    ("predicted", "gold", "cause"),
    [
        ([(1,), (2,)], [(2,), (1,)], ""),
        ([(1,)], [(1.0,)], ""),
        ([(None,)], [(None,)], ""),
        ([(1,), (1,)], [(1,)], "duplicates"),
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)], "duplicates"),
        ([("1",)], [(1,)], "type"),
        ([("1.50", "a")], [(1.5, "a")], "type"),
        ([(0.1 + 0.2,)], [(0.3,)], "float"),
        ([(0.1 + 0.2, "2")], [(0.3, 2)], "type"),
        ([(1, 2)], [(2, 1)], "columns"),
        ([(1, "0.3")], [(0.1 + 0.2, 1)], "columns"),
        ([(1, 2)], [(1,)], "columns"),
        ([(1, 2)], [], "columns"),
        ([], [(1,)], "empty"),
        ([(1,)], [], "empty"),
        ([(1,)], [(2,)], "rows"),
        ([(b"a",)], [("a",)], "rows"),
        ([(33.33,)], [(33.3333,)], "rows"),
    ],
)
def test_each_cause_is_named(predicted, gold, cause):
    verdict = judge_strict(PLAIN, result(*gold), result(*predicted), never)
    assert verdict == Verdict(not cause, cause)


def test_empty_results_are_equal_when_they_have_as_many_columns():
    assert judge_strict(PLAIN, result(), result(), never) == Verdict(True)
    assert judge_strict(SORTED, result(columns=2), result(columns=1), never) == Verdict(False, "columns")
    assert is_empty_match(result(), result())
    assert not is_empty_match(result(), result((1,)))
    assert not is_empty_match(result(), Execution(Status.ERROR))


def test_rows_that_are_simply_the_golds_need_no_second_query():
    assert judge_strict(f"{SORTED} LIMIT 1", result((1,)), result((1,)), never).equal
    assert not judge_strict(SORTED, result((1,)), result((2,)), never).equal
    assert not judge_strict(f"{SORTED} LIMIT 1", result((1,)), result((1,), (2,)), never).equal


def test_an_order_without_ties_is_required():
    def run(_):
        return result((1, 1), (2, 2), (3, 3))

    gold = result((1,), (2,), (3,))
    assert judge_strict(SORTED, gold, result((3,), (2,), (1,)), run) == Verdict(False, "order")
    assert judge_strict(PLAIN, gold, result((3,), (2,), (1,)), never) == Verdict(True)


def test_tied_rows_may_come_in_any_order():
    def run(_):
        return result((1, 1), (2, 1), (3, 3))

    gold = result((1,), (2,), (3,))
    assert judge_strict(SORTED, gold, result((2,), (1,), (3,)), run) == Verdict(True, note=TIED)
    assert judge_strict(SORTED, gold, result((2,), (3,), (1,)), run) == Verdict(False, "order")


def test_a_cut_tie_accepts_any_tied_row_and_no_other():
    def run(_):
        return result((1, 1), (2, 1))

    sql = f"{SORTED} LIMIT 1"
    assert judge_strict(sql, result((1,)), result((2,)), run).equal
    assert judge_strict(sql, result((1,)), result((3,)), run) == Verdict(False, "rows")


def test_without_the_ties_only_the_golds_own_order_is_right_and_it_says_so():
    gold = result((1,), (2,))
    verdict = judge_strict(SORTED, gold, result((2,), (1,)), fail)
    assert verdict == Verdict(False, "order", "its ties cannot be queried: timeout: 30 s")
    assert judge_strict(SORTED, gold, gold, fail) == Verdict(True)


@pytest.mark.parametrize(
    ("predicted", "gold", "cause"),
    [
        ([("2", 1)], [(1, 2)], ""),
        ([(0.1 + 0.2,)], [(0.3,)], ""),
        ([(1,), (1,)], [(1,)], "duplicates"),
        ([(1,), (2,)], [(1,)], "rows"),
        ([], [(1,)], "empty"),
        ([(1, 2)], [(1,)], "columns"),
        ([("x",)], [(1,)], "rows"),
    ],
)
def test_lenience_forgives_columns_tolerance_and_text_but_no_duplicates(predicted, gold, cause):
    assert judge_lenient(result(*gold), result(*predicted)) == Verdict(not cause, cause)


def test_what_is_strictly_right_is_leniently_right():
    strict = Verdict(True, note=TIED)
    assert judge_lenient(result((1,)), result((2,)), strict) == strict
    assert not judge_lenient(result((1,)), result((2,)), Verdict(False, "rows")).equal


def test_the_tolerance_is_the_runs():
    gold, predicted = result((33.3333,)), result((33.33,))
    assert not judge_lenient(gold, predicted).equal
    assert judge_lenient(gold, predicted, relaxation=Relaxation(relative=1e-3)).equal


RIGHT = Verdict(True)


@pytest.mark.parametrize(
    ("official", "strict", "lenient", "why"),
    [
        (True, RIGHT, RIGHT, ""),
        (False, Verdict(False, "rows"), Verdict(False, "rows"), ""),
        (True, Verdict(False, "duplicates"), Verdict(False, "duplicates"), "duplicates"),
        (True, Verdict(False, "order"), RIGHT, "order"),
        (True, Verdict(False, "columns"), Verdict(False, "columns"), "empty"),
        (False, Verdict(False, "columns"), RIGHT, "columns"),
        (False, Verdict(False, "float"), RIGHT, "float"),
        (False, RIGHT, RIGHT, "order"),
    ],
)
def test_a_gap_is_explained(official, strict, lenient, why):
    assert explain_gap(official, strict, lenient) == why


CELLS = st.sampled_from([None, 0, 1, 1.0, 0.5, "1", "a", b"a", 2**53 + 1, float(2**53)])
RESULTS = st.integers(1, 2).flatmap(
    lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=4).map(lambda rows: result(*rows, columns=width))
)


@settings(deadline=None)
@given(RESULTS, RESULTS)
def test_the_three_verdicts_hang_together(predicted, gold):
    strict = judge_strict(PLAIN, gold, predicted, never)
    lenient = judge_lenient(gold, predicted, strict)
    official = equal_official(predicted.rows, gold.rows)
    assert judge_strict(PLAIN, predicted, gold, never).equal == strict.equal
    assert strict.equal == (equal_typed(predicted.rows, gold.rows) and len(predicted.columns) == len(gold.columns))
    assert official or not strict.equal
    assert lenient.equal or not strict.equal
    assert (strict.cause == "") == strict.equal
    assert strict.equal or strict.cause in CAUSES
    assert (explain_gap(official, strict, lenient) == "") == (official == strict.equal == lenient.equal)
    if strict.cause == "duplicates":
        assert official
    if strict.cause in ("type", "float"):
        assert lenient.equal
        assert not official


@settings(deadline=None)
@given(RESULTS, st.randoms(use_true_random=False))
def test_a_shuffled_result_is_right_when_the_gold_has_no_order(gold, shuffler):
    rows = list(gold.rows)
    shuffler.shuffle(rows)
    assert judge_strict(PLAIN, gold, Execution(Status.OK, gold.columns, tuple(rows)), never).equal


SCORES = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "A", "b", None])), max_size=6)
ORDERS = st.lists(
    st.sampled_from(["x", "y", "x DESC", "y COLLATE NOCASE", "y DESC NULLS FIRST", "2", "-x", "x + id % 2"]),
    min_size=0,
    max_size=2,
    unique=True,
)
HEADS = st.sampled_from(["id, x", "x, y", "DISTINCT x, y", "*", "y AS x, x AS z", "y, count(*) AS x"])


@settings(deadline=None)
@given(SCORES, HEADS, ORDERS, st.sampled_from(["", " LIMIT 0", " LIMIT 2", " LIMIT 3 OFFSET 1"]), st.integers())
def test_any_physical_order_of_the_table_gives_a_right_answer(rows, head, orders, limit, seed):
    sql = f"SELECT {head} FROM t{' GROUP BY y' if 'count' in head else ''}"
    sql += f" ORDER BY {', '.join(orders)}" if orders else ""
    sql += limit
    shuffled = [(number, *row) for number, row in enumerate(rows)]
    with_first = fill(shuffled)
    random.Random(seed).shuffle(shuffled)
    with_second = fill(shuffled)
    gold, predicted = ask(with_first, sql), ask(with_second, sql)
    verdict = judge_strict(sql, gold, predicted, lambda query: ask(with_first, query))
    undefined = "DISTINCT" in verdict.note or "count" in head
    assert verdict.equal or undefined, (sql, gold.rows, predicted.rows, verdict)
    with_first.close()
    with_second.close()


def fill(rows):
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER, x INTEGER, y TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    return connection


def ask(connection, sql):
    try:
        cursor = connection.execute(sql)
    except sqlite3.Error as error:
        return Execution(Status.ERROR, error=str(error))
    return Execution(Status.OK, tuple(column[0] for column in cursor.description), tuple(cursor.fetchall()))
