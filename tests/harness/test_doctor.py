import json
import sqlite3
import tomllib
from pathlib import Path

import pytest

from harness import cli
from harness.cli import doctor

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
GIB = 1024**3
A100 = {"name": "NVIDIA A100", "memory": 40 * GIB, "free": 39 * GIB, "bf16": True}
T4 = {"name": "Tesla T4", "memory": 15 * GIB, "free": 15 * GIB, "bf16": False}
GTX = {"name": "GTX 1650", "memory": 4 * GIB, "free": 3 * GIB, "bf16": False}


@pytest.fixture
def installed(monkeypatch):
    """Every package is there, but those named."""

    def without(*absent):
        monkeypatch.setattr(doctor, "_version", lambda name: None if name in absent else "1.0")

    without()
    return without


@pytest.fixture
def child(monkeypatch, installed):
    """What the child process runs instead of the probe: a script, or the answer that it prints."""

    def replace(script_or_answer):
        if isinstance(script_or_answer, dict):
            answer = {"devices": [], "bitsandbytes": True, "cuda": "12.8"} | script_or_answer
            script_or_answer = f"print('noise of a library'); print({json.dumps(answer)!r})"
        monkeypatch.setattr(doctor, "PROBE", script_or_answer)
        return {one.name: one for one in doctor.examine() if one.area == "gpu"}

    return replace


def run_doctor(capsys, *words):
    with pytest.raises(SystemExit) as leaving:
        cli.main(["doctor", *words])
    return leaving.value.code, capsys.readouterr()


def test_a_card_is_described_with_its_memory_and_bf16(child):
    found = child({"devices": [A100, T4]})
    assert found["CUDA device 0"].value == "NVIDIA A100, 40.0 GiB, 39.0 GiB free"
    assert {found[name].state for name in ("CUDA device 0", "CUDA device 1", "bf16 on device 0")} == {"ok"}
    assert (found["bf16 on device 1"].value, found["bf16 on device 1"].state) == ("no", "note")
    assert "fp16, which works" in found["bf16 on device 1"].meaning
    assert found["bitsandbytes"].value == "loads, and quantises on the device"


def test_a_card_with_less_than_the_presets_are_made_for_is_noted(child):
    found = child({"devices": [GTX]})["CUDA device 0"]
    assert found.state == "note"
    assert "6 GiB: ask `t2s plan`" in found.meaning


@pytest.mark.parametrize(("cuda", "built"), [("12.8", False), (None, True)])
def test_no_card_means_scoring_works_and_training_needs_one(child, cuda, built):
    found = child({"cuda": cuda})["CUDA device"]
    assert (found.value, found.state) == ("none", "missing")
    assert found.meaning.startswith("scoring works; training needs an NVIDIA card of 6 GB, or smollm2 on a CPU")
    assert ("built without CUDA" in found.meaning) == built


def test_a_torch_that_fails_is_said_with_its_message(child):
    found = child({"torch_error": "ImportError: libcudart.so.12"})["CUDA device"]
    assert (found.value, found.state) == ("torch fails", "missing")
    assert found.meaning.endswith("ImportError: libcudart.so.12")


def test_a_bitsandbytes_that_fails_is_said_with_its_message(child):
    found = child({"bitsandbytes": False, "bitsandbytes_error": "RuntimeError: no kernel image"})["bitsandbytes"]
    assert (found.value, found.state) == ("does not load", "missing")
    assert "4-bit weights do not work" in found.meaning
    assert found.meaning.endswith("RuntimeError: no kernel image")


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV (no message)"),
        ("import sys; sys.exit('CUDA driver is too old')", "ended with code 1 (CUDA driver is too old)"),
        ("print('half an ans')", "it said nothing that can be read"),
        ("pass", "it said nothing that can be read"),
    ],
)
def test_a_child_that_ends_badly_takes_nothing_down(child, script, trouble):
    found = child(script)
    assert list(found) == ["CUDA device"]
    assert (found["CUDA device"].value, found["CUDA device"].state) == ("the probe failed", "missing")
    assert found["CUDA device"].meaning.endswith(trouble)


def test_a_child_that_hangs_is_given_up(child, monkeypatch):
    monkeypatch.setattr(doctor, "PROBE_TIMEOUT_S", 0.5)
    assert child("import time; time.sleep(600)")["CUDA device"].meaning.endswith("no answer within 0.5 s")


