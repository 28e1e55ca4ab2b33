import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from typer.testing import CliRunner

from harness.errors import ConfigError, GateFailed, RunError, UsageError
from harness.gate import check, draw_table, load_gate, write_junit, write_markdown
from harness.gate.limits import GateConfig, Limit
from harness.summary import summarise
from harness.types import Record, Run, Score

METRIC = "execution_accuracy"


def record(question_id, value, **changes):
    fields = {
        "db_id": "ferry",
        "difficulty": "challenging" if question_id % 2 else "simple",
        "question": f"Question {question_id}?",
        "evidence": "",
        "gold_sql": "SELECT 1",
        "completion": "SELECT 1",
        "sql": "SELECT 1",
        "status": "ok",
        "error": "",
        "diagnosis": None,
        "gold_result": None,
        "predicted_result": None,
    } | changes
    return Record(question_id=question_id, scores={METRIC: Score(METRIC, value)}, **fields)


def run(values, name="0002_new", **changes):
    records = tuple(record(i, value, **changes) for i, value in enumerate(values))
    return Run(Path(name), {}, records, summarise(records, [METRIC]))


def outcomes(report):
    return [(result.kind, result.outcome) for result in report.limits]


def dropping(losses, wins=0, n=100):
    """A baseline and a run that loses and wins so many of n questions."""
    before = [1.0] * losses + [0.0] * wins + [1.0] * (n - losses - wins)
    after = [0.0] * losses + [1.0] * wins + [1.0] * (n - losses - wins)
    return run(before, "0001_old"), run(after)


def gate_file(tmp_path, text):
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_gate_file_holds_limits_for_all_questions_and_for_slices(tmp_path):
    config = load_gate(
        gate_file(
            tmp_path,
            "[gate]\nstrict = true\nexecution_accuracy = { min = 0.30, max = 1.0, max_drop = 0.02 }\n"
            '[gate.slices."difficulty=challenging"]\nvalid_sql = { min = 0.8 }\n',
        )
    )
    assert config.strict
    assert list(config.each()) == [
        ("", METRIC, Limit(min=0.3, max=1.0, max_drop=0.02)),
        ("difficulty=challenging", "valid_sql", Limit(min=0.8)),
    ]


def test_every_mistake_of_a_gate_file_is_listed(tmp_path):
    path = gate_file(
        tmp_path,
        "[other]\n[gate]\nexecution_accuracy = { mim = 0.3 }\nvalid_sql = 0.5\nstrict = 3\n"
        '[gate.slices."db_id=a"]\nsoft_f1 = { min = "x" }\n',
    )
    with pytest.raises(ConfigError) as caught:
        load_gate(path)
    text = str(caught.value)
    assert all(
        part in text
        for part in ("other: unknown", "gate.execution_accuracy.mim: unknown", "known here: min, max, max_drop")
    )
    assert all(part in text for part in ("gate.valid_sql", "gate.strict", "gate.slices.db_id=a.soft_f1.min"))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("", "no limit"),
        ("execution_accuracy = {}", "give min, max or max_drop"),
        ("execution_accuracy = { min = 30 }", "30 is no fraction"),
        ("execution_accuracy = { min = nan }", "nan is no fraction"),
        ("execution_accuracy = { max_drop = -0.1 }", "-0.1 is no fraction"),
        ("execution_accuracy = { min = 0.5, max = 0.4 }", "min 0.5 is above max 0.4"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused(tmp_path, body, complaint):
    with pytest.raises(ConfigError, match=complaint):
        load_gate(gate_file(tmp_path, f"[gate]\n{body}\n"))


def test_a_metric_that_may_pass_one_may_have_such_a_limit(tmp_path):
    config = load_gate(gate_file(tmp_path, "[gate]\nves = { min = 1.1 }\n"))
    assert config.metrics["ves"].min == 1.1


def test_a_file_without_a_gate_table_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"\[gate\]: required"):
        load_gate(gate_file(tmp_path, "x = 1\n"))


def test_values_within_min_and_max_pass_and_others_fail():
    limits = GateConfig({METRIC: Limit(min=0.5, max=0.5)})
    assert outcomes(check(run([1.0, 0.0]), limits)) == [("min", "pass"), ("max", "pass")]
    assert outcomes(check(run([0.0, 0.0]), limits)) == [("min", "fail"), ("max", "pass")]
    report = check(run([1.0, 1.0]), limits)
    assert outcomes(report) == [("min", "pass"), ("max", "fail")]
    assert report.failed


