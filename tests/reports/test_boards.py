from dataclasses import replace

import pytest

from harness.statistics import holm
from reports.boards import build_boards, write_headline


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_runs_are_ranked_by_execution_accuracy_and_the_first_given_is_the_baseline(make_run):
    runs = [make_run("base", [1.0, 0.0, 0.0]), make_run("worst", [0.0] * 3), make_run("best", [1.0, 1.0, 0.0])]
    (board,) = build_boards(runs)
    assert [run.name for run in board.runs] == ["best", "base", "worst"]
    assert board.baseline == "base"
    assert [row.comparison.second for row in board.comparisons] == ["best", "worst"]


def test_p_values_of_several_comparisons_are_corrected(make_run):
    runs = [make_run("base", [0.0] * 10), make_run("a", [1.0] * 6 + [0.0] * 4), make_run("b", [1.0] * 8 + [0.0] * 2)]
    (board,) = build_boards(runs)
    raw = [row.comparison.test.p_two_sided for row in board.comparisons]
    assert [row.p_corrected for row in board.comparisons] == list(holm(raw))
    assert raw[0] != board.comparisons[0].p_corrected


def test_runs_on_other_questions_stand_on_a_board_of_their_own(make_run):
    boards = build_boards([make_run("all", [1.0] * 4), make_run("few", [1.0] * 3), make_run("all2", [0.0] * 4)])
    assert [[run.name for run in board.runs] for board in boards] == [["all", "all2"], ["few"]]
    assert [board.title for board in boards] == ["mini dev", "mini dev (other questions)"]


def test_an_incomplete_run_is_on_no_board(make_run):
    assert build_boards([make_run("half", [1.0], complete=False)]) == ()


def test_without_execution_accuracy_the_first_metric_ranks(make_run):
    run = make_run("r", [1.0, 0.0])
    metrics = {"valid_sql": run.summary["metrics"]["soft_f1"]}
    (board,) = build_boards([replace(run, summary=run.summary | {"metrics": metrics})])
    assert board.primary == "valid_sql"
    assert plain(write_headline([board]).sentence) == "r reaches 50.00 % Valid SQL on 2 questions."


def test_diagnoses_are_listed_by_frequency(make_run):
    (board,) = build_boards([make_run("r", [0.0, 0.0, 1.0])])
    assert board.diagnoses == ("unknown_column", "correct")
    assert board.statuses == ("ok", "error")


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (
            [1.0] * 10 + [0.0] * 10,
            "new answers 50.00 % of 20 questions correctly, 50.00 points more than base.",
        ),
        (
            [1.0] * 2 + [0.0] * 18,
            "new answers 10.00 % of 20 questions correctly; the 10.00 points over base may be chance.",
        ),
        ([0.0] * 20, "base answers 0.00 % of 20 questions correctly, and none of the other runs does better."),
    ],
)
def test_the_headline_states_the_best_run_and_its_gain(make_run, after, sentence):
    boards = build_boards([make_run("base", [0.0] * 20), make_run("new", after)])
    assert plain(write_headline(boards).sentence) == sentence


def test_the_headline_says_how_sure_it_is(make_run):
    boards = build_boards([make_run("base", [0.0] * 20), make_run("new", [1.0] * 10 + [0.0] * 10)])
    assert plain(write_headline(boards).certainty) == (
        "95 % interval 29.9 to 70.1 %; 10 newly right, 0 newly wrong against base;"
        " p = 0.0020 (McNemar, exact, two-sided)."
    )


def test_the_headline_counts_only_scored_questions(make_run):
    boards = build_boards([make_run("only", [1.0, None])])
    assert plain(write_headline(boards).sentence) == "only answers 100.00 % of 1 scored question correctly."


def test_the_headline_of_nothing_claims_nothing(make_run):
    assert write_headline([]).sentence == "No complete run yet."
    assert write_headline(build_boards([make_run("r", [None])])).sentence == "r: nothing was scored."


def test_the_metric_that_ranks_comes_first(make_run):
    run = make_run("r", [1.0])
    rates = run.summary["metrics"]
    reordered = {"soft_f1": rates["soft_f1"], "execution_accuracy": rates["execution_accuracy"]}
    (board,) = build_boards([replace(run, summary=run.summary | {"metrics": reordered})])
    assert board.metrics == ("execution_accuracy", "soft_f1")


def with_database(run, digest):
    return replace(run, manifest=run.manifest | {"hashes": {"databases/ferry": digest, "databases/apiary": "a" * 64}})


def test_runs_on_other_databases_are_never_ranked_together_and_the_board_says_why(make_run):
    runs = [
        with_database(make_run(name, [1.0, 0.0]), digest * 64) for name, digest in (("a", "1"), ("b", "2"), ("c", "1"))
    ]
    boards = build_boards(runs)
    assert [sorted(run.name for run in board.runs) for board in boards] == [["a", "c"], ["b"]]
    assert [board.title for board in boards] == ["mini dev", "mini dev (other data)"]
    assert "On mini dev; other questions or data" in write_headline(boards).certainty
    assert boards[0].apart == ()
    assert boards[1].apart == ("a: databases/ferry: sha256 111111111111… and 222222222222…",)
    assert [row.comparison.second for row in boards[0].comparisons] == ["c"]
    assert boards[1].comparisons == ()


def test_runs_on_other_golds_are_never_ranked_together(make_run):
    boards = build_boards([make_run("a", [1.0, 0.0]), make_run("b", [1.0, 0.0], gold_sql="SELECT 7")])
    assert [[run.name for run in board.runs] for board in boards] == [["a"], ["b"]]
    assert "another gold SQL" in boards[1].apart[0]


def test_many_metrics_are_parted_into_those_that_people_ask_for_and_the_others(make_run):
    run = make_run("r", [1.0])
    rate = run.summary["metrics"]["soft_f1"]
    names = ("valid_sql_raw", "valid_sql", "grounded", "soft_f1", "execution_accuracy", "execution_accuracy_strict")
    (board,) = build_boards([replace(run, summary=run.summary | {"metrics": dict.fromkeys(names, rate)})])
    assert board.headline == ("execution_accuracy", "execution_accuracy_strict", "valid_sql", "grounded")
    assert board.others == ("valid_sql_raw", "soft_f1")
    assert sorted(board.headline + board.others) == sorted(names)
