"""The gate inside pytest: each test starts a pytest of its own."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from harness import store
from harness.summary import summarise
from harness.types import Record, Score

pytest_plugins = ["pytester"]

INSTALLED = any(point.name == "t2s" for point in importlib.metadata.entry_points(group="pytest11"))
HEAVY = {"sqlglot", "scipy", "numpy", "rich", "typer", "pydantic", "jinja2", "harness.gate", "harness.store"}
GATE = """
[gate]
execution_accuracy = { min = 0.50, max_drop = 0.02 }

[gate.slices."difficulty=simple"]
execution_accuracy = { max = 1.0 }
"""
TITLES = (
    "gate.toml::execution_accuracy min 0.5",
    "gate.toml::execution_accuracy max_drop 0.02",
    "gate.toml::execution_accuracy (difficulty=simple) max 1",
)


@pytest.fixture
def gated(pytester):
    """Start pytest in a folder with a test, a gate and the runs `old` and `new`."""
    pytester.makefile(".toml", gate=GATE)
    pytester.makepyfile("def test_of_the_user():\n    pass\n")

    def start(*words, flips=(0, 0)):
        losses, wins = flips
        write_run(pytester.path / "old", [1.0] * losses + [0.0] * wins + [1.0] * (100 - losses - wins))
        write_run(pytester.path / "new", [0.0] * losses + [1.0] * wins + [1.0] * (100 - losses - wins))
        plugin = () if INSTALLED else ("-p", "harness.pytest_plugin")
        return pytester.runpytest_subprocess(*plugin, "-p", "no:cacheprovider", *words)

    return start


COMPARED = ("--t2s-run", "new", "--t2s-gate", "gate.toml", "--t2s-baseline", "old")


def write_run(path, values):
    fields = dict.fromkeys(("evidence", "gold_sql", "completion", "sql", "error"), "")
    fields |= dict.fromkeys(("diagnosis", "gold_result", "predicted_result"))
    fields |= {"db_id": "ferry", "difficulty": "simple", "status": "ok"}
    scores = [{"execution_accuracy": Score("execution_accuracy", value)} for value in values]
    records = [Record(question_id=n, question=f"{n}?", scores=one, **fields) for n, one in enumerate(scores)]
    store.create(path, {"name": path.name})
    writer = store.RecordWriter(path)
    for record in records:
        writer.append(record)
    writer.close()
    store.write_summary(path, summarise(records, ["execution_accuracy"]))


def test_every_limit_is_a_test_beside_those_of_the_user(gated):
    result = gated(*COMPARED, "--collect-only", "-q")
    assert [line for line in result.outlines if "::" in line] == [
        "test_every_limit_is_a_test_beside_those_of_the_user.py::test_of_the_user",
        *TITLES,
    ]


def test_a_clear_regression_fails_and_says_why(gated):
    result = gated(*COMPARED, flips=(12, 0))
    result.assert_outcomes(passed=3, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "t2s: Gate failed: new against old",
            "measured 12.00 %, allowed 2.00 %; 0 better, 12 worse of 100; p = 0.0002 (McNemar, one-sided)",
            f"FAILED {TITLES[1]} - *",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_clear_improvement_passes(gated):
    result = gated(*COMPARED, flips=(0, 12))
    result.assert_outcomes(passed=4, warnings=0)
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("ini", ["", "filterwarnings = error"])
def test_a_difference_that_n_cannot_tell_warns_and_passes(gated, pytester, ini):
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = gated(*COMPARED, flips=(4, 0))
    result.assert_outcomes(passed=4, warnings=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "*= warnings summary =*",
            TITLES[1],
            "*GateWarning: execution_accuracy max_drop *p = 0.0625 (McNemar, one-sided)*cannot tell it from chance",
        ]
    )


def test_a_strict_gate_fails_where_it_would_warn(gated, pytester):
    pytester.makefile(".toml", gate=GATE.replace("[gate]", "[gate]\nstrict = true", 1))
    gated(*COMPARED, flips=(4, 0)).assert_outcomes(passed=3, failed=1)


def test_limits_are_chosen_and_recorded_like_other_tests(gated, pytester):
    result = gated(*COMPARED, "-v", "-k", "max_drop or simple", "--junitxml", "all.xml")
    result.assert_outcomes(passed=2, deselected=2)
    result.stdout.fnmatch_lines([f"{title} PASSED*" for title in TITLES[1:]])
    xml = (pytester.path / "all.xml").read_text()
    assert 'classname="gate.toml" name="execution_accuracy (difficulty=simple) max 1"' in xml
    assert "0 better, 0 worse of 100; p = 1.0000 (McNemar, one-sided)" in xml


def test_the_gate_runs_alone_where_nothing_else_is_collected(gated):
    gated(*COMPARED, "--ignore-glob=*").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--t2s-run", "new"), "--t2s-run and --t2s-gate: one needs the other"),
        (("--t2s-gate", "gate.toml"), "--t2s-run and --t2s-gate: one needs the other"),
        (("--t2s-baseline", "old"), "--t2s-run and --t2s-gate: one needs the other"),
        (("--t2s-run", "nowhere", "--t2s-gate", "gate.toml"), "nowhere: not a run (no manifest.json)"),
        (("--t2s-run", "new", "--t2s-gate", "no.toml"), "no.toml: 1 problem; fix and run again"),
        (("--t2s-run", "new", "--t2s-gate", "gate.toml"), "--baseline is needed"),
    ],
)
def test_bad_input_is_a_usage_error_with_our_own_message(gated, words, message):
    result = gated(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_without_the_options_nothing_happens(gated):
    result = gated()
    result.assert_outcomes(passed=1)
    assert "t2s:" not in result.stdout.str()


def test_importing_the_plugin_imports_nothing_that_pytest_has_not():
    code = (
        "import sys, pytest; before = set(sys.modules); import harness.pytest_plugin; "
        "print(*sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["harness", "harness.pytest_plugin"]


def test_a_pytest_without_the_options_loads_nothing_heavy(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(f"import sys\n\ndef test_light():\n    assert not {HEAVY!r} & set(sys.modules)\n")
    pytester.runpytest_subprocess("-p", "harness.pytest_plugin").assert_outcomes(passed=1)


@pytest.mark.skipif(not INSTALLED, reason="the installed program is older than its entry point")
def test_the_entry_point_names_this_module():
    (point,) = (one for one in importlib.metadata.entry_points(group="pytest11") if one.name == "t2s")
    assert Path(point.load().__file__).name == "pytest_plugin.py"
