from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.statistics import clustered_difference, holm, mcnemar, paired_bootstrap, wilson
from reports.compare import choose_metric, compare_runs, compare_with_baseline, metric_names, weigh


def test_flips_and_the_test_come_from_the_records(make_run):
    before, after = [1.0, 1.0, 0.0, 0.0, None], [1.0, 0.0, 1.0, 1.0, 1.0]
    comparison = compare_runs(make_run("old", before), make_run("new", after), "execution_accuracy")
    assert [(flip.second.question_id, flip.won) for flip in comparison.flips] == [(1, False), (2, True), (3, True)]
    assert comparison.test == mcnemar(before[:4], after[:4])
    assert (comparison.value_first, comparison.value_second, comparison.change) == (0.5, 0.75, 0.25)
    assert comparison.detectable > 0.25


def test_runs_are_compared_on_common_questions_only(make_run):
    comparison = compare_runs(make_run("old", [1.0] * 3), make_run("new", [1.0] * 5), "soft_f1")
    assert (comparison.test.n, comparison.only_first, comparison.only_second) == (3, 0, 2)


def test_questions_that_a_run_was_not_judged_on_are_counted(make_run):
    comparison = compare_runs(make_run("old", [None, 1.0, 0.0]), make_run("new", [1.0, None, 1.0]), "soft_f1")
    assert (comparison.test.n, comparison.unscored, len(comparison.questions)) == (1, 2, 1)


def test_intervals_are_those_of_the_values_that_are_compared(make_run):
    before, after = [1.0, 0.0, None, 0.0] * 15, [1.0, 1.0, 1.0, 0.0] * 15
    uncertainty = weigh(compare_runs(make_run("old", before), make_run("new", after), "execution_accuracy"), seed=3)
    kept = [index for index, value in enumerate(before) if value is not None]
    values = [before[index] for index in kept], [after[index] for index in kept]
    databases = ["apiary" if index % 2 else "ferry" for index in kept]
    assert uncertainty.by_question == paired_bootstrap(*values, seed=3)
    assert uncertainty.by_database == clustered_difference(*values, databases, seed=3)
    assert (uncertainty.first, uncertainty.second) == (wilson(15, 45), wilson(30, 45))


def test_scores_that_pass_one_have_no_wilson_interval(make_run):
    uncertainty = weigh(compare_runs(make_run("old", [1.3, 0.0]), make_run("new", [0.5, 0.0]), "soft_f1"))
    assert (uncertainty.first, uncertainty.second) == (None, wilson(0.5, 2))


def test_fractions_are_compared_by_the_sign_test_and_verdicts_by_mcnemars(make_run):
    assert compare_runs(make_run("old", [1.0, 0.0]), make_run("new", [0.0, 0.0]), "soft_f1").binary
    assert not compare_runs(make_run("old", [1.0, 0.5]), make_run("new", [0.0, 0.0]), "soft_f1").binary


def test_several_runs_are_compared_with_the_first_one_and_corrected_for_their_number(make_run):
    runs = [make_run("base", [0.0] * 12), make_run("a", [1.0] * 6 + [0.0] * 6), make_run("b", [1.0] * 8 + [0.0] * 4)]
    rows = compare_with_baseline(runs, "execution_accuracy")
    assert [row.comparison.second for row in rows] == ["b", "a"]
    assert [row.p_corrected for row in rows] == list(holm([2 / 2**8, 2 / 2**6]))
    assert compare_with_baseline(runs[:1], "execution_accuracy") == ()


def test_runs_of_one_name_are_told_apart_by_their_folders(make_run):
    one, two = make_run("run", [1.0]), make_run("run", [0.0])
    comparison = compare_runs(one, replace(two, path=Path("elsewhere/run")), "soft_f1")
    assert (Path(comparison.first), Path(comparison.second)) == (Path("runs/run"), Path("elsewhere/run"))


def test_questions_that_neither_run_has_scored_give_no_value(make_run):
    comparison = compare_runs(make_run("old", [None]), make_run("new", [None]), "soft_f1")
    assert (comparison.value_first, comparison.change, comparison.test.p_two_sided) == (None, 0.0, 1.0)


def test_runs_on_other_questions_cannot_be_compared(make_run):
    with pytest.raises(UsageError, match="no question in common"):
        compare_runs(make_run("old", [1.0]), make_run("new", [1.0], question="Another?"), "soft_f1")


def test_execution_accuracy_is_compared_unless_another_metric_is_named(make_run):
    one, two = make_run("old", [1.0]), make_run("new", [1.0])
    assert choose_metric(one, two, None) == "execution_accuracy"
    assert choose_metric(one, two, "soft_f1") == "soft_f1"
    with pytest.raises(UsageError, match="choose one of execution_accuracy, soft_f1"):
        choose_metric(one, two, "speed")


def test_runs_without_a_common_metric_are_refused(make_run):
    with pytest.raises(UsageError, match="no metric in common"):
        choose_metric(make_run("old", [1.0]), make_run("new", [1.0], scores={}, complete=False), None)


def test_an_incomplete_run_names_its_metrics_by_its_records(make_run):
    assert metric_names(make_run("half", [1.0], complete=False)) == ("execution_accuracy", "soft_f1")
