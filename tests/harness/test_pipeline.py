"""Several tries at one question, from the generator to the summary, on the shipped mini set."""

import io
import json
import textwrap

import pytest
from rich.console import Console

from harness import store
from harness.cli.table import print_run
from harness.config import EvalConfig, build
from harness.datasets import load
from harness.errors import ConfigError, RunError
from harness.execution import Executor
from harness.metrics.execution_accuracy import ExecutionAccuracy
from harness.pipeline import Evaluation, evaluate
from harness.run import Place, evaluate_config
from harness.types import Completion, Extraction, Prompt
from harness.verification import verify

QUESTIONS = 9
METRICS = ["valid_sql", "prepares", "execution_accuracy", "execution_accuracy_strict"]
GENERATOR = """
import json
from dataclasses import dataclass
from pathlib import Path
from harness.errors import RunError
from harness.types import Completion

@dataclass(frozen=True)
class Scripted:
    '''Writes what stands in a file: by question, a text for each sample; and for a second prompt `second`.'''
    path: str
    samples: int = 1
    dies_at: int = -1

    @property
    def identity(self):
        return {"path": self.path, "samples": self.samples}

    @property
    def manifest(self):
        return {"decoding": "scripted"}

    def generate(self, prompts):
        texts = json.loads(Path(self.path).read_text())
        for count, prompt in enumerate(prompts):
            if count == self.dies_at:
                raise RunError("dead; --resume goes on")
            again = "SQLite refuses" in prompt.suffix
            for sample in reversed(range(self.samples)):
                text = texts["second" if again else str(prompt.index)][sample]
                yield Completion(prompt.index, text, sample, completion_tokens=5, latency_s=0.25)
"""


@pytest.fixture(scope="module")
def golds():
    return [one.gold_sql for one in load("mini", "dev", limit=QUESTIONS).examples]


@pytest.fixture
def run_on(tmp_path, monkeypatch):
    """Return a function that evaluates the given texts."""
    (tmp_path / "scripted.py").write_text(textwrap.dedent(GENERATOR))
    monkeypatch.syspath_prepend(tmp_path)

    def run(texts, name="run", metrics=METRICS, **options):
        path = tmp_path / "texts.json"
        path.write_text(json.dumps(texts))
        place = Place(tmp_path / name, resume=options.pop("resume", False), limit=QUESTIONS)
        generator = {"name": "scripted:Scripted", "path": str(path), **options}
        tree = {"data": {"path": "mini"}, "generator": generator, "metrics": {"names": metrics}}
        return evaluate_config(build(EvalConfig, tree, "test"), place)

    return run


def by_index(run):
    return sorted(run.records, key=lambda record: record.question_id)


def shown(run):
    console = Console(file=io.StringIO(), width=200)
    print_run(run, console)
    return console.file.getvalue()


def votes(golds):
    """Return tries of three samples: right by majority, right only at first, never right, right though two fail."""
    wrong, other, broken = "SELECT 'wrong'", "SELECT 'other'", "SELECT n FROM nowhere"
    patterns = [
        lambda gold: [wrong, gold, gold],
        lambda gold: [gold, wrong, wrong],
        lambda gold: [wrong, other, broken],
        lambda gold: [broken, broken, gold],
        lambda gold: [gold, gold, gold],
    ]
    return {str(index): patterns[index % 5](gold) for index, gold in enumerate(golds)}


