"""A run is published, loads everywhere, is verified, and gives nothing of its data away."""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from harness import store
from harness.cli import main
from harness.config import EvalConfig, build
from harness.datasets import load, shipped
from harness.errors import UsageError
from harness.gate.pairing import pair_runs
from harness.publishing import fingerprint_gold, publish
from harness.run import Place, evaluate_config
from harness.verification import verify

SOME = ("SELECT COUNT(*) FROM keeper", "SELECT absent FROM keeper", "SELECT 1", "DROP TABLE keeper", "")


def answers_of(examples):
    """Right, wrong and broken answers, none of which is written as its gold; most have something around the SQL."""
    right = [f"```sql\nSELECT * FROM ({one.gold_sql}) AS same\n```" for one in examples]
    items = [{"question_id": one.question_id, "SQL": sql} for one, sql in zip(examples, right, strict=True)]
    for place, sql in enumerate(SOME):
        items[place]["SQL"] = sql
    items[5]["SQL"] = f"You ask: {examples[5].question}\n\n{right[5]}"
    items[6]["SQL"] = f"SELECT name -- {examples[6].question}\n FROM keeper"
    items[7]["SQL"] = f"SELECT '{examples[7].question}'"
    items[8]["SQL"] = "CREATE TABLE keeper (name TEXT, phone TEXT)"
    return items


def score(folder, items, name="run"):
    answers = folder / f"{name}.json"
    answers.write_text(json.dumps(items))
    tree = {"data": {"path": "mini"}, "generator": {"name": "replay", "path": str(answers)}}
    command = f"t2s score --data mini --predictions {answers} --out {folder / name}"
    return evaluate_config(build(EvalConfig, tree, "test"), Place(folder=folder / name, command=command))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return score(tmp_path_factory.mktemp("scored"), answers_of(load("mini", "dev").examples))


@pytest.fixture
def published(run, tmp_path):
    publish(run, tmp_path / "published")
    return tmp_path / "published"


def leaves_with(*words):
    with pytest.raises(SystemExit) as leaving:
        main([str(word) for word in words])
    return leaving.value.code


def rewrite(folder, name, change):
    """Change one of a publication's files and let the manifest agree with it, as somebody who cheats would."""
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    change(lines)
    (folder / name).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["published"]["sha256"]["records.jsonl"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_publication_shows_the_numbers_of_its_run(run, published):
    assert store.load(published).summary == run.summary
    values = {one.question_id: {name: score.value for name, score in one.scores.items()} for one in run.records}
    for one in store.load(published).records:
        assert {name: score.value for name, score in one.scores.items()} == values[one.question_id]


def test_every_number_of_a_publication_is_reproduced(published):
    outcome = verify(store.load(published))
    assert outcome.differences == ()
    assert outcome.questions == 100
    assert outcome.numbers > 1000


def test_what_could_not_be_scored_again_is_said(published):
    notes = verify(store.load(published)).notes
    assert "valid_sql_raw: not scored again for 1 of 100 answers, whose other text is not published" in notes
    assert "not scored again: 2 of 100 answers, withheld as they hold texts of the data set" in notes


def test_of_a_run_without_valid_sql_raw_only_the_withheld_answers_are_said(tmp_path):
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(answers_of(load("mini", "dev").examples)))
    tree = {"data": {"path": "mini"}, "generator": {"name": "replay", "path": str(answers)}}
    tree["metrics"] = {"names": ["execution_accuracy"]}
    publish(evaluate_config(build(EvalConfig, tree, "test"), Place(folder=tmp_path / "run")), tmp_path / "published")
    outcome = verify(store.load(tmp_path / "published"))
    assert outcome.differences == ()
    assert [note for note in outcome.notes if "not scored again" in note] == [
        "not scored again: 2 of 100 answers, withheld as they hold texts of the data set"
    ]


def test_no_text_no_gold_and_no_path_stands_in_a_published_byte(run, published, tmp_path):
    written = "".join(path.read_text() for path in published.iterdir())
    examples = load("mini", "dev").examples
    texts = [text for one in examples for text in (one.question, one.evidence)]
    texts = [text for text in texts if len(text.split()) > 3]
    assert len(texts) > 100
    assert [text for text in texts if json.dumps(text)[1:-1] in written] == []
    # An answer may hold the gold, as these do within brackets; by itself no gold is written.
    assert [one.gold_sql for one in examples if f'"{json.dumps(one.gold_sql)[1:-1]}"' in written] == []
    folders = {str(tmp_path), str(run.path.parent), str(Path.cwd()), str(Path.home()), str(shipped())} - {"/"}
    assert [folder for folder in folders if folder in written] == []
    assert not re.search(r"[\"\s=](?:/|~/|\.\./)\w", written)