def test_a_slice_is_judged_by_its_own_questions():
    limits = GateConfig(slices={"difficulty=challenging": {METRIC: Limit(min=0.9)}})
    assert check(run([1.0, 0.0, 1.0, 0.0]), limits).limits[0].value == 0.0
    assert not check(run([0.0, 1.0, 0.0, 1.0]), limits).failed


def test_a_metric_that_was_never_scored_fails():
    report = check(run([None, None]), GateConfig({METRIC: Limit(min=0.0, max=1.0)}))
    assert outcomes(report) == [("min", "fail"), ("max", "fail")]
    assert "none of 2 questions was scored" in report.limits[0].detail


@pytest.mark.parametrize(
    ("losses", "wins", "max_drop", "outcome"),
    [
        (0, 0, 0.02, "pass"),
        (2, 0, 0.02, "pass"),  # exactly the drop that is allowed, p = 0.25
        (4, 0, 0.02, "warn"),  # too much, but p = 0.0625
        (5, 0, 0.02, "fail"),  # p = 0.031
        (5, 0, 0.10, "warn"),  # significant within the limit
        (0, 9, 0.02, "pass"),  # a gain
    ],
)
def test_a_drop_fails_when_it_is_both_too_large_and_significant(losses, wins, max_drop, outcome):
    baseline, new = dropping(losses, wins)
    config = GateConfig({METRIC: Limit(max_drop=max_drop)})
    report = check(new, config, baseline)
    assert outcomes(report) == [("max_drop", outcome)]
    assert report.limits[0].value == pytest.approx((losses - wins) / 100)
    strict = check(new, replace(config, strict=True), baseline)
    assert outcomes(strict) == [("max_drop", "fail" if outcome == "warn" else outcome)]


def test_many_small_losses_beside_a_larger_gain_are_no_drop():
    baseline, new = run([0.5] * 8 + [0.0], "0001_old"), run([0.45] * 8 + [1.0])
    report = check(new, GateConfig({METRIC: Limit(max_drop=0.0)}), baseline)
    assert outcomes(report) == [("max_drop", "pass")]


def test_a_drop_of_a_slice_counts_only_that_slice():
    baseline, new = run([1.0] * 20, "0001_old"), run([0.0, 1.0] * 10)
    slices = {f"difficulty={grade}": {METRIC: Limit(max_drop=0.1)} for grade in ("simple", "challenging")}
    report = check(new, GateConfig(slices=slices), baseline)
    assert [(result.value, result.outcome) for result in report.limits] == [(1.0, "fail"), (0.0, "pass")]


def test_other_questions_in_the_baseline_are_left_out_and_warned_about():
    baseline, new = run([1.0] * 10, "0001_old"), run([1.0] * 6 + [0.0] * 6)
    report = check(new, GateConfig({METRIC: Limit(max_drop=0.5)}), baseline)
    assert outcomes(report) == [("questions", "warn"), ("max_drop", "pass")]
    assert "10 common questions; 0 only in the baseline, 2 only in the run" in report.limits[0].detail
    assert report.limits[1].value == pytest.approx(0.4)
    assert check(new, GateConfig({METRIC: Limit(max_drop=0.5)}, strict=True), baseline).failed


def test_questions_of_the_baseline_that_the_run_lacks_fail_and_a_row_says_so(tmp_path):
    baseline, new = run([1.0] * 100, "0001_old"), run([1.0] * 3)
    report = check(new, GateConfig({METRIC: Limit(min=0.5, max_drop=0.02)}), baseline)
    assert outcomes(report) == [("questions", "fail"), ("min", "pass"), ("max_drop", "pass")]
    assert report.failed
    write_markdown(report, tmp_path / "gate.md")
    row = (tmp_path / "gate.md").read_text(encoding="utf-8").splitlines()[4]
    assert "| fail | compared on 3 common questions; 97 only in the baseline" in row


def test_an_incomplete_baseline_is_refused():
    baseline = replace(run([1.0], "0001_old"), summary=None)
    with pytest.raises(UsageError, match=r"0001_old: the baseline is incomplete .*resume it"):
        check(run([1.0]), GateConfig({METRIC: Limit(min=0.1)}), baseline)


def test_a_rewritten_gold_is_warned_about():
    baseline, new = run([1.0], "0001_old"), run([1.0], gold_sql="SELECT 2")
    report = check(new, GateConfig({METRIC: Limit(max_drop=0.5)}), baseline)
    assert "1 common questions have another gold SQL" in report.limits[0].detail
    assert not report.failed


def test_runs_without_a_common_question_cannot_be_compared():
    baseline, new = run([1.0], "0001_old"), run([1.0], question="Another question?")
    with pytest.raises(UsageError, match="no question in common"):
        check(new, GateConfig({METRIC: Limit(max_drop=0.5)}), baseline)


