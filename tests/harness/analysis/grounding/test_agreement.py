"""On what models really wrote: SQLite's own word, through the executor that scores."""

import json
import os
import random
from pathlib import Path

import pytest

from harness import datasets
from harness.analysis.grounding import ground
from harness.datasets.schema import to_ddl
from harness.execution import Executor
from harness.extraction import extract

pytestmark = pytest.mark.shared_data
ENOUGH = 0.995
SAMPLE = 2_000


@pytest.fixture(scope="module")
def shared_data():
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    return Path(os.environ["T2S_SHARED_DATA"])


def answers(data):
    for path in sorted((data / "completions").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            yield row["db_id"], extract(row["completion"]).sql
    for system in ("c3", "chessv1", "codes-15b", "dail", "gpt-3.5", "gpt-4"):
        for row in json.loads((data / "predictions" / f"{system}.json").read_text()):
            yield row["db_id"], extract(row["SQL"]).sql


def test_models_answers_are_grounded_where_sqlite_finds_every_name(shared_data, refused_name, named):
    schemas = datasets.load(shared_data / "bird_questions", "dev").schemas
    sample = random.Random(0).sample(sorted({one for one in answers(shared_data) if one[1]}), SAMPLE)
    disagreements, spoken = [], 0
    with Executor({}, ddl={db_id: to_ddl(schema) for db_id, schema in schemas.items()}, workers=1) as executor:
        for db_id, sql in sample:
            said, found = executor.prepare(db_id, sql), named(ground(sql, schemas[db_id]))
            name = refused_name(said.error)
            spoken += said.ok or name is not None
            if (said.ok and found) or (name is not None and name not in found):
                disagreements.append((db_id, sql, said.error, found))
    assert spoken > 0.9 * SAMPLE
    assert len(disagreements) <= (1 - ENOUGH) * spoken, disagreements


@pytest.mark.parametrize(("folder", "split"), [("bird_questions", "dev"), ("bird_train", "train"), ("spider", "dev")])
def test_golds_that_compile_are_grounded(shared_data, folder, split, refused_name, named):
    dataset = datasets.load(shared_data / folder, split)
    sample = random.Random(0).sample(dataset.examples, 900)
    ddl = {db_id: to_ddl(schema) for db_id, schema in dataset.schemas.items()}
    with Executor({}, ddl=ddl, workers=1) as executor:
        for example in sample:
            grounding = ground(example.gold_sql, dataset.schemas[example.db_id])
            said = executor.prepare(example.db_id, example.gold_sql)
            assert said.ok == (not grounding.problems), (example.gold_sql, said.error, grounding.explain())
            assert said.ok or refused_name(said.error) in named(grounding)
