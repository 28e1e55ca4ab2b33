from pathlib import Path

import pytest

from harness.summary import summarise
from harness.types import Record, ResultPreview, Run, Score

METRICS = ("execution_accuracy", "soft_f1")


def fabricate_record(question_id, value, **changes):
    fields = {
        "db_id": "apiary" if question_id % 2 else "ferry",
        "difficulty": ("simple", "moderate", "challenging")[question_id % 3],
        "question": f"Question {question_id}?",
        "evidence": "",
        "gold_sql": f"SELECT {question_id}",
        "completion": "SELECT 1",
        "sql": "SELECT 1",
        "status": "ok" if value else "error",
        "error": "" if value else "no such column: nmae",
        "diagnosis": "correct" if value else "unknown_column",
        "gold_result": ResultPreview(("n",), ((question_id,),), 1),
        "predicted_result": ResultPreview(("n",), ((1,),), 1) if value else None,
        "scores": {name: Score(name, value) for name in METRICS},
    } | changes
    return Record(question_id=question_id, **fields)


def fabricate_run(name, values, *, complete=True, generator=None, **changes):
    records = tuple(fabricate_record(index, value, **changes) for index, value in enumerate(values))
    generator = generator or {"name": "huggingface", "model": "Qwen/Qwen2.5-Coder-1.5B-Instruct", "precision": "nf4"}
    manifest = {
        "format_version": 1,
        "name": name,
        "command": "t2s eval eval.toml",
        "config": {"data": {"path": "mini", "split": "dev"}, "prompt": {"template": "plain"}, "generator": generator},
        "config_sha256": "c0ffee",
        "dataset": {"name": "mini", "split": "dev", "n": len(values), "notes": ["two tables are empty"]},
        "hashes": {"questions": "abcdef", "databases": {"ferry": "fedcba"}},
        "versions": {"python": "3.11.2", "sqlite": "3.46.0"},
        "prompt": {"version": 1, "sha256": "beef", "template": "plain"},
        "metrics": list(METRICS),
        "seed": 0,
    }
    return Run(Path("runs") / name, manifest, records, summarise(records, METRICS) if complete else None)


@pytest.fixture
def make_run():
    """Fabricate a run of questions 0, 1, … with these execution accuracies."""
    return fabricate_run
