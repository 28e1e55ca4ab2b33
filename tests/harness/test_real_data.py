"""Verdicts on real data: those that were published, and those that are known."""

import json
import os
from pathlib import Path

import pytest

from harness.config import EvalConfig, build
from harness.diagnosis import DIAGNOSES
from harness.metrics import DEFAULT
from harness.run import Place, evaluate_config

pytestmark = pytest.mark.shared_data

SYSTEMS = ("c3", "chessv1", "codes-15b", "dail", "gpt-3.5", "gpt-4")
OTHER_GOLDS = {736, 788, 1209, 1235, 1322, 1389}
"""Questions whose published labels were made with other golds or other data."""


@pytest.fixture
def shared_data():
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    return Path(os.environ["T2S_SHARED_DATA"])


def score(folder, data, split, predictions, *metrics):
    generator = {"name": "replay", "path": str(predictions), "allow_missing": True}
    tree = {"data": {"path": str(data), "split": split}, "generator": generator, "metrics": {"names": list(metrics)}}
    return evaluate_config(build(EvalConfig, tree, "test"), Place(folder=folder))


def test_every_published_verdict_of_six_systems_is_reproduced(shared_data, tmp_path):
    published = json.loads((shared_data / "predictions" / "published_ex.json").read_text())
    compared = 0
    for system in SYSTEMS:
        predictions = shared_data / "predictions" / f"{system}.json"
        run = score(tmp_path / system, shared_data / "bird", "mini_dev", predictions, "execution_accuracy")
        verdicts = {
            record.question_id: record.scores["execution_accuracy"].value
            for record in run.records
            if str(record.question_id) in published[system] and record.question_id not in OTHER_GOLDS
        }
        assert verdicts == {question: published[system][str(question)] for question in verdicts}
        compared += len(verdicts)
    assert compared == 1084


def test_golds_as_predictions_are_all_right(shared_data, tmp_path):
    questions = json.loads((shared_data / "bird" / "dev.json").read_text())
    golds = [{"question_id": one["question_id"], "SQL": one["SQL"]} for one in questions]
    (tmp_path / "golds.json").write_text(json.dumps(golds))
    run = score(tmp_path / "run", shared_data / "bird", "dev", tmp_path / "golds.json")
    assert len(run.records) == 595
    assert {name: metric["value"] for name, metric in run.summary["metrics"].items()} == dict.fromkeys(DEFAULT, 1.0)
    assert run.summary["diagnosis"] == {"correct": 595}
    assert run.summary["ast_equivalence"]["proved"] == 595


@pytest.mark.parametrize(
    ("file", "execution_accuracy", "prepares"),
    [
        ("qwen2.5-coder-1.5b-instruct_dev.jsonl", 27.90, 43.03),
        ("qwen2.5-coder-1.5b-instruct_lora_dev.jsonl", 50.42, 79.50),
    ],
)
def test_real_completions_score_as_known(shared_data, tmp_path, file, execution_accuracy, prepares):
    predictions = shared_data / "completions" / file
    names = ("prepares", "execution_accuracy")
    summary = score(tmp_path / "run", shared_data / "bird", "dev", predictions, *names).summary
    metrics = summary["metrics"]
    assert sum(summary["diagnosis"].values()) == 595
    assert set(summary["diagnosis"]) <= set(DIAGNOSES)
    assert round(100 * metrics["execution_accuracy"]["value"], 2) == execution_accuracy
    assert round(100 * metrics["prepares"]["value"], 2) == prepares


@pytest.mark.parametrize(
    ("system", "fenced"), [("gpt-4-turbo", 57), ("gpt-4", 0), ("mistralai-mixtral-8x7b-instru-4", None)]
)
def test_official_files_have_a_raw_and_an_extracted_validity(shared_data, tmp_path, system, fenced):
    predictions = shared_data / "predictions" / "official_format" / f"predict_mini_dev_{system}_sqlite.json"
    data = shared_data / "bird_questions"
    run = score(tmp_path / "run", data, "mini_dev", predictions, "valid_sql_raw", "valid_sql")
    in_fence = [record for record in run.records if record.completion.lstrip().startswith("```")]
    assert len(run.records) == 500
    assert fenced is None or len(in_fence) == fenced
    assert all(record.scores["valid_sql_raw"].value == 0.0 for record in in_fence)
    metrics = run.summary["metrics"]
    assert metrics["valid_sql"]["value"] >= metrics["valid_sql_raw"]["value"] > 0.5
