"""The shell around the pipeline, on the shipped mini set."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from harness import store
from harness.config import EvalConfig, build
from harness.datasets import load, shipped
from harness.errors import ConfigError, DataError, RunError, UsageError
from harness.run import Place, evaluate_config, find_runs

QUESTIONS = 12


@pytest.fixture
def answers(tmp_path):
    """Golds as predictions, with two of them spoilt."""
    examples = load("mini", "dev").examples
    items = [{"question_id": one.question_id, "SQL": one.gold_sql} for one in examples]
    items[3]["SQL"] = "SELECT a FROM nowhere"
    items[4]["SQL"] = "DELETE FROM nowhere"
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(items))
    return path


def config_for(answers, **changes):
    tree = {"data": {"path": "mini"}, "generator": {"name": "replay", "path": str(answers)}, **changes}
    return build(EvalConfig, tree, "test")


def evaluate(config, folder, **place):
    return evaluate_config(config, Place(folder=folder, limit=QUESTIONS, **place))


def without_timing(run):
    return {key: value for key, value in run.summary.items() if key != "timing"}


def test_a_run_scores_every_question_and_says_what_failed(answers, tmp_path):
    run = evaluate(config_for(answers), tmp_path / "run")
    assert run.complete
    assert len(run.records) == QUESTIONS
    by_status = {record.status: record for record in run.records}
    assert by_status["error"].error == "no such table: nowhere"
    assert {record.scores["execution_accuracy"].value for record in run.records if record.status == "ok"} == {1.0}
    assert run.summary["metrics"]["execution_accuracy"]["value"] == pytest.approx(10 / 12)
    assert run.summary["metrics"]["execution_accuracy"]["n"] == QUESTIONS


def test_the_manifest_says_what_was_run_on_what(answers, tmp_path):
    manifest = evaluate(config_for(answers), tmp_path / "run").manifest
    assert manifest["name"] == "run"
    assert manifest["dataset"]["n"] == QUESTIONS
    assert manifest["metrics"] == [
        "valid_sql_raw",
        "valid_sql",
        "prepares",
        "grounded",
        "ast_equivalent",
        "execution_accuracy",
        "execution_accuracy_strict",
        "execution_accuracy_lenient",
        "soft_f1",
    ]
    assert {"python", "sqlite", "sqlglot", "text2sql-harness"} <= set(manifest["versions"])
    assert all(len(digest) == 64 for digest in manifest["hashes"].values())


def test_a_run_cut_short_goes_on_to_the_same_summary(answers, tmp_path):
    whole = evaluate(config_for(answers), tmp_path / "whole")
    cut = evaluate(config_for(answers), tmp_path / "cut").path
    lines = (cut / "records.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "records.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:20])
    (cut / "summary.json").unlink()
    resumed = evaluate(config_for(answers), cut, resume=True)
    assert without_timing(resumed) == without_timing(whole)
    assert sorted(record.question_id for record in resumed.records) == sorted(
        record.question_id for record in whole.records
    )


def stored_runs(folder):
    return [store.load(path) for path in find_runs(folder / "runs")]


GENERATOR = """
import os, signal
from dataclasses import dataclass
from harness.types import Completion

@dataclass(frozen=True)
class Dying:
    '''Kills its own process before the n-th completion.'''
    die_at: int = -1

    def generate(self, prompts):
        for count, prompt in enumerate(prompts):
            if count == self.die_at and os.environ.get("DIE"):
                os.kill(os.getpid(), signal.SIGKILL)
            yield Completion(prompt.index, f"SELECT {prompt.index}", completion_tokens=2)
