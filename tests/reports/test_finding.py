from dataclasses import replace

import pytest

from reports.compare import compare_runs, weigh
from reports.finding import write_finding


def finding(make_run, before, after, **changes):
    comparison = compare_runs(make_run("old", before, **changes), make_run("new", after, **changes), "soft_f1")
    return write_finding(comparison, weigh(comparison)).replace("\N{NO-BREAK SPACE}", " ")


def test_what_is_not_shown_is_said_with_the_difference_that_could_have_been(make_run):
    before = [0.0] * 14 + [1.0] * 9 + [1.0] * 167
    after = [1.0] * 14 + [0.0] * 9 + [1.0] * 167
    assert finding(make_run, before, after) == (
        "new is better on 14, worse on 9 of 190 questions; p = 0.4049 (exact McNemar): no difference shown;"
        " with this n, differences below 7.1 points cannot be shown."
    )


@pytest.mark.parametrize(
    ("ahead", "word", "change"), [(1.0, "better", "+20.00"), (0.0, "worse", "\N{MINUS SIGN}20.00")]
)
def test_a_difference_has_a_direction_a_size_and_an_interval(make_run, ahead, word, change):
    before = [1.0 - ahead] * 21 + [ahead] + [1.0] * 78
    after = [ahead] * 21 + [1.0 - ahead] + [1.0] * 78
    text = finding(make_run, before, after)
    assert f"p < 0.0001 (exact McNemar): new is {word}; the difference is {change} points (95 % interval " in text


def test_a_difference_on_few_databases_is_not_claimed_for_others(make_run):
    before, after = [0.0] * 40, [1.0, 0.0] * 20
    assert "for other databases it is not shown (p = " in finding(make_run, before, after)
    assert "2 databases resampled whole" in finding(make_run, before, after)


def test_a_difference_on_each_of_many_databases_is_claimed_without_reserve(make_run):
    runs = [make_run(name, values) for name, values in (("old", [0.0] * 60), ("new", [1.0, 0.0, 0.0] * 20))]
    spread = [
        replace(run, records=tuple(replace(one, db_id=f"db{one.question_id // 3}") for one in run.records))
        for run in runs
    ]
    comparison = compare_runs(*spread, "soft_f1")
    assert "other databases" not in write_finding(comparison, weigh(comparison))


def test_identical_verdicts_and_no_verdicts_are_said_in_words(make_run):
    assert finding(make_run, [1.0, 0.0], [1.0, 0.0]) == (
        "new and old are judged alike on all 2 questions: nothing tells them apart."
    )
    assert finding(make_run, [1.0], [1.0]) == "new and old are judged alike on 1 question: nothing tells them apart."
    assert finding(make_run, [None], [1.0]).startswith("No question was scored in both runs")


def test_fractions_are_tested_by_a_sign_test(make_run):
    assert "(exact sign test)" in finding(make_run, [0.5, 0.2], [0.6, 0.2])


def test_credits_that_win_often_and_lose_on_average_are_called_so(make_run):
    text = finding(make_run, [0.5] * 12 + [1.0], [0.51] * 12 + [0.0])
    assert "new is better more often, but not on average; the difference is \N{MINUS SIGN}6.77 points" in text
