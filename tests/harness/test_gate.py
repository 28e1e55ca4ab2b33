import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from typer.testing import CliRunner

from harness import cli, store
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
        ("execution_accuracy = { min = 0.5 }\nknown_flips = [3]", "only a max_drop can accept them"),
        ("execution_accuracy = { max_drop = 0.5 }\nknown_flips = 3", "gate.known_flips: "),
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


def with_database(one, sha256):
    return replace(one, manifest={"hashes": {"dev.json": "a" * 64, "databases/ferry": sha256}})


def test_a_baseline_on_another_database_is_refused_by_name_and_hash():
    baseline, new = run([1.0], "0001_old"), run([1.0])
    limits = GateConfig({METRIC: Limit(min=0.5)})
    assert not check(with_database(new, "b" * 64), limits, with_database(baseline, "b" * 64)).failed
    with pytest.raises(UsageError) as caught:
        check(with_database(new, "c" * 64), limits, with_database(baseline, "b" * 64))
    assert str(caught.value) == (
        "0001_old and 0002_new: scored on different data, so that systems cannot be told from data;"
        " score the baseline again on the data of the run\n"
        "  - databases/ferry: sha256 bbbbbbbbbbbb… and cccccccccccc…"
    )


def test_a_baseline_with_other_golds_is_refused():
    baseline, new = run([1.0], "0001_old"), run([1.0], gold_sql="SELECT 2")
    with pytest.raises(UsageError, match="1 of 1 common questions have another gold SQL: 0"):
        check(new, GateConfig({METRIC: Limit(max_drop=0.5)}), baseline)


def test_a_run_without_a_baseline_has_nothing_to_be_compared_with():
    assert not check(with_database(run([1.0]), "c" * 64), GateConfig({METRIC: Limit(min=0.5)})).failed


def test_a_known_flip_is_no_loss_and_stays_in_n():
    baseline, new = dropping(5, wins=1)
    limits = GateConfig({METRIC: Limit(max_drop=0.01)})
    counted = check(new, limits, baseline).limits[0]
    assert (counted.value, "1 better, 5 worse of 100" in counted.detail) == (pytest.approx(0.04), True)
    forgiven = check(new, replace(limits, known_flips=(0, 1, 2, 50)), baseline).limits[0]
    assert (forgiven.value, forgiven.outcome) == (pytest.approx(0.01), "pass")
    assert forgiven.detail.startswith("1 better, 2 worse of 100; ")
    assert forgiven.detail.endswith("; 3 known flips allowed")


def test_a_known_flip_that_turned_out_well_counts_as_a_gain():
    baseline, new = dropping(1, wins=1)
    report = check(new, GateConfig({METRIC: Limit(max_drop=0.0)}, known_flips=(1,)), baseline)
    assert report.limits[0].detail.startswith("1 better, 1 worse of 100; ")
    assert report.limits[0].detail.endswith("; 0 known flips allowed")


def test_a_known_flip_counts_in_its_slices_only():
    baseline, new = run([1.0] * 20, "0001_old"), run([0.0, 1.0] * 10)
    slices = {f"difficulty={grade}": {METRIC: Limit(max_drop=0.1)} for grade in ("simple", "challenging")}
    report = check(new, GateConfig(slices=slices, known_flips=(0, 2, 4, 6)), baseline)
    assert [result.value for result in report.limits] == [pytest.approx(0.6), 0.0]
    assert [result.detail.rpartition("; ")[2] for result in report.limits] == [
        "4 known flips allowed",
        "0 known flips allowed",
    ]


def test_known_flips_that_the_run_does_not_ask_are_named():
    baseline, new = dropping(5)
    with pytest.raises(UsageError, match=r"known_flips: no such question in the run: 100, 'q7'; take out"):
        check(new, GateConfig({METRIC: Limit(max_drop=0.0)}, known_flips=(0, 100, "q7")), baseline)


def test_known_flips_are_read_as_ids_of_either_kind(tmp_path):
    text = "[gate]\nknown_flips = [12, 'q7']\nexecution_accuracy = { max_drop = 0.0 }\n"
    assert load_gate(gate_file(tmp_path, text)).known_flips == (12, "q7")


def test_a_file_beside_the_baseline_decides_nothing_where_golds_are_seen():
    baseline, new = (replace(run([1.0], name), manifest={"hashes": {"dev.json": name}}) for name in ("a", "b"))
    assert not check(new, GateConfig({METRIC: Limit(max_drop=0.0)}), baseline).failed


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


