"""A run as a terminal table."""

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from harness.cli.table import print_run
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
    assert text.count(f"m {ODD}") == 3  # a row, and a heading for each kind of slice


def test_the_name_of_an_incomplete_run_is_shown_as_it_is():
    assert f"run {ODD}: incomplete, 1 of 1 questions" in shown(replace(RUN, summary=None))
