"""The official script's text table, by hand."""

import json

import pytest

from harness.cli import main
from harness.cli.compat import bird_table
from harness.datasets import load
from harness.types import Run

QUESTIONS = load("mini", "dev").examples


def score(capsys, folder, *words):
    items = [{"question_id": one.question_id, "SQL": one.gold_sql} for one in QUESTIONS]
    for item in items[:10]:
        item["SQL"] = "SELECT 'no' AS such, 'answer'"
    (folder / "answers.json").write_text(json.dumps(items))
    where = ["--data", "mini", "--predictions", str(folder / "answers.json"), "--out", str(folder / "run")]
    with pytest.raises(SystemExit) as leaving:
        main(["score", *where, "--compat", "bird", *words])
    captured = capsys.readouterr()
    return leaving.value.code, captured.out, captured.err


def test_the_table_has_the_official_rows_and_columns(capsys, tmp_path):
    code, out, _ = score(capsys, tmp_path, "--metrics", "execution_accuracy")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["simple", "moderate", "challenging", "total"]
    grades = [one.difficulty for one in QUESTIONS]
    counts = [grades.count(grade) for grade in ("simple", "moderate", "challenging")]
    assert lines[1].split() == ["count", *map(str, counts), str(len(QUESTIONS))]
    assert lines[2].strip("= ") == "EX"
    wrong = [grades[:10].count(grade) for grade in ("simple", "moderate", "challenging")]
    rates = [100 * (count - bad) / count for count, bad in zip(counts, wrong, strict=True)]
    assert lines[3].split() == ["EX", *(f"{rate:.2f}" for rate in rates), f"{100 - 1000 / len(QUESTIONS):.2f}"]
    assert len(lines) == 4


def test_a_difficulty_without_questions_is_a_zero_and_no_crash(capsys, tmp_path):
    rate = {"value": 0.5, "n": 4}
    summary = {
        "metrics": {"execution_accuracy": rate},
        "slices": {"difficulty=simple": {"execution_accuracy": rate}},
    }
    lines = bird_table(Run(tmp_path, {}, (), summary)).splitlines()
    assert lines[1].split() == ["count", "4", "0", "0", "4"]
    assert lines[3].split() == ["EX", "50.00", "0.00", "0.00", "50.00"]


def test_metrics_that_no_official_script_prints_are_refused_before_anything_runs(capsys, tmp_path):
    code, _, err = score(capsys, tmp_path, "--metrics", "valid_sql")
    assert code == 2
    assert "--compat bird prints execution_accuracy" in err
    assert not (tmp_path / "run").exists()