def test_without_torch_no_child_is_started(child, installed, monkeypatch):
    installed("torch", "bitsandbytes")
    monkeypatch.setattr(doctor.subprocess, "run", None)
    found = child("unused")["CUDA device"]
    assert (found.value, found.state) == ("unknown", "note")
    assert "pip install 'text2sql-harness[train]'" in found.meaning


def test_the_probe_itself_answers_on_this_machine():
    found, trouble = doctor._probe()
    assert trouble == ""
    assert isinstance(found["devices"], list)
    assert "torch_error" in found or "cuda" in found


def test_a_missing_package_says_what_cannot_be_done_without_it(child, installed):
    installed("torch", "gguf", "sqlglot")
    found = {one.name: one for one in doctor.examine() if one.area == "packages"}
    assert "scoring works; `t2s train`" in found["torch"].meaning
    assert ".gguf" in found["gguf"].meaning
    assert "the installation is incomplete" in found["sqlglot"].meaning
    assert [name for name, one in found.items() if one.state == "missing"] == ["sqlglot", "torch", "gguf"]


@pytest.mark.skipif(not PYPROJECT.exists(), reason="the dependencies stand in the checkout's pyproject.toml")
def test_the_packages_are_those_of_the_project():
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    names = [[one.split(">=")[0] for one in group] for group in (project["dependencies"], _extra(project))]
    assert sorted(doctor.CORE) == sorted(names[0])
    assert sorted(doctor.TRAINING) == sorted(names[1])


def _extra(project):
    return project["optional-dependencies"]["train"]


def test_sqlite_is_described_by_version_limits_and_functions(child):
    child({})
    found = {one.name: one for one in doctor.examine() if one.area == "sqlite"}
    assert found["SQLite"].value == sqlite3.sqlite_version
    assert {"limit: variables", "limit: expression_depth", "functions: json", "functions: math"} <= found.keys()
    assert found["limit: columns"].value == "2,000"
    assert found["limit: variables"].value == "100"  # what a query gets, and not what the library could


def test_a_function_that_sqlite_lacks_is_noted(child, monkeypatch):
    monkeypatch.setattr(doctor, "FUNCTIONS", {"spell": ("abracadabra(1)", "spells")})
    (found,) = (one for one in doctor.examine() if one.name == "functions: spell")
    assert (found.value, found.state) == ("no such function: abracadabra", "note")
    assert found.meaning.startswith("queries that use spells fail, golds too;")


def test_an_sqlite_that_is_too_old_is_missing(monkeypatch):
    monkeypatch.setattr(doctor.library, "OLDEST_SQLITE", "9.0")
    found = next(doctor._sqlite())
    assert found.state == "missing"
    assert "before 9.0" in found.meaning


def test_little_memory_and_disk_are_noted(monkeypatch):
    monkeypatch.setattr(doctor, "_memory_bytes", lambda: GIB)
    monkeypatch.setattr(doctor, "ROOM_GIB", 10**9)
    found = {one.name: one for one in doctor._machine()}
    assert "execution.workers" in found["memory"].meaning
    assert {found["memory"].state, found["free disk, here"].state} == {"note"}
    monkeypatch.setattr(doctor, "_memory_bytes", lambda: None)
    assert {one.name: one for one in doctor._machine()}["memory"].value == "unknown"


def test_the_command_prints_a_table_and_leaves_with_0_whatever_is_broken(child, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    child("raise SystemExit(7)")
    code, said = run_doctor(capsys)
    assert code == 0
    assert all(text in said.out for text in ("t2s doctor", "the probe failed", "ended with code 7", "missing"))


def test_the_command_prints_the_same_as_json(child, capsys):
    child({"devices": [A100]})
    code, said = run_doctor(capsys, "--json")
    findings = json.loads(said.out)["findings"]
    assert code == 0
    assert {one["area"] for one in findings} == {"python", "packages", "sqlite", "machine", "gpu"}
    assert {"CUDA device 0", "Python", "torch"} <= {one["name"] for one in findings}
    assert all(set(one) == {"area", "name", "value", "state", "meaning"} for one in findings)


def test_a_wrong_option_is_a_usage_error(capsys):
    assert run_doctor(capsys, "--fix")[0] == 2
