"""The workflows and docs/ci.md are true: their commands exist, the documented one runs, the demo's gate is replayed."""

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from harness import cli
from harness.datasets import load
from harness.gate import load_gate

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "ci.md"
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"

if not WORKFLOW.exists():
    pytest.skip("workflows and scripts stand in the checkout", allow_module_level=True)

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
OURS = WORKFLOW.read_text(encoding="utf-8")
THEIRS = next(text for kind, text in BLOCKS if kind == "yaml")
DEMO = {
    "valid_sql": ("50.00 %", "75.00 %", "70 better, 3 worse"),
    "prepares": ("15.00 %", "33.00 %", "33 better, 3 worse"),
    "execution_accuracy": ("2.00 %", "14.00 %", "14 better, 0 worse"),
}
"""What the demo's gate allows, and what `tox -e demo` measured when these answers were made."""
TOOLS = {"pip", "cat", "pytest", "python", "t2s", ".ci/run"}


def commands(workflow):
    """Read the `run:` of each step, on its line or as a block below it."""
    block = None
    for line in workflow.splitlines():
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        if block is not None and line.strip():
            yield line.strip()
        found = re.fullmatch(r"(\s*(?:- )?)run: (.+)", line)
        if found and found[2] == "|":
            block = len(found[1])
        elif found:
            yield found[2]


def parse(line):
    """Let a command's own parser read its words; a wrong option or argument leaves."""
    name, *words = shlex.split(line)[1:]
    module, _, attribute = cli.COMMANDS[name][0].partition(":")
    typer.main.get_command(getattr(importlib.import_module(module), attribute)).make_context(name, words)


def console():
    return [line[2:] for kind, text in BLOCKS if kind == "console" for line in text.splitlines() if line[:2] == "$ "]


def test_every_command_of_the_workflows_and_the_document_exists():
    lines = [*commands(OURS), *commands(THEIRS), *console()]
    assert len(lines) >= 8
    for line in lines:
        words = shlex.split(line)
        assert words[0] in TOOLS, line
        if words[0] == "t2s":
            parse(line)
        for word in words:
            if word.endswith(("/run", ".py")):
                assert (ROOT / word).is_file(), line
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("line", ["t2s gate runs/new --confg gate.toml", "t2s gate runs/new"])
def test_a_command_that_does_not_exist_would_be_seen(line):
    with pytest.raises(Exception, match=r"No such option: --confg|Missing parameter: config"):
        parse(line)


@pytest.mark.parametrize("workflow", [OURS, THEIRS], ids=["ours", "theirs"])
def test_a_workflow_is_yaml_with_steps(workflow):
    yaml = pytest.importorskip("yaml")
    (job,) = yaml.safe_load(workflow)["jobs"].values()
    assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    read = [line.strip() for step in job["steps"] for line in step.get("run", "").splitlines()]
    assert read == list(commands(workflow))


def test_what_our_workflow_keeps_is_what_ci_writes():
    out = re.search(r"demo_gate\.py --out (\S+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))[1]
    assert f"path: {out}/" in OURS


def test_the_documented_workflow_runs_and_the_plugin_reads_its_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    Path("answers").mkdir()
    for name, demo in (("shipped", "base"), ("new", "smollm2")):
        shutil.copy(ROOT / "scripts" / "ci" / "demo" / f"{demo}.jsonl", f"answers/{name}.jsonl")
    Path("gate.toml").write_text(next(text for kind, text in BLOCKS if kind == "toml"), encoding="utf-8")
    for line in commands(THEIRS):
        if line.startswith("t2s "):
            with pytest.raises(SystemExit) as leaving:
                cli.main(shlex.split(line)[1:])
            assert leaving.value.code == 0, line
        elif line.startswith("cat "):
            subprocess.run(line, shell=True, check=True)
    assert Path("page.md").read_text(encoding="utf-8").startswith("### Gate passed: new against shipped\n")
    assert Path("gate.xml").exists()
    words = shlex.split(next(line for line in console() if line.startswith("pytest")))
    plugins = ("--pyargs", "-p", "harness.pytest_plugin", "--ignore-glob=*")
    done = subprocess.run(
        [sys.executable, "-m", *words, *plugins],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "5 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_documented_gate_is_read(tmp_path):
    (tmp_path / "gate.toml").write_text(next(text for kind, text in BLOCKS if kind == "toml"), encoding="utf-8")
    config = load_gate(tmp_path / "gate.toml")
    assert set(config.known_flips) <= {one.question_id for one in load("mini").examples}


def test_the_demos_gate_passes_by_replay_with_the_rates_that_the_demo_measured(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "ci" / "demo_gate.py", "--out", tmp_path / "out"],
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(page)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = page.read_text(encoding="utf-8")
    assert said == "before\n" + (tmp_path / "out" / "gate.md").read_text(encoding="utf-8")
    for metric, row in DEMO.items():
        escaped = metric.replace("_", "\\_")
        assert f"| {escaped} min | all | {row[0]} | {row[1]} | pass |" in said
        assert f"| pass | {row[2]} of 100; p = 1.0000 (McNemar, one-sided) |" in said


def test_the_replayed_answers_are_one_for_each_question_of_the_demo():
    ids = [one.question_id for one in load("mini").examples]
    for name in ("base", "smollm2"):
        lines = (ROOT / "scripts" / "ci" / "demo" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert sorted(json.loads(line)["question_id"] for line in lines) == sorted(ids)
