"""The arrows of the architecture hold, and each contract fails when it is broken."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter")
PACKAGES = ("harness", "trainer", "reports")
PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"

if not PYPROJECT.exists():
    pytest.skip("the contracts stand in the checkout's pyproject.toml", allow_module_level=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The installed packages and the contracts, to be broken at will."""
    folder = tmp_path_factory.mktemp("tree")
    shutil.copy(PYPROJECT, folder)
    for package in PACKAGES:
        source = Path(importlib.util.find_spec(package).origin).parent
        shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("__pycache__", "mini", "*.sqlite"))
    return folder


def lint(folder):
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_is_kept(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    assert "8 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("harness/prompts.py", "import trainer", "1. trainer and reports"),
        ("reports/view.py", "import trainer.config", "1. trainer and reports"),
        ("harness/types.py", "import harness.config", "2. inside harness"),
        ("harness/utils.py", "", "2. inside harness"),
        ("harness/run.py", "import torch", "3a. torch"),
        ("trainer/data.py", "import transformers", "3a. torch"),
        ("harness/datasets/bird.py", "import datasets", "3b. Hugging Face"),
        ("reports/view.py", "import jinja2", "3c. jinja2"),
        ("harness/run.py", "import sqlite3", "3d. sqlite3"),
        ("trainer/job.py", "import huggingface_hub", "3e. huggingface_hub"),
        ("harness/generators/vllm_engine.py", "import vllm", "3f. vllm"),
    ],
)
def test_a_forbidden_arrow_is_reported(copy, file, line, contract):
    path = copy / file
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        done = lint(copy)
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert done.returncode == 1
    assert any(contract in row and "BROKEN" in row for row in done.stdout.splitlines()), done.stdout
