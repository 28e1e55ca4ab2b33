"""How long scoring takes beside the official procedure and beside a bound, in one run, with the verdicts compared.

The official procedure is re-made from its description (BIRD's `evaluation_ex.py`): for every system a pool of two
processes; for every pair a new connection and a thread that is waited for 30 seconds; in it the prediction, then the
gold, both fetched whole, and their sets compared. The bound runs every distinct statement once on open connections
and compares nothing: in one process, and in two that are there already.

Ours is `pipeline.evaluate` with execution accuracy as the only metric, as `t2s score --metrics execution_accuracy`
calls it, and one executor for all systems. Its two workers have started before the clock does (Python's start is
nobody's procedure), but have opened nothing.
"""

import json
import multiprocessing
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from harness import datasets
from harness.execution import Executor
from harness.extraction import extract
from harness.metrics.execution_accuracy import ExecutionAccuracy
from harness.pipeline import Evaluation, evaluate
from harness.types import Completion, Dataset, Prompt

pytestmark = [pytest.mark.shared_data, pytest.mark.timeout(600)]

SYSTEMS = ("c3", "chessv1", "codes-15b", "dail", "gpt-3.5", "gpt-4")
CORES = 2
ROUNDS = 5


@dataclass(frozen=True)
class Workload:
    """A data set and, for each system, its answers by position of the question."""

    dataset: Dataset
    systems: tuple[dict[int, str], ...]

    def pairs(self):
        """Return for each system (database, prediction, gold) in the order of its answers."""
        examples, databases = self.dataset.examples, self.dataset.databases
        return [
            [(str(databases[examples[n].db_id]), sql, examples[n].gold_sql) for n, sql in answers.items()]
            for answers in self.systems
        ]

    def distinct(self):
        """Return every (database, statement) once."""
        every = [(path, sql.strip()) for pairs in self.pairs() for path, *both in pairs for sql in both]
        return list(dict.fromkeys(every))

    def describe(self, verdicts):
        right = sum(map(sum, verdicts))
        return {"answers": sum(map(len, self.systems)), "distinct": len(self.distinct()), "right": right}


@pytest.fixture(scope="module")
def shared_data():
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    return Path(os.environ["T2S_SHARED_DATA"])


def six_systems(shared_data):
    dataset = datasets.load(shared_data / "bird", "mini_dev")
    positions = {example.question_id: n for n, example in enumerate(dataset.examples)}
    answers = []
    for system in SYSTEMS:
        items = json.loads((shared_data / "predictions" / f"{system}.json").read_text())
        answers.append({positions[one["question_id"]]: one["SQL"] for one in items if one["question_id"] in positions})
    return Workload(dataset, tuple(answers))


def spider_golds(shared_data):
    dataset = datasets.load(shared_data / "spider", "dev")
    return Workload(dataset, ({n: example.gold_sql for n, example in enumerate(dataset.examples)},))


WORKLOADS = {"six systems × 190": six_systems, "Spider's 972 golds": spider_golds}


@pytest.fixture(scope="module", params=WORKLOADS)
def workload(request, shared_data):
    made = WORKLOADS[request.param](shared_data)
    made.distinct()
    return request.param, made


# The official procedure.
def execute_both(path, prediction, gold, verdicts):
    connection = sqlite3.connect(path)
    try:
        cursor = connection.cursor()
        cursor.execute(prediction)
        predicted = cursor.fetchall()
        cursor.execute(gold)
        verdicts.append(int(set(predicted) == set(cursor.fetchall())))
    except sqlite3.Error:
        verdicts.append(0)
    finally:
        connection.close()


def judge_in_time(pair):
    verdicts = []
    thread = threading.Thread(target=execute_both, args=(*pair, verdicts), daemon=True)
    thread.start()
    thread.join(30.0)
    return verdicts[0] if verdicts else 0


def judge_officially(workload):
    verdicts = []
    for pairs in workload.pairs():
        with multiprocessing.get_context("fork").Pool(CORES) as pool:
            pending = [pool.apply_async(judge_in_time, (pair,)) for pair in pairs]
            verdicts.append([one.get() for one in pending])
    return verdicts


# The bound.
def run_once(statements, connections=None):
    connections = connections or {}
    for path, sql in statements:
        if path not in connections:
            connections[path] = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        try:
            connections[path].execute(sql).fetchall()
        except (sqlite3.Error, sqlite3.Warning):
            continue
    return connections


def run_once_closing(statements):
    for connection in run_once(statements).values():
        connection.close()


# Ours.
class Stored:
    """Answers in memory as a generator."""

    def __init__(self, answers):
        self.answers = answers

    def generate(self, prompts):
        for prompt in prompts:
            yield Completion(prompt.index, self.answers[prompt.index], finish_reason="replay")


