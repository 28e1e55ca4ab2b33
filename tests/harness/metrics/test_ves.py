"""`ves` and `r_ves`: the official arithmetic on given times."""

import math
import sqlite3

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from harness.execution import Executor
from harness.execution.measurement import Measurement
from harness.metrics.r_ves import RVes, r_ves_reward, r_ves_score
from harness.metrics.ves import Ves, time_ratio, ves_score
from harness.types import Completion, Example, Execution, Extraction, Prediction, Schema, Status

RATIOS = st.lists(st.floats(1e-4, 1e4), min_size=2, max_size=120)
NEARLY_EQUAL = st.lists(st.floats(0.9, 1.1) | st.floats(0.5, 50.0), min_size=12, max_size=120)


def naive_time_ratio(ratios):
    """METRICS: the mean after dropping values outside of mean ± 3σ (strict); `None` where one is on the edge."""
    mean = sum(ratios) / len(ratios)
    deviation = math.sqrt(sum((ratio - mean) ** 2 for ratio in ratios) / len(ratios))
    total, count = 0.0, 0
    for ratio in ratios:
        if abs(abs(ratio - mean) - 3 * deviation) < 1e-9 * (mean + deviation):
            return None  # which side it is on hangs on the order of summation
        if mean - 3 * deviation < ratio < mean + 3 * deviation:
            total += ratio
            count += 1
    return total / count


@given(RATIOS | NEARLY_EQUAL)
def test_the_time_ratio_is_the_official_one_to_the_last_bit(ratios):
    expected = naive_time_ratio(ratios)
    assume(expected is not None)
    assert time_ratio(ratios) == expected


@given(
    RATIOS | NEARLY_EQUAL | st.tuples(st.floats(0.5, 2), st.floats(2.5, 20)).map(lambda pair: [pair[0]] * 9 + [pair[1]])
)
@example([0.7] * 9 + [2.4])  # ten values of which one differs lie on the edge, and the order of summation decides
@example([3.7] * 9 + [5.2])
@example([3.5] * 18 + [4.9] * 2)
@example([1.8] * 27 + [4.7] * 3)
def test_the_edge_of_three_sigma_is_where_numpy_puts_it(ratios):
    np = pytest.importorskip("numpy")
    values = np.asarray(ratios)
    mean, deviation = np.mean(values, axis=0), np.std(values, axis=0)
    kept = [x for x in values if x < mean + 3 * deviation and x > mean - 3 * deviation]
    assume(kept)
    total = 0
    for value in kept:
        total = total + value
    assert time_ratio(ratios) == total / len(kept)


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([1.5], 1.5),
        ([2.0] * 100, 2.0),
        ([0.5, 1.5], 1.0),
        ([1.0] * 99 + [1000.0], 1.0),
        ([1.0] * 50 + [2.0] * 50, 1.5),
        ([], 0.0),
    ],
)
def test_outliers_are_dropped_but_never_everything(ratios, expected):
    assert time_ratio(ratios) == expected


@pytest.mark.parametrize(
    ("ratio", "reward"),
    [
        (0.0, 0.0),
        (1e-9, 0.25),
        (math.nextafter(0.25, 0), 0.25),
        (0.25, 0.5),
        (math.nextafter(0.5, 0), 0.5),
        (0.5, 0.75),
        (math.nextafter(1.0, 0), 0.75),
        (1.0, 1.0),
        (math.nextafter(2.0, 0), 1.0),
        (2.0, 1.25),
        (1e9, 1.25),
    ],
)
def test_rewards_change_at_the_official_steps(ratio, reward):
    assert r_ves_reward(ratio) == reward


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=60))
def test_scores_of_a_run_are_the_official_sums(ratios):
    total, rewarded = 0, 0
    for ratio in ratios:
        total += math.sqrt(ratio) * 100
        if ratio == 0:
            reward = 0
        elif ratio >= 2:
            reward = 1.25
        elif 1 <= ratio < 2:
            reward = 1
        elif 0.5 <= ratio < 1:
            reward = 0.75
        elif 0.25 <= ratio < 0.5:
            reward = 0.5
        else:
            reward = 0.25
        rewarded += math.sqrt(reward) * 100
    assert ves_score(ratios) == total / len(ratios)
    assert r_ves_score([r_ves_reward(ratio) for ratio in ratios]) == rewarded / len(ratios)


