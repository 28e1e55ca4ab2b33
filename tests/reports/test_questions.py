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


def test_questions_stand_by_their_ids_however_they_were_finished(make_run):
    run = make_run("r", [1.0] * 12)
    named = replace(run.records[0], question_id="b-7")
    shuffled = replace(run, records=(named, *reversed(run.records)))
    ids = [question["id"] for question in collect_questions([shuffled], "soft_f1")["questions"]]
    assert ids == [*map(str, range(12)), "b-7"]


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


def test_what_is_known_beyond_scores_comes_along_and_nothing_where_nothing_is_known(make_run):
    analysis = {
        "why": "column nmae does not exist; nearest: name",
        "gaps": ["official_only: order"],
        "gold_flags": ["volatile"],
        "repair": {"sql": "SELECT x", "error": "no such column: x", "method": "asked", "accepted": False},
        "samples": [{"sql": "y" * 999, "status": "ok", "rows": 2, "group": 1, "correct": True}],
    }
    told, silent = (
        collect_questions([make_run("r", [1.0], analysis=one)], "soft_f1")["questions"][0] for one in (analysis, {})
    )
    answer = told["answers"][0]
    assert {name: answer[name] for name in ("why", "gaps", "repair")} == {
        name: analysis[name] for name in ("why", "gaps", "repair")
    }
    assert answer["tries"] == [["y" * 399 + "…", "ok", 2, 1, True]]
    assert told["flags"] == ["volatile"]
    assert silent["flags"] == []
    assert not {"why", "gaps", "repair", "tries"} & silent["answers"][0].keys()


def test_no_text_of_a_question_is_longer_than_a_reader_reads(make_run):
    endless = "z" * 100_000
    preview = ResultPreview((endless,), ((endless,),), 1)
    texts = dict.fromkeys(("question", "evidence", "gold_sql", "sql", "completion", "error"), endless)
    scores = {"soft_f1": Score("soft_f1", 0.0, endless)}
    run = make_run(
        "r", [0.0], **texts, predicted_result=preview, gold_result=preview, scores=scores, analysis={"why": endless}
    )
    assert len(str(collect_questions([run], "soft_f1"))) < 40_000


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
