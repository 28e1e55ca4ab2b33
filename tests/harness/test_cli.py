"""The command line: exit codes, messages, and what it does not import."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from harness import cli, store
from harness.datasets import load
from harness.run import find_runs


def t2s(*words):
    """Run in this process; return the exit code."""
    with pytest.raises(SystemExit) as leaving:
        cli.main([str(word) for word in words])
    return int(leaving.value.code or 0)


def write_golds(path, edit=lambda items: items):
    items = [{"question_id": one.question_id, "SQL": one.gold_sql} for one in load("mini", "dev").examples]
    path.write_text(json.dumps(edit(items)))
    return path


def test_help_lists_every_command_and_imports_nothing_heavy():
    code = (
        "import sys; from harness.cli import _run; code = _run(['--help']); "
        "heavy = {'torch', 'transformers', 'jinja2', 'sqlglot', 'scipy', 'datasets', 'pydantic'} & set(sys.modules); "
        "sys.exit(code or repr(heavy) if heavy or code else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if name not in ("train", "plan")])
def test_every_command_has_help(name, capsys):
    assert t2s(name, "--help") == 0
    assert f"t2s {name}" in capsys.readouterr().out


def test_an_unknown_command_is_a_usage_error(capsys):
    assert t2s("evaluate") == 2
    assert "eval" in capsys.readouterr().err


def test_the_version_is_the_distributions(capsys):
    assert t2s("--version") == 0
    assert capsys.readouterr().out.strip()[0].isdigit()


def test_golds_as_predictions_score_one_and_show_prints_the_run(tmp_path, capsys):
    run = tmp_path / "gold"
    assert t2s("score", "--data", "mini", "--predictions", write_golds(tmp_path / "p.json"), "--out", run) == 0
    assert t2s("show", run, "--json") == 0
    text = capsys.readouterr().out
    summary = json.loads(text[text.index("{") :])
    assert summary["metrics"]["execution_accuracy"]["value"] == 1.0
    assert summary["complete"]
    assert t2s("show", run) == 0
    assert "execution_accuracy" in capsys.readouterr().out


def test_missing_repeated_and_unknown_ids_end_in_one_message_that_names_them(tmp_path, capsys):
    def spoil(items):
        return [*items[1:], items[5], {"question_id": 987654, "SQL": "SELECT 1"}]

    predictions = write_golds(tmp_path / "p.json", spoil)
    repeated = json.loads(predictions.read_text())[4]["question_id"]
    assert t2s("score", "--data", "mini", "--predictions", predictions, "--out", tmp_path / "run") == 2
    message = capsys.readouterr().err
    assert str(repeated) in message
    assert "Traceback" not in message
    assert not (tmp_path / "run").exists()


def test_missing_and_unknown_ids_are_forgiven_on_demand(tmp_path, capsys):
    predictions = write_golds(tmp_path / "p.json", lambda items: [*items[2:], {"question_id": 987654, "SQL": "x"}])
    command = ("score", "--data", "mini", "--predictions", predictions, "--out", tmp_path / "run")
    assert t2s(*command) == 2
    message = capsys.readouterr().err
    assert "987654" in message
    assert "--allow-missing" in message
    assert t2s(*command, "--allow-missing") == 0
    assert "1 unknown ids in the predictions file: 987654" in capsys.readouterr().out
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["status"]["missing"] == 2


def test_one_database_with_its_own_questions_is_scored(tmp_path):
    database = next(iter(load("mini", "dev").databases.values()))
    lines = [
        {"question": "How many tables?", "SQL": "SELECT COUNT(*) FROM sqlite_master", "predicted_sql": "SELECT 1 + 0"},
        {"question": "One?", "SQL": "SELECT 1", "predicted_sql": "SELECT 1"},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert t2s("score", "--db", database, "--predictions", tmp_path / "q.jsonl", "--out", tmp_path / "run") == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["metrics"]["execution_accuracy"]["value"] == 0.5


@pytest.mark.parametrize("options", [(), ("--data", "mini", "--db", "x.sqlite")])
def test_either_a_folder_or_a_database_is_given(options, tmp_path, capsys):
    assert t2s("score", "--predictions", "p.json", "--out", tmp_path / "run", *options) == 2
    assert "either --data DIR or --db" in capsys.readouterr().err


def test_a_wrong_configuration_ends_with_every_problem_and_code_2(tmp_path, capsys):
    config = tmp_path / "eval.toml"
    config.write_text('[data]\npth = "x"\n[generator]\n[execution]\ntimeout = 3\nmax_rows = "many"\n[promt]\nx = 1\n')
    assert t2s("eval", config) == 2
    assert "5 problems" in capsys.readouterr().err


def test_a_corrupt_database_ends_with_its_name_and_code_2(tmp_path, capsys):
    dataset = load("mini", "dev")
    folder = tmp_path / "data"
    (folder / "dev_databases").mkdir(parents=True)
    for source in dataset.sources:
        (folder / source.name).write_bytes(source.read_bytes())
    for db_id, path in dataset.databases.items():
        target = folder / "dev_databases" / db_id / f"{db_id}.sqlite"
        target.parent.mkdir()
        target.write_bytes(b"not a database" * 100 if db_id == dataset.examples[0].db_id else path.read_bytes())
    predictions = write_golds(tmp_path / "p.json")
    assert t2s("score", "--data", folder, "--predictions", predictions, "--out", tmp_path / "run") == 2
    message = capsys.readouterr().err
    assert f"{dataset.examples[0].db_id}.sqlite" in message
    assert "Traceback" not in message


def test_an_unwritable_output_is_code_3(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    predictions = write_golds(tmp_path / "p.json")
    assert t2s("score", "--data", "mini", "--predictions", predictions, "--out", tmp_path / "file" / "run") == 3
    assert "cannot be written" in capsys.readouterr().err


SLOW = """
import time
from dataclasses import dataclass
from harness.types import Completion

@dataclass(frozen=True)
class Slow:
    def generate(self, prompts):
        for prompt in prompts:
            yield Completion(prompt.index, "SELECT 1")
            time.sleep(0.2)
"""


def test_ctrl_c_keeps_what_was_finished_and_leaves_with_130(tmp_path):
    (tmp_path / "slow.py").write_text(textwrap.dedent(SLOW))
    (tmp_path / "eval.toml").write_text('[data]\npath = "mini"\n[generator]\nname = "slow:Slow"\n')
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "eval", "eval.toml"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    records = wait_for_records(tmp_path / "runs", process)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in message
    assert "Traceback" not in message
    assert len(store.load(find_runs(tmp_path / "runs")[0]).records) >= records


def wait_for_records(runs: Path, process) -> int:
    while process.poll() is None:
        for path in runs.glob("*/records.jsonl"):
            if path.read_bytes().count(b"\n") >= 2:
                return 2
        time.sleep(0.05)
    raise AssertionError(process.stderr.read())


def test_a_limit_evaluates_the_first_questions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    predictions = write_golds(tmp_path / "p.json")
    (tmp_path / "eval.toml").write_text(
        f'[data]\npath = "mini"\n[generator]\nname = "replay"\npath = "{predictions}"\n'
    )
    assert t2s("eval", "eval.toml", "--limit", "3") == 0
    (run,) = find_runs(Path("runs"))
    assert {record.question_id for record in store.load(run).records} == {
        one.question_id for one in load("mini").examples[:3]
    }
