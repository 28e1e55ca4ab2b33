"""How much of what is right is proved, on real answers of six systems."""

import json
import os
from functools import partial
from pathlib import Path

import pytest

from harness import datasets
from harness.analysis.equivalence.proof import prove
from harness.analysis.verdicts import judge_strict
from harness.execution import Executor

pytestmark = pytest.mark.shared_data
SYSTEMS = ("c3", "chessv1", "codes-15b", "dail", "gpt-3.5", "gpt-4")


@pytest.fixture(scope="module")
def data():
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    return Path(os.environ["T2S_SHARED_DATA"])


def _plain(sql):
    return " ".join(sql.rstrip("; \n").lower().split())


def test_half_of_the_right_answers_with_another_text_are_proved(data):
    dataset = datasets.load(data / "bird", "mini_dev")
    golds = {int(example.question_id): example for example in dataset.examples}
    right = proved = 0
    with Executor(dataset.databases, workers=1) as executor:
        catalogues = {db_id: executor.describe(db_id) for db_id in dataset.databases}
        for system in SYSTEMS:
            for answer in json.loads((data / "predictions" / f"{system}.json").read_text(encoding="utf-8")):
                example = golds.get(answer["question_id"])
                if example is None or not answer["SQL"] or _plain(answer["SQL"]) == _plain(example.gold_sql):
                    continue
                db_id = example.db_id
                gold, predicted = (executor.execute(db_id, sql) for sql in (example.gold_sql, answer["SQL"]))
                if not (gold.ok and predicted.ok):
                    continue
                if judge_strict(example.gold_sql, gold, predicted, partial(executor.execute, db_id)).equal:
                    right += 1
                    proved += prove(answer["SQL"], example.gold_sql, catalogues[db_id]).proved
    assert right > 500
    assert proved >= right / 2, f"{proved} of {right}"
