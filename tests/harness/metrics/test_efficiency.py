"""`efficiency`: noise never counts, a real difference does."""

import math
import sqlite3
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.execution import Executor
from harness.execution.measurement import Measurement
from harness.metrics.efficiency import Efficiency, median_interval
from harness.metrics.timing import Race
from harness.types import Completion, Example, Execution, Extraction, Prediction, Schema, Status


class Clock:
    """An executor whose clock gives these times to prediction and gold."""

    def __init__(self, predicted_s, gold_s, steps=(10, 20)):
        self.measured = Measurement(Status.OK, "", ((), ()), (tuple(predicted_s), tuple(gold_s)), steps)
        self.asked = []

    def measure(self, *asked):
        self.asked.append(asked)
        return self.measured


def rows(*values):
    return Execution(Status.OK, ("a",), tuple((value,) for value in values))


def predict(predicted=None, gold=None, sql="SELECT 2 - 1", gold_sql="SELECT 1"):
    example = Example(0, "db", "?", gold_sql)
    executions = predicted or rows(1), (gold or rows(1),)
    return Prediction(example, Schema("db", ()), Completion(0, ""), Extraction(sql), *executions)


def judge(predicted_s, gold_s, **options):
    return Efficiency(**options).score(predict(), Clock(predicted_s, gold_s))


def covers(count, low, high):
    """The chance that the median of `count` values lies between the two order statistics: all 2^count cases."""
    hits = sum(low < sum(below) <= high for below in product((0, 1), repeat=count))
    return hits / 2**count


@pytest.mark.parametrize("count", range(13))
def test_the_interval_is_the_narrowest_that_covers_the_median(count):
    low, high = median_interval([float(number) for number in range(count)])
    if count < 6:
        assert (low, high) == (-math.inf, math.inf)
        return
    low, high = int(low), int(high)
    assert covers(count, low, high) >= 0.95
    assert high == count - 1 - low
    assert covers(count, low + 1, high - 1) < 0.95


def test_the_interval_is_the_one_in_the_tables():
    for count, rank in ((6, 1), (9, 2), (15, 4), (20, 6), (25, 8), (50, 18)):
        assert median_interval(list(range(1, count + 1))) == (rank, count + 1 - rank)


def test_many_repeats_are_no_trouble():
    low, high = median_interval([1.0] * 5_000)
    assert (low, high) == (1.0, 1.0)


NOISE = st.floats(1e-3, 10.0)


@given(st.lists(NOISE, min_size=1, max_size=40), st.randoms())
def test_the_same_times_in_any_order_never_look_slower_and_faster_at_once(times, random):
    shuffled = random.sample(times, len(times))
    one, other = judge(times, shuffled, ceiling=math.inf), judge(shuffled, times, ceiling=math.inf)
    assert (one.value == 1.0) is (other.value == 1.0)
    assert math.isclose(one.value * other.value, 1.0)


@given(st.lists(NOISE, min_size=1, max_size=40))
def test_equal_times_score_exactly_one(times):
    assert judge(times, times).value == 1.0


@given(st.lists(NOISE, min_size=6, max_size=40), st.floats(1.2, 100.0))
def test_a_constant_factor_beyond_the_band_is_found_whatever_the_noise(times, factor):
    faster = judge(times, [factor * one for one in times], ceiling=math.inf, floor_s=0)
    slower = judge([factor * one for one in times], times, floor_s=0)
    assert math.isclose(faster.value, factor)
    assert math.isclose(slower.value, 1 / factor)


@given(st.lists(NOISE, min_size=6, max_size=40), st.floats(1 / 1.09, 1.09))
def test_a_constant_factor_inside_the_band_is_not(times, factor):
    assert judge([factor * one for one in times], times).value == 1.0