def test_no_result_no_message_and_no_reason_is_published(published):
    for line in (published / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert record["gold_result"] is None
        assert record["predicted_result"] is None
        assert {record[name] for name in ("question", "evidence", "gold_sql", "completion", "error")} == {""}
        assert {one["reason"] for one in record["scores"].values()} == {""}
        assert record["analysis"].keys() <= {"linking", "gaps", "gold_flags", "gold_error", "published"}


def test_publishing_twice_gives_the_same_bytes(run, published, tmp_path):
    publish(run, tmp_path / "again")
    for path in published.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_the_order_in_which_answers_were_finished_changes_nothing(run, published, tmp_path):
    turned = tmp_path / "turned"
    turned.mkdir()
    for path in run.path.iterdir():
        (turned / path.name).write_bytes(path.read_bytes())
    lines = (turned / "records.jsonl").read_text().splitlines()
    (turned / "records.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    publish(store.load(turned), tmp_path / "other")
    assert (published / "records.jsonl").read_bytes() == (tmp_path / "other" / "records.jsonl").read_bytes()


def test_a_publication_is_never_overwritten_unless_it_is_the_same(run, published, tmp_path):
    assert publish(run, published).new is False
    other = score(tmp_path, [{**one, "SQL": "SELECT 2"} for one in answers_of(load("mini", "dev").examples)])
    before = (published / "records.jsonl").read_bytes()
    with pytest.raises(UsageError, match="never overwritten"):
        publish(other, published)
    assert (published / "records.jsonl").read_bytes() == before


def test_another_file_in_the_folder_is_named(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        publish(run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_a_kill_left_is_completed(run, published):
    (published / "summary.json").unlink()
    assert publish(run, published).new is True
    assert store.load(published).complete


def test_a_publication_and_an_incomplete_run_are_refused(run, published, tmp_path):
    with pytest.raises(UsageError, match="a publication already"):
        publish(store.load(published), tmp_path / "other")
    (published / "summary.json").unlink()
    with pytest.raises(UsageError, match="incomplete"):
        publish(store.load(published), tmp_path / "other")


def test_a_score_that_was_changed_is_found_even_where_its_hash_was_changed_too(published):
    def change(lines):
        place = next(index for index, one in enumerate(lines) if not one["scores"]["execution_accuracy"]["value"])
        lines[place]["scores"]["execution_accuracy"]["value"] = 1.0

    rewrite(published, "records.jsonl", change)
    found = verify(store.load(published)).differences
    assert any("execution_accuracy 1.0 in the run, 0.0 now" in line for line in found)
    assert not any("sha256" in line for line in found)
    assert leaves_with("verify", published) == 1


def test_sql_that_was_changed_is_found_even_where_its_hash_was_changed_too(published):
    def change(lines):
        place = next(index for index, one in enumerate(lines) if one["diagnosis"] == "correct")
        lines[place]["sql"] = "SELECT 'better'"

    rewrite(published, "records.jsonl", change)
    assert any(
        "execution_accuracy 1.0 in the run, 0.0 now" in line for line in verify(store.load(published)).differences
    )


def test_sql_that_was_changed_without_consequence_is_found_by_its_hash(published):
    path = published / "records.jsonl"
    path.write_text(path.read_text().replace("SELECT absent FROM keeper", "SELECT absence FROM keeper"))
    assert verify(store.load(published)).differences == ("records.jsonl: not the file that was published (sha256)",)


def test_a_mean_that_was_changed_is_found(published):
    summary = json.loads((published / "summary.json").read_text())
    summary["metrics"]["valid_sql_raw"]["value"] = 0.99
    (published / "summary.json").write_text(json.dumps(summary))
    found = verify(store.load(published)).differences
    assert any("valid_sql_raw value 0.99 in the run" in line for line in found)


def test_records_that_are_gone_are_missed(published):
    (published / "records.jsonl").unlink()
    found = verify(store.load(published)).differences
    assert "records.jsonl: not the file that was published (sha256)" in found
    assert "question 240: is in the data and not in the run" in found


def test_the_commands_read_a_publication_as_any_run(run, published, tmp_path, capsys):
    other = score(tmp_path, [{**one, "SQL": "SELECT 2"} for one in answers_of(load("mini", "dev").examples)], "other")
    assert leaves_with("publish", other.path, "--out", tmp_path / "second") == 0
    said = capsys.readouterr().out
    assert "100 records" in said
    assert "config.generator.path" in said
    gate = tmp_path / "gate.toml"
    gate.write_text("[gate]\nexecution_accuracy = { max_drop = 0.01 }\n")
    page = tmp_path / "page.html"
    assert leaves_with("show", published) == 0
    assert leaves_with("compare", tmp_path / "second", published, "--json") == 0
    assert leaves_with("compare", run.path, published) == 0
    assert leaves_with("gate", tmp_path / "second", "--config", gate, "--baseline", published) == 1
    assert leaves_with("report", published, tmp_path / "second", "--data", shipped(), "--out", page) == 0
    assert load("mini", "dev").examples[0].question in page.read_text()
    assert leaves_with("verify", published, "--data", shipped()) == 0
    assert leaves_with("publish", other.path, "--out", published) == 2


def test_the_hash_of_a_gold_stands_for_it_where_runs_are_paired(run, published):
    stored = store.load(published)
    assert [fingerprint_gold(one) for one in stored.records] == [
        fingerprint_gold(one) for one in sorted(run.records, key=lambda one: one.question_id)
    ]
    assert pair_runs(run, stored).changed_golds == 0

    def change(lines):
        lines[0]["analysis"]["published"]["gold_sha256"] = "0" * 64

    rewrite(published, "records.jsonl", change)
    assert pair_runs(run, store.load(published)).changed_golds == 1


def test_a_publication_without_its_data_asks_for_them(published):
    manifest = json.loads((published / "manifest.json").read_text())
    manifest["config"]["data"]["path"] = "elsewhere"
    (published / "manifest.json").write_text(json.dumps(manifest))
    assert leaves_with("verify", published) == 2


THREE_SAMPLES = """
from dataclasses import dataclass
from harness.types import Completion

@dataclass(frozen=True)
class ThreeSamples:
    samples: int = 3

    def generate(self, prompts):
        for prompt in prompts:
            yield Completion(prompt.index, "I am thinking.\\n\\nSELECT 0", sample=0, completion_tokens=5)
            for sample in (1, 2):
                yield Completion(prompt.index, f"SELECT {prompt.index};", sample=sample, completion_tokens=3)
"""


def test_samples_are_published_with_their_sql_only_and_verified(tmp_path, monkeypatch):
    (tmp_path / "three_samples.py").write_text(THREE_SAMPLES)
    monkeypatch.syspath_prepend(tmp_path)
    tree = {"data": {"path": "mini"}, "generator": {"name": "three_samples:ThreeSamples"}}
    run = evaluate_config(build(EvalConfig, tree, "test"), Place(folder=tmp_path / "run", limit=6))
    assert run.summary["samples"]["first"]["valid_sql_raw"]["value"] == 0.0
    publish(run, tmp_path / "published")
    stored = store.load(tmp_path / "published")
    samples = stored.records[1].analysis["samples"]
    assert [one["sql"] for one in samples] == ["SELECT 0", "SELECT 1", "SELECT 1"]
    assert all("completion" not in one for one in samples)
    assert "thinking" not in (tmp_path / "published" / "records.jsonl").read_text()
    assert verify(stored).differences == ()


@pytest.mark.shared_data
def test_a_published_systems_answers_are_published_and_reproduced(tmp_path):
    shared = os.environ.get("T2S_SHARED_DATA")
    if not shared:
        pytest.skip("T2S_SHARED_DATA is not set")
    data, answers = Path(shared) / "bird", Path(shared) / "predictions" / "codes-15b.json"
    run, folder = tmp_path / "run", tmp_path / "published"
    scored = ("score", "--data", data, "--split", "mini_dev", "--predictions", answers, "--allow-missing")
    assert leaves_with(*scored, "--out", run) == 0
    assert leaves_with("publish", run, "--out", folder) == 0
    assert leaves_with("verify", folder, "--data", data) == 0
    written = "".join(path.read_text() for path in folder.iterdir())
    examples = load(data, "mini_dev").examples
    texts = {text for one in examples for text in (one.question, one.evidence) if len(text.split()) > 3}
    assert [text for text in texts if json.dumps(text, ensure_ascii=False)[1:-1] in written] == []
    assert str(shared) not in written