class Clock:
    """An executor whose clock stands still at given times."""

    def __init__(self, measured):
        self.measured, self.asked = measured, []

    def measure(self, *asked):
        self.asked.append(asked)
        return self.measured


def rows(*values):
    return Execution(Status.OK, ("a",), tuple((value,) for value in values))


def predict(predicted, *golds, sql="SELECT 2 - 1"):
    example = Example(0, "db", "?", "SELECT 1", alternative_gold_sql=("SELECT 2",) * (len(golds) - 1))
    return Prediction(example, Schema("db", ()), Completion(0, ""), Extraction(sql), predicted, golds)


EXECUTE = ((1.0, 2.0), (4.0, 8.0))
TOTAL = ((8.0, 8.0), (4.0, 5.0))
CLOCK = Measurement(Status.OK, "", EXECUTE, TOTAL, (10, 20))


def test_ves_reads_the_clock_of_execute_and_r_ves_that_of_both():
    clock = Clock(CLOCK)
    prediction = predict(rows(1), rows(1))
    assert Ves(repeats=2).score(prediction, clock).value == 2.0
    score = RVes(repeats=2).score(prediction, clock)
    assert (score.value, score.reason) == (math.sqrt(0.75), "reward 0.75 for τ = 0.562 in 2 repeats")
    assert clock.asked == [("db", ("SELECT 2 - 1", "SELECT 1"), 2, 60.0)] * 2


@pytest.mark.parametrize("metric", [Ves(), RVes()])
@pytest.mark.parametrize(
    ("prediction", "reason"),
    [
        (predict(rows(2), rows(1)), "1 rows differ from the gold's 1"),
        (predict(Execution(Status.ERROR, error="no such table"), rows(1)), "error: no such table"),
        (predict(rows(1), Execution(Status.TIMEOUT, error="late")), "gold failed: late"),
    ],
)
def test_what_is_not_officially_right_scores_zero_without_being_timed(metric, prediction, reason):
    clock = Clock(CLOCK)
    score = metric.score(prediction, clock)
    assert (score.metric, score.value, score.reason, clock.asked) == (metric.name, 0.0, reason, [])


@pytest.mark.parametrize("metric", [Ves(), RVes()])
def test_the_gold_that_the_answer_equals_is_the_one_that_it_races(metric):
    clock = Clock(CLOCK)
    metric.score(predict(rows(2), rows(1), rows(2)), clock)
    assert clock.asked[0][1] == ("SELECT 2 - 1", "SELECT 2")


@pytest.mark.parametrize("metric", [Ves(), RVes()])
def test_a_race_that_fails_scores_zero_and_says_why(metric):
    score = metric.score(predict(rows(1), rows(1)), Clock(Measurement(Status.TIMEOUT, "stopped after 1 s")))
    assert (score.value, score.reason) == (0.0, "timing failed: timeout: stopped after 1 s")


@pytest.mark.parametrize("metric", [Ves(), RVes()])
def test_a_clock_that_does_not_move_is_no_reason_to_fail(metric):
    still = Measurement(Status.OK, "", ((0.0,), (0.0,)), ((0.0,), (0.0,)), (1, 1))
    assert metric.score(predict(rows(1), rows(1)), Clock(still)).value == 1.0


@pytest.mark.parametrize("metric", [Ves(repeats=3), RVes(repeats=3)])
def test_real_statements_are_really_timed(metric, tmp_path):
    path = tmp_path / "db.sqlite"
    sqlite3.connect(path).executescript("CREATE TABLE t (a)").close()
    with Executor({"db": path}, workers=1) as executor:
        score = metric.score(predict(rows(1), rows(1)), executor)
    assert score.value > 0
    assert "in 3 repeats" in score.reason
