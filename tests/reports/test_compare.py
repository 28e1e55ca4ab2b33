import pytest

from harness.errors import UsageError
from harness.statistics import mcnemar
from reports.compare import choose_metric, compare_runs, metric_names


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