"""


@pytest.mark.parametrize("die_at", [0, 1, 7])
def test_sigkill_at_any_moment_loses_nothing_that_was_finished(tmp_path, die_at):
    (tmp_path / "dying.py").write_text(textwrap.dedent(GENERATOR))
    config = tmp_path / "eval.toml"
    config.write_text(
        f'[data]\npath = "mini"\n[generator]\nname = "dying:Dying"\ndie_at = {die_at}\n[output]\npath = "runs"\n'
    )
    command = [sys.executable, "-m", "harness.cli", "eval", str(config), "--limit", str(QUESTIONS)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}

    def t2s(*more, die=""):
        return subprocess.run(
            [*command, *more], cwd=tmp_path, env={**environment, "DIE": die}, capture_output=True, check=False
        )

    assert t2s(die="1").returncode == -signal.SIGKILL
    (killed,) = stored_runs(tmp_path)
    assert not killed.complete
    assert t2s("--resume").returncode == 0
    assert t2s().returncode == 0
    resumed, undisturbed = stored_runs(tmp_path)
    assert resumed.path == killed.path
    assert without_timing(resumed) == without_timing(undisturbed)


def test_resuming_with_another_configuration_names_the_difference(answers, tmp_path):
    evaluate(config_for(answers), tmp_path / "run")
    other = config_for(answers, execution={"timeout_s": 2})
    with pytest.raises(UsageError, match=r"config\.execution\.timeout_s: 30\.0 there, 2\.0 now"):
        evaluate(other, tmp_path / "run", resume=True)


def test_a_folder_that_holds_a_run_is_never_overwritten(answers, tmp_path):
    evaluate(config_for(answers), tmp_path / "run")
    with pytest.raises(UsageError, match="--resume"):
        evaluate(config_for(answers), tmp_path / "run")


def test_a_folder_that_holds_something_else_is_left_alone(answers, tmp_path):
    with pytest.raises(UsageError, match="is no run"):
        evaluate(config_for(answers), tmp_path)


def test_runs_are_numbered_and_a_complete_one_is_not_run_again(answers, tmp_path):
    config = config_for(answers, output={"path": str(tmp_path / "runs")})
    place = Place(limit=QUESTIONS)
    names = [evaluate_config(config, place).name for _ in range(2)]
    assert names == ["0001_dev_answers", "0002_dev_answers"]
    assert evaluate_config(config, replace(place, resume=True)).name == "0002_dev_answers"


def test_missing_answers_stay_in_n(answers, tmp_path):
    items = json.loads(answers.read_text())
    answers.write_text(json.dumps(items[1:]))
    with pytest.raises(DataError, match="--allow-missing"):
        evaluate(config_for(answers), tmp_path / "refused")
    generator = {"name": "replay", "path": str(answers), "allow_missing": True}
    run = evaluate(config_for(answers, generator=generator), tmp_path / "run")
    assert run.summary["n"] == QUESTIONS
    assert run.summary["status"]["missing"] == 1
    assert run.summary["metrics"]["execution_accuracy"]["value"] == pytest.approx(9 / 12)


def test_missing_databases_are_named_unless_no_metric_needs_them(answers, tmp_path):
    folder = tmp_path / "questions_only"
    folder.mkdir()
    dataset = load("mini", "dev", limit=QUESTIONS)
    for source in dataset.sources:
        (folder / source.name).write_bytes(source.read_bytes())
    config = config_for(answers, data={"path": str(folder)})
    with pytest.raises(DataError, match=rf"execution_accuracy, .*soft_f1 needs databases.*{dataset.examples[0].db_id}"):
        evaluate(config, tmp_path / "refused")
    config = config_for(answers, data={"path": str(folder)}, metrics={"names": ["valid_sql", "prepares"]})
    run = evaluate(config, tmp_path / "run")
    assert run.summary["metrics"]["prepares"]["value"] == pytest.approx(10 / 12)
    assert {record.status for record in run.records} == {"ok", "error"}


def test_an_unknown_metric_is_a_configuration_error_before_anything_is_written(answers, tmp_path):
    with pytest.raises(ConfigError, match="did you mean"):
        evaluate(config_for(answers, metrics={"names": ["valid_sqll"]}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_generator_that_leaves_questions_out_does_not_make_a_complete_run(tmp_path, monkeypatch):
    (tmp_path / "lazy.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Lazy:\n"
        "    def generate(self, prompts):\n        return iter(())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = build(EvalConfig, {"data": {"path": "mini"}, "generator": {"name": "lazy:Lazy"}}, "test")
    with pytest.raises(RunError, match="0 of 12"):
        evaluate(config, tmp_path / "run")
    assert not store.load(tmp_path / "run").complete


def spoil(answers):
    items = json.loads(answers.read_text())
    answers.write_text(json.dumps([{**item, "SQL": "SELECT 1"} for item in items]))


def cut(run, kept=5):
    lines = (run / "records.jsonl").read_bytes().splitlines(keepends=True)
    (run / "records.jsonl").write_bytes(b"".join(lines[:kept]))
    (run / "summary.json").unlink()


@pytest.mark.parametrize("complete", [True, False])
def test_a_changed_predictions_file_is_another_run(answers, tmp_path, complete):
    run = evaluate(config_for(answers), tmp_path / "run").path
    if not complete:
        cut(run)
    spoil(answers)
    with pytest.raises(UsageError, match=r"generator\.predictions\.sha256"):
        evaluate(config_for(answers), run, resume=True)


def test_changed_questions_are_another_run(answers, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(shipped(), folder)
    run = evaluate(config_for(answers, data={"path": str(folder)}), tmp_path / "run").path
    questions = json.loads((folder / "dev.json").read_text())
    questions[0]["question"] = "Something else?"
    (folder / "dev.json").write_text(json.dumps(questions))
    with pytest.raises(UsageError, match=r"hashes\.dev\.json"):
        evaluate(config_for(answers, data={"path": str(folder)}), run, resume=True)


def test_more_workers_may_finish_what_fewer_began(answers, tmp_path):
    run = evaluate(config_for(answers, execution={"workers": 1}), tmp_path / "run").path
    cut(run)
    assert evaluate(config_for(answers, execution={"workers": 2}), run, resume=True).complete


def test_an_unfinished_or_damaged_neighbour_does_not_stand_in_the_way(answers, tmp_path):
    def config(**changes):
        return config_for(answers, output={"path": str(tmp_path / "runs")}, **changes)

    first = evaluate_config(config(execution={"timeout_s": 3}), Place(limit=QUESTIONS)).path
    cut(first)
    (tmp_path / "runs" / "0002_broken").mkdir()
    (tmp_path / "runs" / "0002_broken" / "manifest.json").write_text("")
    run = evaluate_config(config(), Place(limit=QUESTIONS, resume=True))
    assert (run.name, run.complete) == ("0003_dev_answers", True)


def test_unknown_ids_are_counted_in_the_manifest(answers, tmp_path):
    items = [*json.loads(answers.read_text())[1:], {"question_id": 987654, "SQL": "SELECT 1"}]
    answers.write_text(json.dumps(items))
    generator = {"name": "replay", "path": str(answers), "allow_missing": True}
    predictions = evaluate(config_for(answers, generator=generator), tmp_path / "run").manifest["generator"][
        "predictions"
    ]
    assert predictions["unknown"] == ["987654"]
    assert predictions["missing"] == [str(load("mini").examples[0].question_id)]


def test_a_limit_needs_no_pardon_for_the_answers_behind_it(tmp_path):
    path = tmp_path / "all.json"
    path.write_text(
        json.dumps([{"question_id": one.question_id, "SQL": one.gold_sql} for one in load("mini").examples])
    )
    assert evaluate(config_for(path), tmp_path / "run").summary["n"] == QUESTIONS


def test_all_mistakes_of_a_configuration_are_named_at_once(answers, tmp_path):
    config = config_for(
        answers,
        generator={"name": "replya"},
        prompt={"template": "plian"},
        metrics={"names": ["valid_sqll", "preparse"], "options": {"prepares": {}}},
        execution={"timeout_s": -1, "workers": -3},
        analysis={"mutations": 3},
    )
    with pytest.raises(ConfigError) as caught:
        evaluate(config, tmp_path / "run")
    assert len(caught.value.problems) == 8
    assert not (tmp_path / "run").exists()


def test_a_damaged_database_is_found_before_anything_is_written(answers, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(shipped(), folder)
    database = load(folder, "dev").databases[load("mini").examples[0].db_id]
    database.write_bytes(b"not a database" * 1000)
    with pytest.raises(DataError, match=database.name):
        evaluate(config_for(answers, data={"path": str(folder)}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "text", ["import nothing_of_this_name", "raise ValueError('no')", "class Metric:\n    pass", "1 +"]
)
def test_a_plug_in_that_cannot_serve_is_a_configuration_error(answers, tmp_path, monkeypatch, text):
    name = f"plugin_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError):
        evaluate(config_for(answers, metrics={"names": [f"{name}:Metric"]}), tmp_path / "run")


def test_a_database_that_changes_during_a_run_leaves_it_incomplete(answers, tmp_path):
    shutil.copytree(shipped(), tmp_path / "data")
    config = config_for(answers, data={"path": str(tmp_path / "data")}, metrics={"names": ["valid_sql"]})
    database = min((tmp_path / "data").rglob("*.sqlite"))

    def spoil(done, _total):
        if done == 1:
            with database.open("ab") as file:
                file.write(b"\0")

    with pytest.raises(RunError, match="changed while the run went on"):
        evaluate_config(config, Place(folder=tmp_path / "run"), spoil)
    assert not store.load(tmp_path / "run").complete
