import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from harness import store
from harness.errors import DataError, UsageError
from reports.cli import app, compare_app


@pytest.fixture
def write(tmp_path, make_run):
    """Store a fabricated run and return its folder."""

    def write_run(name, values, folder="runs", **changes):
        run = make_run(name, values, **changes)
        path = tmp_path / folder / name
        store.create(path, run.manifest)
        writer = store.RecordWriter(path)
        for record in run.records:
            writer.append(record)
        writer.close()
        if run.complete:
            store.write_summary(path, run.summary)
        return str(path)

    return write_run


def test_report_writes_one_page_for_all_runs(tmp_path, write):
    out = tmp_path / "new" / "page.html"
    runs = [write("base", [0.0] * 8), write("tuned", [1.0] * 8)]
    result = CliRunner().invoke(app, [*runs, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "2 runs, 8 questions" in result.output
    assert "points more than base" in out.read_text(encoding="utf-8")


def test_a_folder_of_runs_stands_for_all_of_them(tmp_path, write):
    write("base", [0.0])
    write("tuned", [1.0])
    result = CliRunner().invoke(app, [str(tmp_path / "runs"), "--out", str(tmp_path / "p.html")])
    assert "2 runs, 1 questions" in result.output


def test_report_says_which_runs_are_incomplete(tmp_path, write):
    runs = [write("base", [0.0]), write("half", [1.0], complete=False)]
    result = CliRunner().invoke(app, [*runs, "--out", str(tmp_path / "p.html")])
    assert result.exit_code == 0
    assert "half: incomplete, 1 of 1 questions" in result.output


def test_report_shows_an_adapters_training(tmp_path, write):
    adapter = tmp_path / "adapters" / "qwen"
    adapter.mkdir(parents=True)
    (adapter / "training.json").write_text(json.dumps({"peak_vram_gib": 3.2}))
    out = tmp_path / "p.html"
    result = CliRunner().invoke(app, [write("r", [1.0]), "--training", str(adapter), "--out", str(out)])
    assert result.exit_code == 0
    assert "peak_vram_gib" in out.read_text(encoding="utf-8")


def test_a_run_that_is_given_twice_is_shown_once(tmp_path, write):
    run = write("r", [1.0])
    assert "1 runs" in CliRunner().invoke(app, [run, run, "--out", str(tmp_path / "p.html")]).output


def test_two_runs_of_one_name_are_refused(tmp_path, write):
    runs = [write("r", [1.0]), write("r", [1.0], folder="others")]
    result = CliRunner().invoke(app, [*runs, "--out", str(tmp_path / "p.html")])
    assert isinstance(result.exception, UsageError)
    assert "several runs are called r" in str(result.exception)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    result = CliRunner().invoke(app, [str(tmp_path), "--out", str(tmp_path / "p.html")])
    assert isinstance(result.exception, DataError)
    assert str(tmp_path) in str(result.exception)


def test_names_that_are_no_utf8_do_not_keep_the_page_from_being_written(tmp_path, write):
    adapter = tmp_path / "qw\udce9n"
    adapter.mkdir()
    (adapter / "log.jsonl").write_text('{"step": 1, "loss": 0.5}\n')
    out = tmp_path / "p.html"
    run = write("r", [0.0], error="\udce9")
    result = CliRunner().invoke(app, [run, "--training", str(adapter), "--out", str(out)])
    assert result.exit_code == 0, result.exception
    assert "qw?n" in out.read_text(encoding="utf-8")


def test_compare_prints_flips_and_the_exact_p_value(write):
    runs = [write("old", [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), write("new", [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])]
    result = CliRunner().invoke(compare_app, [*runs, "--limit", "3"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    text = result.output.replace("\N{NO-BREAK SPACE}", " ")
    assert all(part in text for part in ("14.29 %", "85.71 %", "+71.43", "6 / 1 / 0", "p = 0.1250"))
    assert "7 flipped questions, the first 3; --limit 0 lists all" in text
    assert "Question 2?" in text
    assert "Question 3?" not in text


def test_compare_lists_everything_with_limit_0_and_nothing_without_flips(write):
    old, new = write("old", [0.0] * 30), write("new", [1.0] * 30)
    assert "Question 29?" in CliRunner().invoke(compare_app, [old, new, "--limit", "0"], env={"COLUMNS": "200"}).output
    assert "flipped" not in CliRunner().invoke(compare_app, [old, old]).output


def test_compare_warns_of_an_incomplete_run(write):
    result = CliRunner().invoke(compare_app, [write("old", [1.0]), write("half", [1.0], complete=False)])
    assert "half is incomplete" in result.output


def test_importing_reports_loads_nothing_heavy():
    code = (
        "import sys, reports, reports.cli; print([m for m in ('jinja2', 'rich', 'scipy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "jinja2" not in done.stdout
    assert "torch" not in done.stdout
    assert "scipy" not in done.stdout