def test_the_record_is_the_chosen_candidates_and_keeps_all_of_them(run_on, golds):
    run = run_on(votes(golds), samples=3)
    first, second, third, fourth, fifth = by_index(run)[:5]
    assert (first.sql, first.scores["execution_accuracy"].value) == (golds[0], 1.0)
    assert (second.sql, second.scores["execution_accuracy"].value) == ("SELECT 'wrong'", 0.0)
    assert third.sql == "SELECT 'wrong'"
    assert fourth.sql == golds[3]
    assert fifth.sql == golds[4]
    kept = first.analysis["samples"]
    assert [one["group"] for one in kept] == [0, 1, 1]
    assert [one["correct"] for one in kept] == [False, True, True]
    assert [one["sql"] for one in kept] == ["SELECT 'wrong'", golds[0], golds[0]]
    assert [one["status"] for one in fourth.analysis["samples"]] == ["error", "error", "ok"]
    assert [one["group"] for one in fourth.analysis["samples"]] == [None, None, 0]
    assert first.latency_s == 0.75


def test_the_summary_has_sample_0_and_every_number_of_tries_beside_the_vote(run_on, golds):
    run = run_on(votes(golds), samples=3)
    samples = run.summary["samples"]
    # By pattern over nine questions (2, 2, 2, 2, 1): right are vote 2+0+0+2+1, first 0+2+0+0+1.
    assert run.summary["metrics"]["execution_accuracy"]["value"] == pytest.approx(5 / 9)
    assert samples["first"]["execution_accuracy"]["value"] == pytest.approx(3 / 9)
    assert samples["first"]["prepares"]["value"] == pytest.approx(7 / 9)
    assert samples["majority_at"]["1"] == samples["first"]["execution_accuracy"]
    assert samples["majority_at"]["3"] == run.summary["metrics"]["execution_accuracy"]
    assert list(samples["pass_at"]) == ["1", "2", "3"]
    assert samples["pass_at"]["1"]["value"] == pytest.approx((2 * 2 / 3 + 2 / 3 + 2 / 3 + 1) / 9)
    assert samples["pass_at"]["2"]["value"] == pytest.approx((2 * 1 + 2 * 2 / 3 + 2 * 2 / 3 + 1) / 9)
    assert samples["pass_at"]["3"]["value"] == pytest.approx(7 / 9)
    assert samples["pass_at"]["3"]["ci_low"] < 7 / 9 < samples["pass_at"]["3"]["ci_high"]
    assert samples["vote_against_first"].items() >= {"wins": 4, "losses": 2}.items()
    assert run.manifest["generator"] == {"decoding": "vote of 3", "sampling": "scripted"}
    text = shown(run)
    assert "majority@k" in text
    assert "sample 0 alone, of 3: prepares 77.78" in text.replace("valid_sql 100.00, ", "")
    assert "4 questions better, 2 worse" in text


def test_one_sample_is_no_vote(run_on, golds):
    run = run_on({str(index): [gold] for index, gold in enumerate(golds)})
    assert "samples" not in run.summary
    assert all("samples" not in record.analysis for record in run.records)
    assert run.manifest["generator"] == {"decoding": "scripted"}


def test_where_nothing_is_executed_the_first_sample_stands(run_on, golds):
    run = run_on(votes(golds), samples=3, metrics=["valid_sql", "prepares"])
    assert by_index(run)[0].sql == "SELECT 'wrong'"
    assert "correct" not in by_index(run)[0].analysis["samples"][0]
    assert set(run.summary["samples"]) == {"n", "first"}
    assert "sample 0 alone" in shown(run)


def test_verify_votes_again_and_notices_a_changed_candidate(run_on, golds):
    run = run_on(votes(golds), samples=3)
    found = verify(run)
    assert (found.differences, found.reproduced) == ((), True)
    lines = (run.path / "records.jsonl").read_text().splitlines()
    record = next(one for one in map(json.loads, lines) if one["question_id"] == by_index(run)[0].question_id)
    record["analysis"]["samples"][2]["completion"] = "SELECT 'wrong'"
    changed = [
        json.dumps(record) if json.loads(line)["question_id"] == record["question_id"] else line for line in lines
    ]
    (run.path / "records.jsonl").write_text("\n".join(changed) + "\n")
    differences = verify(store.load(run.path)).differences
    assert any("majority_at 3" in one or "3 value" in one for one in differences)


