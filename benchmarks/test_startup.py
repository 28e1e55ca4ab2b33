"""How long `t2s --help` takes, beside an interpreter that does nothing, in one run."""

import subprocess
import sys

import pytest

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "t2s --help": [sys.executable, "-m", "harness.cli", "--help"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_startup(benchmark, name):
    benchmark.group = "startup"
    benchmark.pedantic(
        subprocess.run,
        args=(COMMANDS[name],),
        kwargs={"check": True, "stdout": subprocess.DEVNULL},
        rounds=10,
        warmup_rounds=1,
    )
