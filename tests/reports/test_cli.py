import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from harness import store
from harness.datasets import load
from harness.errors import DataError, UsageError
from reports.cli import app, compare_app


def keep(path, run):
    """Store a fabricated run in a folder."""
    store.create(path, run.manifest)
    writer = store.RecordWriter(path)
    for record in run.records:
        writer.append(record)
    writer.close()
    if run.complete:
        store.write_summary(path, run.summary)
    return str(path)


@pytest.fixture
def write(tmp_path, make_run):
    """Store a fabricated run and return its folder."""

    def write_run(name, values, folder="runs", **changes):
        return keep(tmp_path / folder / name, make_run(name, values, **changes))

    return write_run


def test_report_writes_one_page_for_all_runs(tmp_path, write):
    out = tmp_path / "new" / "page.html"
    runs = [write("base", [0.0] * 8), write("tuned", [1.0] * 8)]
    result = CliRunner().invoke(app, [*runs, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "2 runs, 8 questions" in result.output
    assert "points more than base" in out.read_text(encoding="utf-8")


def test_report_writes_the_numbers_as_markdown_and_json_beside_the_page(tmp_path, write):
    runs = [write("base", [0.0] * 8), write("tuned", [1.0] * 8)]
    files = {name: tmp_path / "new" / f"page.{name}" for name in ("html", "md", "json")}
    options = ["--out", files["html"], "--markdown", files["md"], "--json", files["json"], "--expect", "falcon"]
    result = CliRunner().invoke(app, [*runs, *map(str, options)])
    assert result.exit_code == 0, result.output
    assert "| 1 | tuned |" in files["md"].read_text(encoding="utf-8")
    assert json.loads(files["json"].read_text(encoding="utf-8"))["boards"][0]["runs"][0]["name"] == "tuned"
    assert all(
        "not run" in path.read_text(encoding="utf-8").replace("not_run", "") for path in list(files.values())[:2]
    )


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


def test_report_shows_the_training_of_every_finished_adapter_of_a_folder_and_none_where_none_is(tmp_path, write):
    run, adapters, out = write("r", [1.0]), tmp_path / "adapters", tmp_path / "p.html"
    words = [run, "--adapters", str(adapters), "--out", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert "peak_vram_gib" not in out.read_text(encoding="utf-8")
    for name, file in (("falcon", "training.json"), ("qwen", "training.json"), ("unfinished", "started.json")):
        (adapters / name).mkdir(parents=True)
        (adapters / name / file).write_text(json.dumps({"peak_vram_gib": 3.2}))
    result = CliRunner().invoke(app, [*words, "--training", str(adapters / "qwen")])
    assert result.exit_code == 0, result.exception
    page = out.read_text(encoding="utf-8")
    assert [page.count(f"<h3>{name}</h3>") for name in ("falcon", "qwen", "unfinished")] == [1, 1, 0]


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


def compare(*arguments, columns=100):
    result = CliRunner().invoke(compare_app, [*arguments], env={"COLUMNS": str(columns)})
    return result, result.output.replace("\N{NO-BREAK SPACE}", " ")


def test_compare_says_what_was_found_and_what_changed(write):
    old, new = write("old", [0.0] * 20 + [1.0] * 20), write("new", [1.0] * 10 + [0.0] * 10 + [1.0] * 20)
    result, text = compare(old, new)
    assert result.exit_code == 0, result.output
    finding = " ".join(text.split())
    assert "new is better on 10, worse on 0 of 40 questions; p = 0.0020 (exact McNemar): new is better" in finding
    assert "2 databases, rough below 20" in finding
    assert re.search(r"unknown_column +→ correct +10 +10 +·", text)
    assert re.search(r"simple +14 .* 4 +· +0\.3750", text)
    assert re.search(r"no_join +40 .* 10 +· ", text)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_tables_of_groups_fit_a_terminal_of_80_columns(write, columns):
    _, text = compare(write("old", [0.0] * 20), write("new", [1.0] * 20), columns=columns)
    assert all(heading in text for heading in ("before", "after", "change", "better", "worse", "p, Holm"))


def test_compare_prints_the_same_numbers_as_json(write):
    old, new = write("old", [0.0] * 8 + [1.0] * 3), write("new", [1.0] * 8 + [0.0] * 3)
    result, _ = compare(old, new, "--json", "--metric", "soft_f1")
    found = json.loads(result.output)
    assert (found["metric"], found["better"], found["worse"]) == ("soft_f1", 8, 3)
    assert round(found["test"]["p_two_sided"], 4) == 0.2266
    assert "p = 0.2266" in compare(old, new, "--metric", "soft_f1")[1]


def test_where_nothing_differs_no_smallest_change_is_claimed(write):
    _, text = compare(write("old", [0.0, 1.0]), write("new", [0.0, 1.0]))
    assert re.search(r"smallest change that shows +– ", text)


def test_compare_refuses_runs_on_other_data_unless_it_is_told_to(write, tmp_path):
    old, new = write("old", [0.0]), write("new", [1.0])
    manifest = tmp_path / "runs" / "new" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("fedcba", "other"))
    result, _ = compare(old, new)
    assert isinstance(result.exception, UsageError)
    assert "databases/ferry: sha256 fedcba… and other…" in str(result.exception)
    result, text = compare(old, new, "--across-data")
    assert result.exit_code == 0
    assert "note: databases/ferry: sha256 fedcba… and other…" in text


def test_compare_says_that_old_runs_have_no_diagnoses(write):
    _, text = compare(write("old", [0.0], diagnosis=None), write("new", [1.0]))
    assert "note: diagnosis: old has none; score it again" in text


def test_compare_shows_names_as_they_are(write):
    result, text = compare(write("[bold]old", [0.0]), write("new[red]", [1.0]))
    assert result.exit_code == 0, result.exception
    assert "[bold]old" in text
    assert "new[red]" in text


def test_compare_reads_the_golds_of_published_runs_from_the_data(tmp_path, make_run):
    published = []
    for name, value in (("old", 0.0), ("new", 1.0)):
        examples = load("mini").examples[:6]
        run = make_run(name, [value] * len(examples), question="", gold_sql="")
        records = tuple(
            replace(record, question_id=example.question_id, db_id=example.db_id)
            for record, example in zip(run.records, examples, strict=True)
        )
        published.append(keep(tmp_path / name, replace(run, records=records)))
    assert "6 questions have no gold SQL in the records; give --data" in compare(*published)[1]
    result, text = compare(*published, "--data", "mini")
    assert result.exit_code == 0, result.exception
    assert "give --data" not in text
    assert "By what the gold SQL uses" in text


def test_importing_reports_loads_nothing_heavy():
    code = (
        "import sys, reports, reports.cli; print([m for m in ('jinja2', 'rich', 'scipy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "jinja2" not in done.stdout
    assert "torch" not in done.stdout
    assert "scipy" not in done.stdout
