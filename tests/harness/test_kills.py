"""SIGKILL at random moments, of the program and of its workers: at most the question in flight is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.datasets import load

QUESTIONS = 24
BUSY = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t LIMIT 150000) SELECT max(x) % 6 + {} FROM t"
WORKERS = 2
STARTED_TICKS = 5
"""More than a worker needs to start, in hundredths of a second."""


@pytest.fixture
def scoring(tmp_path):
    """Return a function that starts `t2s score` on answers that take a while."""
    data = tmp_path / "data"
    data.mkdir()
    mini = load("mini", "dev")
    used = mini.examples[:QUESTIONS]
    questions = [
        {"question_id": n, "db_id": one.db_id, "question": "?", "SQL": f"SELECT {n % 7}"} for n, one in enumerate(used)
    ]
    (data / "dev.json").write_text(json.dumps(questions))
    for db_id in {one.db_id for one in used}:
        folder = data / "dev_databases" / db_id
        folder.mkdir(parents=True)
        (folder / f"{db_id}.sqlite").write_bytes(mini.databases[db_id].read_bytes())
    # Each differs from the others, so that no cache answers and the records come one after the other.
    answers = [{"question_id": n, "SQL": f"{BUSY.format(n % 5)} -- {n}"} for n in range(QUESTIONS)]
    (tmp_path / "answers.json").write_text(json.dumps(answers))

    def start(out, *more):
        metrics = "execution_accuracy,valid_sql"
        command = [sys.executable, "-m", "harness.cli", "score", "--data", data, "--metrics", metrics, *more]
        command += ["--predictions", tmp_path / "answers.json", "--out", out, "--set", f"execution.workers={WORKERS}"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        return subprocess.Popen(
            list(map(str, command)), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return start


def finish(process):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()


def read_records(run):
    """Return whole lines by question, without what a clock says."""
    path = run / "records.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    timing = ("elapsed_s", "latency_s")
    return {
        record["question_id"]: {key: value for key, value in record.items() if key not in timing} for record in records
    }


def wait_until(condition, process):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def list_children(process):
    tasks = Path(f"/proc/{process.pid}/task")
    if not (tasks / str(process.pid) / "children").exists():
        pytest.skip("/proc does not list children here")
    return [int(one) for task in tasks.iterdir() for one in (task / "children").read_text().split()]


def is_busy(pid):
    """Whether a worker has started and used the CPU since."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11]) > STARTED_TICKS
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("seed", range(4))
def test_the_program_killed_at_random_and_resumed_writes_what_an_undisturbed_one_writes(scoring, tmp_path, seed):
    finish(scoring(tmp_path / "whole"))
    chance = random.Random(seed)
    run = tmp_path / "killed"
    more, survivors = (), {}
    for _ in range(2):
        process = scoring(run, *more)
        wanted = len(survivors) + chance.randint(1, QUESTIONS // 3)
        wait_until(lambda wanted=wanted: len(read_records(run)) >= wanted, process)
        workers = list_children(process)
        time.sleep(chance.random() * 0.05)
        seen = read_records(run)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        end = time.monotonic() + 20
        while any(map(is_running, workers)):
            assert time.monotonic() < end, "a worker outlives its parent"
            time.sleep(0.01)
        before, survivors = survivors, read_records(run)
        assert before.items() <= survivors.items()
        assert seen.items() <= survivors.items()
        more = ("--resume",)
    finish(scoring(run, "--resume"))
    assert read_records(run) == read_records(tmp_path / "whole")
    assert survivors.items() <= read_records(run).items()
    assert json.loads((run / "summary.json").read_text())["n"] == QUESTIONS


@pytest.mark.parametrize("seed", range(3))
def test_a_worker_killed_at_random_costs_at_most_the_question_in_flight(scoring, tmp_path, seed):
    finish(scoring(tmp_path / "whole"))
    chance = random.Random(seed)
    run = tmp_path / "disturbed"
    process = scoring(run)
    kills = 0
    for wanted in sorted(chance.sample(range(1, QUESTIONS // 2), 3)):
        wait_until(lambda wanted=wanted: len(read_records(run)) >= wanted, process)
        wait_until(lambda: any(map(is_busy, list_children(process))), process)
        os.kill(chance.choice([worker for worker in list_children(process) if is_busy(worker)]), signal.SIGKILL)
        kills += 1
    finish(process)
    whole, disturbed = read_records(tmp_path / "whole"), read_records(run)
    assert whole.keys() == disturbed.keys()
    different = [key for key in whole if whole[key] != disturbed[key]]
    assert len(different) <= kills
    for key in different:
        # It died over the prediction or over the gold.
        assert "worker died (signal 9)" in disturbed[key]["scores"]["execution_accuracy"]["reason"]
