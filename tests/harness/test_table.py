"""A run as a terminal table."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.table import print_run
from harness.errors import DataError
from harness.summary import summarise
from harness.types import Record, Run, Score

ODD = "r[bold]x :smile:"
RECORD = Record(
    question_id=1,
    db_id=f"db {ODD}",
    difficulty=f"hard {ODD}",
    question="?",
    evidence="",
    gold_sql="SELECT 1",
    completion="SELECT 1",
    sql="SELECT 1",
    status="ok",
    error="",
    diagnosis=None,
    gold_result=None,
    predicted_result=None,
    scores={f"m {ODD}": Score(f"m {ODD}", 1.0)},
)
RUN = Run(
    Path(f"run {ODD}"),
    {"dataset": {"n": 1, "notes": [f"about {ODD}"]}},
    (RECORD,),
    summarise([RECORD], [f"m {ODD}"]),
)


def shown(run):
    console = Console(file=io.StringIO(), width=200)
    print_run(run, console)
    return console.file.getvalue()


def test_names_are_shown_as_they_are_whatever_brackets_they_have():
    text = shown(RUN)
    for what in ("run", "db", "hard", "m", "about"):
        assert f"{what} {ODD}" in text
    assert text.count(f"m {ODD}") == 2  # a row, and a heading in the table of databases


def test_the_name_of_an_incomplete_run_is_shown_as_it_is():
    assert f"run {ODD}: incomplete, 1 of 1 questions" in shown(replace(RUN, summary=None))


def test_why_answers_failed_and_how_good_the_golds_are_stands_below_the_rates():
    summary = {
        **RUN.summary,
        "diagnosis": {"correct": 1, "wrong_rows": 3},
        "ast_equivalence": {"proved": 1, "refuted": 2, "unknown": 1},
        "verdict_gaps": {"official_only: duplicates": 2},
        "linking": {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "n": 4},
        "gold": {
            "ceiling": 0.75,
            "failing": 1,
            "flags": {"tie_at_limit": 2},
            "flagged": 2,
            "unflagged": RUN.summary["metrics"],
        },
    }
    text = shown(replace(RUN, summary=summary))
    for line in (
        "diagnosis: 3 wrong_rows · 1 correct",
        "ast_equivalent: 1 proved · 2 refuted · 1 unknown",
        "verdicts disagree: 2 official_only: duplicates",
        "schema linking: precision 50.00, recall 25.00, f1 33.33 over 4 readable answers",
        "golds: 75.00 is the most that any answer can reach; 1 of them fail",
        "doubtful golds: 2 (2 tie_at_limit)",
    ):
        assert line in text


def test_an_incomplete_run_whose_manifest_says_little_is_shown_all_the_same():
    assert "incomplete, 1 of ? questions" in shown(replace(RUN, summary=None, manifest={}))


def test_a_summary_that_lacks_what_is_shown_is_named_with_what_it_lacks():
    with pytest.raises(DataError, match="its summary has no metrics, slices; restore the file"):
        shown(replace(RUN, summary={"n": 1, "status": {}}))
