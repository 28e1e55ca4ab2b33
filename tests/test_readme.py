"""The README is true: its commands run, its configurations are read, its table is the demo's."""

import configparser
import json
import re
import shlex
import sqlite3
import tomllib
from pathlib import Path

import pytest

from harness import cli
from harness.config import EvalConfig, build
from harness.datasets import load
from harness.gate import load_gate
from harness.metrics import METRICS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

if not README.exists():
    pytest.skip("the README stands in the checkout", allow_module_level=True)

TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line[2:] for kind, block in BLOCKS if kind == "console" for line in block.splitlines() if line[:2] == "$ "]
HERE = [line for line in COMMANDS if line.startswith("t2s") and " fetch " not in line]
ELSEWHERE = [line for line in COMMANDS if line not in HERE]


def t2s(line):
    with pytest.raises(SystemExit) as leaving:
        cli.main(shlex.split(line)[1:])
    return leaving.value.code


def toml(name):
    return next(block for kind, block in BLOCKS if kind == "toml" and block.startswith(f"# {name}"))


def test_the_commands_of_the_readme_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    golds = [{"question_id": one.question_id, "SQL": one.gold_sql} for one in load("mini").examples]
    Path("answers.json").write_text(json.dumps(golds))
    database = sqlite3.connect("shop.sqlite")
    database.execute("CREATE TABLE item (id INTEGER)")
    database.close()
    question = {"question": "How many?", "SQL": "SELECT COUNT(*) FROM item", "predicted_sql": "SELECT 0"}
    Path("shop.jsonl").write_text(json.dumps(question))
    Path("short_answers.py").write_text(next(block for kind, block in BLOCKS if kind == "python"))
    assert len(HERE) >= 6
    for line in HERE:
        assert t2s(line) == 0, line
    assert Path("runs/mine.html").stat().st_size > 10_000
    assert json.loads(Path("runs/shop/summary.json").read_text())["metrics"]["execution_accuracy"]["value"] == 1.0


@pytest.mark.parametrize("line", ELSEWHERE)
def test_what_needs_a_network_or_a_gpu_exists_by_that_name(line):
    words = shlex.split(line)
    if words[0] == "tox":
        assert len(words) == 1 or words[2] in tox_environments()
    elif words[:3] == ["t2s", "data", "fetch"]:
        assert t2s(shlex.join([*words[:3], "--help"])) == 0
        assert words[3] in ("bird-mini-dev", "bird-dev", "bird-train", "spider")
    else:
        assert words[:2] == ["pip", "install"]


def tox_environments():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    names = set()
    for section in tox.sections():
        name = section.removeprefix("testenv:")
        stem, brace, factors = name.partition("{")
        names |= {f"{stem}{one}" for one in factors.rstrip("}").split(",")} if brace else {name}
    return names


def test_every_environment_that_a_person_uses_is_described():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    described = [name for name in tox.sections() if name.startswith("testenv")]
    assert len(described) >= 10
    assert all(tox.get(name, "description") for name in described)


def test_the_example_configurations_are_read(tmp_path):
    config = build(EvalConfig, tomllib.loads(toml("eval.toml")), "README")
    assert config.generator["name"] == "huggingface"
    (tmp_path / "gate.toml").write_text(toml("gate.toml"))
    assert load_gate(tmp_path / "gate.toml")


def test_every_metric_stands_in_the_table():
    assert all(f"| `{name}` |" in TEXT for name in METRICS)


def test_the_readme_speaks_of_the_product_only():
    assert not re.search(r"(?:^|[\s(`'\"])/[a-z]+/", TEXT, re.MULTILINE)
