"""A stored run's numbers come out again, and a changed one is named."""

import json
import sqlite3

import pytest

from harness import store
from harness.cli import main
from harness.config import EvalConfig, build
from harness.datasets import load, shipped
from harness.errors import DataError
from harness.run import Place, evaluate_config
from harness.summary import summarise
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


@pytest.mark.parametrize("version", ["3.7.0", sqlite3.sqlite_version])
def test_what_hangs_on_the_version_of_sqlite_is_compared_under_the_same_one_only(run, version):
    def change(records):
        records[right]["scores"]["soft_f1"]["value"] = 0.5

    right = next(index for index, one in enumerate(run.records) if one.scores["execution_accuracy"].value == 1.0)
    manifest = json.loads((run.path / "manifest.json").read_text())
    manifest["versions"]["sqlite"] = version
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    summary = json.loads((run.path / "summary.json").read_text())
    summary["gold"]["flagged"] += 1
    (run.path / "summary.json").write_text(json.dumps(summary))
    outcome = verify(rewrite(run, change))
    said = [
        note for note in outcome.notes if note.startswith("flags of golds, soft_f1: hangs on the version of SQLite")
    ]
    assert bool(said) == outcome.reproduced == (version == "3.7.0")
    if not outcome.reproduced:
        assert [line for line in outcome.differences if "soft_f1 0.5" in line or "gold flagged" in line]


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


def edit_summary(run, **changes):
    path = run.path / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return store.load(run.path)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"n": 11}, "summary: n 11 in the run, 12 now"),
        ({"diagnosis": {"correct": 12}}, "summary: diagnosis correct 12 in the run, 10 now"),
        ({"status": {"ok": 12}}, "summary: status forbidden None in the run, 1 now"),
        ({"verdict_gaps": {"order": 2}}, "summary: verdict_gaps order 2 in the run, None now"),
        ({"gold": {"ceiling": 0.5, "failing": 0}}, "summary: gold ceiling 0.5 in the run, 1.0 now"),
    ],
)
def test_a_count_that_was_changed_is_named(run, changes, line):
    assert line in verify(edit_summary(run, **changes)).differences


def test_a_question_that_was_taken_out_of_records_and_summary_is_missed(run):
    wrong = run.records[2].question_id
    shorter = rewrite(run, lambda records: records.pop(2))
    store.write_summary(run.path, summarise(shorter.records, run.manifest["metrics"]))
    assert verify(store.load(run.path)).differences == (f"question {wrong}: is in the data and not in the run",)


def test_a_question_that_stands_there_twice_is_named(run):
    longer = rewrite(run, lambda records: records.append(records[0]))
    store.write_summary(run.path, summarise(longer.records, run.manifest["metrics"]))
    first = run.records[0].question_id
    assert f"question {first}: stands 2 times in the run" in verify(store.load(run.path)).differences


def score_own_database(folder, rows):
    connection = sqlite3.connect(folder / "shop.sqlite")
    connection.executescript("CREATE TABLE item (name TEXT); INSERT INTO item VALUES ('tea')")
    connection.close()
    questions = folder / "shop.jsonl"
    questions.write_text("".join(json.dumps({"question": "?", "SQL": a, "predicted_sql": b}) + "\n" for a, b in rows))
    tree = {
        "data": {"path": str(folder / "shop.sqlite"), "questions": str(questions)},
        "generator": {"name": "replay", "path": str(questions)},
        "metrics": {"names": ["execution_accuracy"]},
    }
    return evaluate_config(build(EvalConfig, tree, "test"), Place(folder=folder / "run"))


def test_rows_that_chance_drew_are_not_compared_and_that_is_said(tmp_path):
    outcome = verify(score_own_database(tmp_path, [("SELECT name FROM item", "SELECT random()")]))
    assert outcome.reproduced, outcome.differences
    assert "1 questions with SQL that reads the clock or draws at random: its rows are not compared" in outcome.notes


def test_only_rows_that_are_there_can_be_left_out(tmp_path):
    run = score_own_database(tmp_path, [("SELECT name FROM item", "SELECT random() FROM nowhere")])
    assert not any("at random" in note for note in verify(run).notes)


@pytest.mark.parametrize("there", ["", "shop.sqlite"])
def test_a_database_and_its_questions_may_have_moved_together(tmp_path, there):
    run = score_own_database(tmp_path, [("SELECT name FROM item", "SELECT 'tea'")])
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("shop.sqlite", "shop.jsonl"):
        (tmp_path / name).rename(moved / name)
    assert verify(run, moved / there).reproduced