def test_a_refused_answer_is_repaired_and_the_record_says_from_what(run_on, golds):
    broken = "SELECT n FROM nowhere"
    texts = {str(index): [broken if index in (2, 5) else gold] for index, gold in enumerate(golds)}
    run = run_on({**texts, "second": ["SELECT 1"]}, repair=1)
    repaired = by_index(run)[2]
    assert repaired.sql == "SELECT 1"
    assert repaired.analysis["repair"] == {
        "sql": broken,
        "error": "no such table: nowhere",
        "method": "asked",
        "accepted": True,
    }
    assert repaired.latency_s == 0.5
    assert run.summary["repair"] == {"answers": QUESTIONS, "refused": 2, "repaired": 2}
    assert run.manifest["generator"]["repair"]["rounds"] == 1
    assert "repair: 2 of 9 answers were refused by SQLite; 2 second tries stand in their place" in shown(run)
    assert verify(run).reproduced


def test_candidates_of_a_vote_are_repaired_before_it(run_on, golds):
    broken = "SELECT n FROM nowhere"
    texts = {str(index): [broken, broken, "SELECT 'wrong'"] for index in range(QUESTIONS)}
    run = run_on({**texts, "second": ["SELECT 'right'"] * 3}, repair=1, samples=3)
    assert {record.sql for record in run.records} == {"SELECT 'right'"}
    assert run.summary["repair"] == {"answers": 3 * QUESTIONS, "refused": 18, "repaired": 18}


def test_a_cache_serves_another_run_and_its_folder_is_no_part_of_what_a_run_is(run_on, golds, tmp_path):
    texts = votes(golds)
    one = run_on(texts, "one", samples=3, cache=str(tmp_path / "cache"))
    assert one.summary["usage"] == {"cache_hits": 0, "cache_misses": QUESTIONS}
    two = run_on({}, "two", samples=3, cache=str(tmp_path / "cache"))
    assert two.summary["usage"] == {"cache_hits": QUESTIONS, "cache_misses": 0}
    assert two.summary["samples"] == one.summary["samples"]
    assert run_on(texts, "two", samples=3, resume=True).path == two.path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"repair": 2}, "repair: input should be 0 or 1"),
        ({"cache": 3}, "cache"),
    ],
)
def test_options_in_front_of_a_back_end_are_checked_with_all_others(options, said, run_on, golds):
    with pytest.raises(ConfigError, match=said) as raised:
        run_on({}, metrics=["nonsense"], **options)
    assert "nonsense" in str(raised.value)


def test_what_came_before_a_generator_gave_up_is_kept(run_on, golds, tmp_path):
    texts = {str(index): [gold] for index, gold in enumerate(golds)}
    with pytest.raises(RunError, match="dead"):
        run_on(texts, dies_at=6)
    assert len(store.read_records(tmp_path / "run")) == 6


def test_identical_samples_are_executed_once(golds):
    dataset = load("mini", "dev", limit=1)
    seen = []

    class Watching(Executor):
        def execute(self, db_id, sql):
            seen.append(sql)
            return super().execute(db_id, sql)

    class Three:
        samples = 3

        def generate(self, prompts):
            return (Completion(0, text, sample) for sample, text in enumerate(["a", "b", "a"]))

    with Watching(dataset.databases, workers=1) as executor:
        evaluation = Evaluation(
            dataset=dataset,
            prompts=[Prompt(0, "", "")],
            generator=Three(),
            extract=lambda text: Extraction(f"SELECT random(), '{text}'"),
            executor=executor,
            metrics=[ExecutionAccuracy()],
        )
        ((_, record),) = evaluate(evaluation)
    assert sorted(seen) == sorted([golds[0], "SELECT random(), 'a'", "SELECT random(), 'b'"])
    # What draws at random is run once, too: the same text cannot vote against itself.
    assert [one["group"] for one in record.analysis["samples"]] == [0, 1, 0]
