"""A run that was killed and goes on, against one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from harness.generators.base import pending_prompts
from harness.generators.huggingface.shared import SharedEngine
from harness.types import Prompt

pytestmark = pytest.mark.torch

QUESTIONS = 60
LEFT_OUT = ("latency_s", "elapsed_s")
"""What a clock says."""


def make_prompts():
    chance = random.Random(7)
    return [
        Prompt(index, "SELECT a FROM t " * (1 + index % 4), "Q " * chance.randint(1, 9)) for index in range(QUESTIONS)
    ]


@pytest.mark.parametrize("options", [{}, {"samples": 3, "temperature": 1.0}])
def test_wherever_a_run_is_cut_the_same_rows_are_computed_together(make_generator, folder, monkeypatch, options):
    units = []
    complete = SharedEngine.complete

    def watch(self, unit):
        units.append(tuple(request.prompt.index for request in unit))
        return complete(self, unit)

    monkeypatch.setattr(SharedEngine, "complete", watch)
    generator = make_generator(folder, batch_size=4, stop_early=False, **options)
    prompts, samples = make_prompts(), options.get("samples", 1)
    whole = [(one.index, one.sample, one.text) for one in generator.generate(prompts)]
    undisturbed = list(units)
    assert len(undisturbed) > 3
    for cut in (0, 1, 7, len(whole) // 2, len(whole) - 1):
        units.clear()
        seen = [index for index, *_ in whole[:cut]]
        done = frozenset(index for index in seen if seen.count(index) == samples)
        rest = [
            (one.index, one.sample, one.text)
            for one in generator.generate(pending_prompts(generator, prompts, done))
            if one.index not in done
        ]
        assert [unit for unit in undisturbed if unit in units] == units
        assert sorted([one for one in whole if one[0] in done] + rest) == sorted(whole)
        assert cut < len(whole) // 2 or len(units) < len(undisturbed)


CONFIG = """
[data]
path = "mini"
split = "dev"
[prompt]
template = "reference"
schema = true
[generator]
name = "huggingface"
model = {model}
precision = "bf16"
device = "cpu"
batch_size = 4
max_new_tokens = 24
samples = 1
temperature = 1.0
[analysis]
explain = false
[metrics]
names = ["valid_sql"]
"""


@pytest.mark.timeout(280)
def test_the_program_killed_at_random_writes_what_an_undisturbed_one_writes(make_model, tmp_path):
    config = tmp_path / "eval.toml"
    config.write_text(CONFIG.format(model=json.dumps(str(make_model()))))

    def start(name, *more):
        command = [sys.executable, "-m", "harness.cli", "eval", config, "--limit", QUESTIONS, *more]
        command += ["--set", f'output.path="{tmp_path / name}"']
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            list(map(str, command)), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def finish(process):
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output.decode()

    def records(name):
        lines = [
            line for path in tmp_path.glob(f"{name}/*/records.jsonl") for line in path.read_text().splitlines(True)
        ]
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        plain = [{key: value for key, value in record.items() if key not in LEFT_OUT} for record in found]
        assert len({record["question_id"] for record in plain}) == len(plain)
        return {record["question_id"]: record for record in plain}

    finish(start("whole"))
    chance = random.Random(1)
    more: tuple[str, ...] = ()
    for _ in range(2):
        process, before = start("killed", *more), len(records("killed"))
        end = time.monotonic() + 100
        while len(records("killed")) <= before + chance.randint(1, 15) and process.poll() is None:
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, output.decode()
        more = ("--resume",)
    survivors = records("killed")
    assert 0 < len(survivors) < QUESTIONS
    finish(start("killed", "--resume"))
    assert len(list((tmp_path / "killed").iterdir())) == 1
    assert records("killed") == records("whole")
    assert survivors.items() <= records("whole").items()
    assert len({record["completion"] for record in survivors.values()}) > 1