def judge(workload, executor):
    verdicts = []
    for answers in workload.systems:
        prompts = [Prompt(index, "", "") for index in answers]
        evaluation = Evaluation(
            workload.dataset, prompts, Stored(answers), extract, executor, (ExecutionAccuracy(),), workers=CORES
        )
        found = {index: int(record.scores["execution_accuracy"].value) for index, record in evaluate(evaluation)}
        verdicts.append([found[index] for index in answers])
    return verdicts


def open_executor(dataset):
    """Return an executor whose workers have all started."""
    executor = Executor(dataset.databases, workers=CORES)
    together = threading.Barrier(CORES)
    a_while = "WITH RECURSIVE t(x) AS (SELECT {} UNION ALL SELECT x + 1 FROM t LIMIT 500000) SELECT count(*) FROM t"

    def occupy(number):
        together.wait()
        return executor.execute(next(iter(dataset.databases)), a_while.format(number))

    with ThreadPoolExecutor(CORES) as threads:
        assert all(verdict.ok for verdict in threads.map(occupy, range(CORES)))
    return executor


def test_official_procedure(benchmark, workload):
    name, work = workload
    benchmark.group = name
    verdicts = benchmark.pedantic(judge_officially, (work,), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info.update(work.describe(verdicts), role="official")


def test_bound_in_one_process(benchmark, workload):
    name, work = workload
    benchmark.group = name
    benchmark.pedantic(run_once_closing, (work.distinct(),), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info.update(role="bound, one process")


def test_bound_in_two_processes(benchmark, workload):
    name, work = workload
    benchmark.group = name
    distinct = work.distinct()
    halves = [distinct[start::CORES] for start in range(CORES)]
    with multiprocessing.get_context("fork").Pool(CORES) as pool:
        run = partial(pool.map, run_once_closing, halves, chunksize=1)
        benchmark.pedantic(run, rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info.update(role="bound, two processes")


def test_ours(benchmark, workload):
    name, work = workload
    benchmark.group = name
    executors = []

    def begin():
        for executor in executors:
            executor.close()
        executors.append(open_executor(work.dataset))
        return (work, executors[-1]), {}

    verdicts = benchmark.pedantic(judge, setup=begin, rounds=ROUNDS, warmup_rounds=0)
    executors[-1].close()
    benchmark.extra_info.update(work.describe(verdicts), role="ours")
    assert verdicts == judge_officially(work)


def test_ours_asked_again(benchmark, workload):
    name, work = workload
    benchmark.group = name
    with open_executor(work.dataset) as executor:
        first = judge(work, executor)
        verdicts = benchmark.pedantic(judge, (work, executor), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info.update(work.describe(verdicts), role="ours, warm cache")
    assert verdicts == first


QUESTIONS, SAMPLES, DISTINCT = 1_000, 100, 5


class Sampler:
    """A hundred answers to every question, of which five differ; notes how much memory is in use on the way."""

    def __init__(self, examples, marks):
        self.examples = examples
        self.marks = marks
        self.rss_mib = {}

    def generate(self, prompts):
        count = 0
        for sample in range(SAMPLES):
            for prompt in prompts:
                if count in self.marks:
                    self.rss_mib[count] = resident_mib()
                count += 1
                text = f"{self.examples[prompt.index].gold_sql} -- {sample % DISTINCT}"
                yield Completion(prompt.index, text, sample=sample, finish_reason="replay")
        self.rss_mib[count] = resident_mib()


def resident_mib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_a_hundred_thousand_answers(benchmark, shared_data):
    benchmark.group = "100,000 answers"
    dataset = datasets.load(shared_data / "spider", "train", limit=QUESTIONS)
    sampler = Sampler(dataset.examples, marks=(20_000, 60_000))
    prompts = [Prompt(index, "", "") for index in range(QUESTIONS)]

    def score(executor):
        metrics = (ExecutionAccuracy(),)
        evaluation = Evaluation(dataset, prompts, sampler, extract, executor, metrics, workers=CORES)
        return sum(record.scores["execution_accuracy"].value for _, record in evaluate(evaluation))

    with open_executor(dataset) as executor:
        right = benchmark.pedantic(score, (executor,), rounds=1, warmup_rounds=0)
    rss_mib = {str(count): round(mib, 1) for count, mib in sampler.rss_mib.items()}
    benchmark.extra_info.update(answers=QUESTIONS * SAMPLES, right=right, rss_mib=rss_mib, role="ours")
    assert rss_mib["100000"] - rss_mib["20000"] < 16
