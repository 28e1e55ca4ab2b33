"""A predictions file as a generator."""

import json

from harness.datasets import load
from harness.generators.replay import Replay
from harness.types import Prompt


def test_answers_are_paired_by_id_and_a_gap_is_missing(tmp_path):
    dataset = load("mini", "dev", limit=3)
    first, _, third = dataset.examples
    path = tmp_path / "answers.json"
    path.write_text(
        json.dumps(
            [
                {"question_id": third.question_id, "SQL": "SELECT 3"},
                {"question_id": first.question_id, "SQL": "SELECT 1"},
            ]
        )
    )
    answers = Replay(str(path), allow_missing=True).bind(dataset)
    completions = list(answers.generate([Prompt(index, "", "") for index in range(3)]))
    assert [(one.index, one.text, one.finish_reason) for one in completions] == [
        (0, "SELECT 1", "replay"),
        (1, "", "missing"),
        (2, "SELECT 3", "replay"),
    ]
