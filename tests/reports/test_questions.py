from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.types import Dataset, Example, ResultPreview, Score
from reports.questions import collect_questions, fill_in


def test_every_question_holds_one_answer_for_each_run_that_has_it(make_run):
    drill_down = collect_questions([make_run("old", [1.0]), make_run("new", [0.0, 1.0])], "execution_accuracy", "new")
    assert (drill_down["runs"], drill_down["chosen"]) == (["old", "new"], 1)
    first, second = drill_down["questions"]
    assert [answer["value"] for answer in first["answers"]] == [1.0, 0.0]
    assert second["answers"][0] is None
    assert first["gold"] == "SELECT 0"
    assert first["gold_result"] == {"columns": ["n"], "rows": [["0"]], "row_count": 1}
    assert first["answers"][1]["error"] == "no such column: nmae"


def test_questions_with_one_id_in_two_databases_stay_apart(make_run):
    runs = [make_run("one", [1.0]), make_run("two", [1.0], db_id="orchard")]
    assert [question["db"] for question in collect_questions(runs, "soft_f1")["questions"]] == ["ferry", "orchard"]


def test_the_completion_is_shown_only_where_no_sql_was_found(make_run):
    runs = [make_run("found", [1.0]), make_run("none", [0.0], sql=None, completion="Sure!", status="no_sql")]
    found, none = collect_questions(runs, "soft_f1")["questions"][0]["answers"]
    assert (found["sql"], found["completion"]) == ("SELECT 1", "")
    assert (none["sql"], none["completion"]) == (None, "Sure!")


def test_scores_stand_at_the_place_of_their_metric_with_reason_if_any(make_run):
    scores = {"soft_f1": Score("soft_f1", 0.5, "half"), "grounded": Score("grounded", float("nan"))}
    drill_down = collect_questions([make_run("r", [1.0]), make_run("s", [1.0], scores=scores)], "soft_f1")
    assert drill_down["metrics"] == ["execution_accuracy", "soft_f1", "grounded"]
    assert drill_down["questions"][0]["answers"][1]["scores"] == [None, [0.5, "half"], [None]]


def test_long_texts_and_cells_are_cut_and_null_stays_null(make_run):
    preview = ResultPreview(("a", "b"), ((None, "x" * 1000),), 7)
    run = make_run("r", [1.0], sql="y" * 5000, predicted_result=preview)
    answer = collect_questions([run], "soft_f1")["questions"][0]["answers"][0]
    assert len(answer["sql"]) == 4000
    assert answer["result"]["rows"][0][0] is None
    assert len(answer["result"]["rows"][0][1]) == 200
    assert answer["result"]["row_count"] == 7


@pytest.fixture
def dataset():
    example = Example(0, "ferry", "How many boats?", "SELECT 2", "boats are ships", "simple")
    return Dataset("mini", "dev", (example,), {}, {})


def test_the_texts_of_a_published_run_are_filled_in_from_its_data(make_run, dataset):
    run = make_run("r", [1.0, 1.0], question="", gold_sql="")
    first, second = fill_in(run, dataset).records
    assert (first.question, first.gold_sql, first.evidence) == ("How many boats?", "SELECT 2", "boats are ships")
    assert second.question == ""


def test_texts_that_a_run_has_are_kept(make_run, dataset):
    assert fill_in(make_run("r", [1.0]), dataset).records[0].question == "Question 0?"


def test_data_without_any_question_of_the_run_is_refused(make_run, dataset):
    with pytest.raises(UsageError, match="has no question of r"):
        fill_in(make_run("r", [1.0], db_id="elsewhere"), dataset)
    assert fill_in(replace(make_run("r", [1.0]), records=()), dataset).records == ()