def test_questions_that_only_one_run_scored_are_not_compared():
    baseline, new = run([None, 1.0, 1.0], "0001_old"), run([0.0, None, 1.0])
    report = check(new, GateConfig({METRIC: Limit(max_drop=0.0)}), baseline)
    assert report.limits[0].detail.startswith("0 better, 0 worse of 1;")


def test_unknown_names_and_a_missing_baseline_are_reported_together():
    config = GateConfig({"speed": Limit(min=0.1), METRIC: Limit(max_drop=0.1)}, {"db_id=x": {METRIC: Limit(min=0.1)}})
    with pytest.raises(UsageError) as caught:
        check(run([1.0]), config)
    text = str(caught.value)
    assert f"speed: no such metric in the run; known: {METRIC}" in text
    assert "db_id=x: no such slice in the run; known: difficulty=simple, db_id=ferry" in text
    assert "--baseline is needed" in text


def test_an_incomplete_run_cannot_be_gated():
    with pytest.raises(UsageError, match=r"incomplete .*resume it"):
        check(replace(run([1.0]), summary=None), GateConfig({METRIC: Limit(min=0.1)}))


@pytest.fixture
def mixed_report():
    baseline, new = dropping(4)
    evil = replace(new, path=Path("<b>|evil\x00|"))
    return check(evil, GateConfig({METRIC: Limit(min=0.97, max=1.0, max_drop=0.02)}), baseline)


def test_junit_has_a_case_for_each_limit_and_warnings_as_output(tmp_path, mixed_report):
    path = tmp_path / "new" / "gate.xml"
    write_junit(mixed_report, path)
    suite = ET.parse(path).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    by_name = {case.get("name"): case for case in suite}
    assert "measured 96.00 %, allowed 97.00 %" in by_name[f"{METRIC} min 0.97"].find("failure").get("message")
    assert len(by_name[f"{METRIC} max 1"]) == 0
    assert by_name[f"{METRIC} max_drop 0.02"].find("system-out").text.startswith("warning: measured 4.00 %")


@pytest.mark.parametrize("write", [write_junit, write_markdown])
def test_a_place_that_holds_no_file_is_a_run_error(tmp_path, mixed_report, write):
    with pytest.raises(RunError, match="choose another place"):
        write(mixed_report, tmp_path)


def test_markdown_has_a_row_for_each_limit_and_escapes_names(tmp_path, mixed_report):
    path = tmp_path / "gate.md"
    write_markdown(mixed_report, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("### Gate failed: &lt;b>\\|evil")
    assert len(lines) == 4 + 3
    assert "| all | 97.00 % | 96.00 % | fail | n = 100 |" in lines[4]


def test_the_terminal_table_shows_every_limit(mixed_report):
    console = Console(file=io.StringIO(), width=160)
    console.print(draw_table(mixed_report))
    text = console.file.getvalue()
    assert all(word in text for word in ("96.00 %", "97.00 %", "fail", "pass", "warn", "p = 0.0625"))


@pytest.fixture
def stored(monkeypatch):
    """Runs by path, as the store would load them."""
    command = pytest.importorskip("harness.cli.gate")
    baseline, new = dropping(5)
    runs = {Path("0001_old"): baseline, Path("0002_new"): new}
    monkeypatch.setattr(command.store, "load", runs.__getitem__)
    return command.app


def test_the_command_passes_writes_its_files_and_exits_with_0(tmp_path, stored):
    config = gate_file(tmp_path, "[gate]\nexecution_accuracy = { min = 0.9, max_drop = 0.1 }\n")
    files = ["--junit", str(tmp_path / "g.xml"), "--summary", str(tmp_path / "g.md")]
    result = CliRunner().invoke(stored, ["0002_new", "--config", str(config), "--baseline", "0001_old", *files])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "g.xml").exists()
    assert (tmp_path / "g.md").exists()


def test_the_command_raises_gate_failed_in_one_line_after_the_table(tmp_path, stored):
    config = gate_file(tmp_path, "[gate]\nexecution_accuracy = { min = 0.96, max_drop = 0.02 }\n")
    result = CliRunner().invoke(stored, ["0002_new", "--config", str(config), "--baseline", "0001_old"])
    assert isinstance(result.exception, GateFailed)
    assert str(result.exception) == (
        "0002_new: 2 of 2 limits failed: execution_accuracy min 0.96; execution_accuracy max_drop 0.02"
    )
    assert "95.00 %" in result.output