@pytest.mark.parametrize(
    ("predicted_s", "gold_s", "value", "why"),
    [
        ([1.0] * 9, [3.0] * 9, 2.0, "ratio 3.00 (3.00 to 3.00) in 9 repeats; VM steps 10, gold 20"),
        ([1.0] * 5, [3.0] * 5, 2.0, "ratio 3.00 (3.00 to 3.00) in 5 repeats"),
        ([8.0], [0.5], 0.0625, "ratio 0.06 (0.06 to 0.06) in 1 repeats"),
        ([1.0] * 5, [3.0] * 4 + [1.0], 1.0, "no difference: ratio 3.00 (1.00 to 3.00) in 5 repeats"),
        ([1.0] * 9, [3.0] * 7 + [1.0] * 2, 1.0, "no difference: ratio 3.00 (1.00 to 3.00)"),
        ([1e-5] * 9, [2.9e-5] * 9, 1.0, "no difference: ratio 2.90"),
        ([1e-5] * 9, [3.1e-5] * 9, 2.0, "ratio 3.10"),
        ([4.0] * 9, [1.0] * 9, 0.25, "ratio 0.25"),
    ],
)
def test_only_what_noise_cannot_explain_moves_the_value(predicted_s, gold_s, value, why):
    score = judge(predicted_s, gold_s)
    assert score.value == value
    assert score.reason.startswith(why)


def test_as_many_steps_are_as_much_work():
    predicted_s, gold_s = [1.0] * 9, [3.0] * 9
    for steps, value in (((7, 7), 1.0), ((None, None), 2.0), ((7, None), 2.0)):
        assert Efficiency().score(predict(), Clock(predicted_s, gold_s, steps)).value == value


def test_too_many_steps_are_said_to_be_that():
    reason = Efficiency().judge(Race("", (), (), (1.0,) * 9, (1.0,) * 9, None, 12_345)).reason
    assert reason.endswith("VM steps too many, gold 12,345")


def test_a_wrong_answer_scores_zero_and_a_failed_gold_cannot_be_judged():
    failed = Execution(Status.ERROR, error="no such table")
    for prediction, value in (
        (predict(rows(2)), 0.0),
        (predict(failed), 0.0),
        (predict(gold=failed), None),
        (predict(failed, failed), None),
    ):
        clock = Clock((), ())
        assert (Efficiency().score(prediction, clock).value, clock.asked) == (value, [])


def test_a_race_that_fails_cannot_be_judged():
    clock = Clock((), ())
    clock.measured = Measurement(Status.RESOURCE, "worker died (signal 9)")
    score = Efficiency().score(predict(), clock)
    assert (score.value, score.reason) == (None, "timing failed: resource: worker died (signal 9)")


def test_an_answer_that_fails_when_it_is_timed_beside_a_gold_that_does_not_scores_zero():
    class Slow(Clock):
        def measure(self, db_id, statements, *rest):
            late = Measurement(Status.TIMEOUT, "stopped after 30 s")
            return late if len(statements) > 1 else super().measure(db_id, statements, *rest)

    score = Efficiency().score(predict(), Slow((), ()))
    assert (score.value, score.reason) == (0.0, "timing failed: timeout: stopped after 30 s")


def test_the_golds_own_text_is_not_timed():
    clock = Clock((), ())
    score = Efficiency().score(predict(sql=" SELECT 1\n"), clock)
    assert (score.value, clock.asked) == (1.0, [])


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "db.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", ((number, f"x{number % 97}") for number in range(5_000)))
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(
    ("gold_sql", "sql"),
    [
        ("SELECT count(*) FROM t WHERE b = 'x5'", "select  COUNT( * )\nfrom t as T1 where 'x5' = T1.b -- the same"),
        ("SELECT b FROM t", "SELECT t.b FROM t WHERE 1 = 1"),
        ("SELECT 1", "SELECT 2 - 1 FROM (SELECT 1)"),
    ],
)
def test_equal_queries_with_another_text_score_exactly_one(database, gold_sql, sql):
    with Executor({"db": database}, workers=1) as executor:
        execution = executor.execute("db", gold_sql)
        score = Efficiency().score(predict(execution, execution, sql, gold_sql), executor)
    assert score.value == 1.0, score.reason
    assert "VM steps" in score.reason


def test_a_quadratic_query_is_slower_than_a_linear_one(database):
    linear = "SELECT count(*) FROM t WHERE a < 300"
    quadratic = "SELECT count(*) FROM t x WHERE (SELECT count(*) FROM t y WHERE y.a + 0 < x.a) < 300 AND x.a < 300"
    with Executor({"db": database}, workers=1) as executor:
        right = executor.execute("db", linear)
        slower = Efficiency(repeats=9).score(predict(right, right, quadratic, linear), executor)
        faster = Efficiency(repeats=9).score(predict(right, right, linear, quadratic), executor)
    assert slower.value < 0.5
    assert faster.value == 2.0
