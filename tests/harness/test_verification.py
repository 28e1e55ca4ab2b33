"""A stored run's numbers come out again, and a changed one is named."""

import json

import pytest

from harness import store
from harness.cli import main
from harness.config import EvalConfig, build
from harness.datasets import load, shipped
from harness.errors import DataError
from harness.run import Place, evaluate_config
from harness.verification import verify

QUESTIONS = 12


@pytest.fixture
def run(tmp_path):
    items = [{"question_id": one.question_id, "SQL": one.gold_sql} for one in load("mini", "dev").examples]
    items[2]["SQL"] = "SELECT a FROM nowhere"
    items[3]["SQL"] = "DELETE FROM nowhere"
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(items))
    tree = {"data": {"path": "mini"}, "generator": {"name": "replay", "path": str(answers)}}
    return evaluate_config(build(EvalConfig, tree, "test"), Place(folder=tmp_path / "run", limit=QUESTIONS))


def rewrite(run, change):
    path = run.path / "records.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    change(records)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return store.load(run.path)


def test_an_untouched_run_is_reproduced(run):
    outcome = verify(run)
    assert outcome.reproduced
    assert outcome.questions == QUESTIONS
    assert outcome.numbers > QUESTIONS * len(run.summary["metrics"])


def test_a_score_that_was_changed_is_named(run):
    def change(records):
        records[right]["scores"]["execution_accuracy"]["value"] = 0.0

    right = next(index for index, one in enumerate(run.records) if one.scores["execution_accuracy"].value == 1.0)
    outcome = verify(rewrite(run, change))
    assert [line for line in outcome.differences if "execution_accuracy 0.0 in the run, 1.0 now" in line]


def test_a_mean_that_was_changed_is_named(run):
    path = run.path / "summary.json"
    summary = json.loads(path.read_text())
    summary["metrics"]["valid_sql"]["value"] = 0.123
    path.write_text(json.dumps(summary))
    assert any("valid_sql value 0.123 in the run" in line for line in verify(store.load(run.path)).differences)


def test_a_diagnosis_that_was_changed_is_named(run):
    right = next(index for index, one in enumerate(run.records) if one.diagnosis == "correct")

    def change(records):
        records[right]["diagnosis"] = "wrong_rows"

    assert any(
        "diagnosis 'wrong_rows' in the run, 'correct' now" in line for line in verify(rewrite(run, change)).differences
    )


def test_an_incomplete_run_has_no_numbers_to_reproduce(run):
    (run.path / "summary.json").unlink()
    with pytest.raises(DataError, match="incomplete"):
        verify(store.load(run.path))


def test_other_data_is_refused_before_anything_runs(run):
    path = run.path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["hashes"]["dev.json"] = "0" * 64
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="scored on other files"):
        verify(store.load(run.path))


def test_the_command_leaves_with_1_where_a_number_differs_and_names_it(run, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["verify", str(run.path)])
    assert leaving.value.code == 0
    assert "numbers reproduced" in capsys.readouterr().out

    fine = next(index for index, one in enumerate(run.records) if one.status == "ok")

    def change(records):
        records[fine]["status"] = "timeout"

    rewrite(run, change)
    with pytest.raises(SystemExit) as leaving:
        main(["verify", str(run.path), "--data", str(shipped())])
    assert leaving.value.code == 1
    assert "status 'timeout' in the run, 'ok' now" in capsys.readouterr().err
