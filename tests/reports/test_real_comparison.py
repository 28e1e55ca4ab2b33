"""`t2s compare` on systems whose answers were published, against arithmetic done by hand."""

import json
import math
import os
import re
from pathlib import Path

import pytest

from harness import cli

pytestmark = pytest.mark.shared_data

BETTER, WORSE = 25, 13
"""Questions on which gpt-4 is right and gpt-3.5 is not, and the other way round."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The mini-dev answers of two systems, scored by the command line."""
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    data, folder = Path(os.environ["T2S_SHARED_DATA"]), tmp_path_factory.mktemp("runs")
    for system in ("gpt-3.5", "gpt-4"):
        answers = data / "predictions" / f"{system}.json"
        t2s(
            *("score", "--data", data / "bird", "--split", "mini_dev", "--predictions", answers),
            *("--allow-missing", "--metrics", "execution_accuracy", "--out", folder / system),
        )
    return folder / "gpt-3.5", folder / "gpt-4"


def t2s(*words):
    with pytest.raises(SystemExit) as leaving:
        cli.main([str(word) for word in words])
    assert leaving.value.code == 0


def verdicts(run):
    lines = (run / "records.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return {record["question_id"]: record["scores"]["execution_accuracy"]["value"] for record in records}


def test_the_p_value_of_two_published_systems_is_the_one_computed_by_hand(runs, capsys):
    first, second = (verdicts(run) for run in runs)
    better = sum(first[question] < second[question] for question in first)
    worse = sum(first[question] > second[question] for question in first)
    assert (better, worse, len(first), first.keys()) == (BETTER, WORSE, 190, second.keys())
    tosses = better + worse
    tail = sum(math.comb(tosses, heads) for heads in range(better, tosses + 1))
    capsys.readouterr()

    t2s("compare", *runs, "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["better"], found["worse"], found["equal"]) == (better, worse, 190 - tosses)
    assert found["test"]["p_two_sided"] == pytest.approx(2 * tail / 2**tosses, rel=1e-12)
    assert found["test"]["p_one_sided_gain"] == pytest.approx(tail / 2**tosses, rel=1e-12)
    assert found["difference"] == pytest.approx((better - worse) / 190, abs=1e-12)

    t2s("compare", *runs)
    text = " ".join(capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ").split())
    assert f"p = {2 * tail / 2**tosses:.4f} (exact McNemar): no difference shown" in text
    assert re.search(r"better / worse / equal +25 / 13 / 152", text)


def test_the_slices_of_the_comparison_add_up_to_it(runs, capsys):
    capsys.readouterr()
    t2s("compare", *runs, "--json")
    found = json.loads(capsys.readouterr().out)
    for kind in ("difficulty", "db_id"):
        groups = [group for group in found["slices"] if group["kind"] == kind]
        assert [sum(group[key] for group in groups) for key in ("n", "better", "worse")] == [190, BETTER, WORSE]
    assert sum(group["n"] for group in found["features"] if group["name"].endswith(("join", "joins", "or_more"))) >= 190
    # Two systems that differ on 38 questions fail in different ways, unless nobody said how they fail.
    assert bool(found["diagnosis"]) != any("diagnosis: gpt-4 has none" in note for note in found["notes"])
