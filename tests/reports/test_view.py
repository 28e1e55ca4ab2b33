from reports.systems import view_run
from reports.view import build_page


def test_a_page_holds_every_run_in_the_order_given(make_run):
    runs = [make_run("b", [1.0]), make_run("a", [0.0])]
    page = build_page(runs)
    assert list(page.runs) == [view_run(run) for run in runs]
    assert [name for name, _ in page.definitions] == ["execution_accuracy", "soft_f1"]


def test_the_drill_down_is_judged_by_the_metric_that_ranks_and_begins_with_the_best_run(make_run):
    page = build_page([make_run("base", [0.0]), make_run("best", [1.0])])
    assert page.boards[0].primary == "execution_accuracy"
    assert page.drill_down["chosen"] == 1
    assert [run.name for run in page.incomplete] == []


def test_without_a_complete_run_nothing_is_ranked(make_run):
    page = build_page([make_run("half", [0.0], complete=False)])
    assert page.boards == ()
    assert [run.name for run in page.incomplete] == ["half"]