def test_junit_has_a_case_for_each_limit_and_what_was_measured_in_each(tmp_path, mixed_report):
    path = tmp_path / "new" / "gate.xml"
    write_junit(mixed_report, path)
    suite = ET.parse(path).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    by_name = {case.get("name"): case for case in suite}
    assert "measured 96.00 %, allowed 97.00 %" in by_name[f"{METRIC} min 0.97"].find("failure").get("message")
    assert by_name[f"{METRIC} max 1"].find("system-out").text == "measured 96.00 %, allowed 100.00 %; n = 100"
    assert by_name[f"{METRIC} max_drop 0.02"].find("system-out").text.startswith("warning: measured 4.00 %")


@pytest.mark.parametrize("write", [write_junit, write_markdown])
def test_a_place_that_holds_no_file_is_a_run_error(tmp_path, mixed_report, write):
    with pytest.raises(RunError, match="choose another place"):
        write(mixed_report, tmp_path)


def test_markdown_has_a_row_for_each_limit_and_escapes_names(tmp_path, mixed_report):
    path = tmp_path / "gate.md"
    write_markdown(mixed_report, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("### Gate failed with 1 warning: &lt;b>\\|evil")
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


def write_run(path, one):
    store.create(path, {"name": path.name})
    writer = store.RecordWriter(path)
    for each in one.records:
        writer.append(each)
    writer.close()
    store.write_summary(path, one.summary)
    return path


@pytest.fixture
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")


UNTELLABLE = "; too large, but 100 questions cannot tell it from chance"


@pytest.mark.parametrize(
    ("flips", "outcome", "headline", "said"),
    [
        ((12, 0), "fail", "failed", "0 better, 12 worse of 100; p = 0.0002 (McNemar, one-sided)"),
        ((0, 12), "pass", "passed", "12 better, 0 worse of 100; p = 1.0000 (McNemar, one-sided)"),
        (
            (4, 0),
            "warn",
            "passed with 1 warning",
            f"0 better, 4 worse of 100; p = 0.0625 (McNemar, one-sided){UNTELLABLE}",
        ),
    ],
    ids=["clear regression", "clear improvement", "a difference that n cannot tell"],
)
@pytest.mark.usefixtures("wide_terminal")
def test_all_outputs_and_the_exit_code_tell_the_same(tmp_path, capsys, flips, outcome, headline, said):
    runs = zip(("old", "new"), dropping(*flips), strict=True)
    old, new = (write_run(tmp_path / name, one) for name, one in runs)
    config = gate_file(tmp_path, "[gate]\nexecution_accuracy = { max_drop = 0.02 }\n")
    files = ["--junit", str(tmp_path / "gate.xml"), "--summary", str(tmp_path / "gate.md")]
    with pytest.raises(SystemExit) as leaving:
        cli.main(["gate", str(new), "--config", str(config), "--baseline", str(old), *files])
    assert leaving.value.code == (1 if outcome == "fail" else 0)
    headline = f"Gate {headline}: new against old"

    terminal = capsys.readouterr().out
    assert all(text in terminal for text in (headline, f" {outcome} ", said))

    suite = ET.parse(tmp_path / "gate.xml").getroot()[0]
    assert suite.find("properties/property").get("value") == headline
    case = suite.find("testcase")
    assert (case.find("failure") is not None) == (outcome == "fail")
    text = case.findtext("failure") or case.findtext("system-out")
    assert text.endswith(said)
    assert text.startswith("warning: ") == (outcome == "warn")

    markdown = (tmp_path / "gate.md").read_text(encoding="utf-8")
    assert markdown.startswith(f"### {headline}\n")
    assert f"| {outcome} | {said} |" in markdown


def test_a_baseline_on_other_data_leaves_with_2(tmp_path, capsys):
    runs = zip(("old", "new"), dropping(0), strict=True)
    old, new = (write_run(tmp_path / name, one) for name, one in runs)
    for path, sha256 in ((old, "b" * 64), (new, "c" * 64)):
        store.create(path, {"name": path.name, "hashes": {"databases/ferry": sha256}})
    config = gate_file(tmp_path, "[gate]\nexecution_accuracy = { max_drop = 0.02 }\n")
    with pytest.raises(SystemExit) as leaving:
        cli.main(["gate", str(new), "--config", str(config), "--baseline", str(old)])
    assert leaving.value.code == 2
    assert "databases/ferry: sha256" in capsys.readouterr().err
