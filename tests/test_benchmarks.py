"""The benchmarks of training: more memory is noticed, floors are as documented, the page shows what was measured."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parent.parent
TRAINING = ROOT / "benchmarks" / "training"
RESULTS = ROOT / "benchmarks" / "results" / "training"

if not TRAINING.exists():
    pytest.skip("the benchmarks stand in the checkout", allow_module_level=True)

RUN = {
    "stack": "ours",
    "model": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
    "device": "NVIDIA H100 80GB HBM3",
    "examples_per_s": 100.0,
    "peak_allocated_gib": 4.0,
    "peak_reserved_gib": 5.0,
    "losses": [0.5, 0.4],
    "flags": {"group_size": 8, "budget_gib": 6.0},
    "versions": {"torch": "2.11.0", "trl": None},
}


@pytest.fixture(scope="module")
def chart():
    return SimpleNamespace(**runpy.run_path(str(TRAINING / "chart.py")))


@pytest.fixture(scope="module")
def regression():
    return SimpleNamespace(**runpy.run_path(str(TRAINING / "regression.py")))


@pytest.fixture
def committed(tmp_path):
    path = tmp_path / "h100-qwen-ours.json"
    path.write_text(json.dumps(RUN))
    return path


@pytest.mark.parametrize("name", ["peak_allocated_gib", "peak_reserved_gib"])
@pytest.mark.parametrize(("growth", "fails"), [(0.5, False), (1.099, False), (1.101, True)])
def test_more_than_ten_percent_more_memory_is_a_problem_that_names_run_and_peak(
    regression, committed, name, growth, fails
):
    problems = regression.compare_peaks({**RUN, name: growth * RUN[name]}, committed)
    assert len(problems) == fails
    assert all(problem.startswith(f"h100-qwen-ours.json: {name} was") for problem in problems)


@pytest.mark.parametrize(
    "other",
    [
        {"device": "NVIDIA H200"},
        {"stack": "trl"},
        {"model": "bigcode/starcoder2-3b"},
        {"flags": {"group_size": 1, "budget_gib": 6.0}},
        {"flags": {"group_size": 8, "budget_gib": 8.0}},
    ],
)
def test_only_a_run_of_the_same_kind_on_the_same_device_is_compared_with(regression, committed, other):
    assert regression.find_committed({**RUN, "peak_reserved_gib": 9.0, "losses": []}, [committed]) == committed
    assert regression.find_committed({**RUN, **other}, [committed]) is None


def test_what_a_run_does_not_hold_is_a_dash(chart):
    row = chart.write_table([chart.Run("h100", RUN)]).splitlines()[2]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "Qwen2.5-Coder-1.5B",
        "this trainer",
        "100.00",
        "–",
        "–",
        "–",
        "4.00 / 5.00",
        "0.500 → 0.400",
        "group_size 8, budget_gib 6.0",
    ]


def test_ratios_are_those_to_the_reference_stack_of_the_same_model(chart):
    runs = [
        chart.Run("h100", {**RUN, "stack": stack, "examples_per_s": speed, "floor_share": 0.196})
        for stack, speed in (("reference", 5.0), ("ours", 104.0))
    ]
    table = chart.write_table([*runs, chart.Run("h100", {**RUN, "model": "tiiuae/Falcon3-1B-Base"})])
    assert "| 5.00 | 1.0× |" in table
    assert "| 104.00 | 20.8× | – | 20 % |" in table
    assert "random weights | this trainer | 100.00 | – |" in table


def test_versions_stand_once_unless_they_differ(chart):
    newer = chart.Run("h100", {**RUN, "stack": "trl", "versions": {"torch": "2.13.0"}})
    assert chart.write_table([chart.Run("h100", RUN)]).endswith("\n\nNVIDIA H100 80GB HBM3; torch 2.11.0.")
    assert chart.write_table([chart.Run("h100", RUN), newer]).endswith("trl: NVIDIA H100 80GB HBM3; torch 2.13.0.")


def test_the_picture_draws_every_stack_to_scale(chart):
    fast, slow = (
        chart.Run("h100", {**RUN, "stack": stack, "examples_per_s": speed})
        for stack, speed in (("ours", 80.0), ("trl", 20.0))
    )
    alone = chart.Run("h100", {**RUN, "flags": {"group_size": 1}})
    bars = list(ET.fromstring(chart.draw([slow, fast, alone])).iter("{http://www.w3.org/2000/svg}rect"))
    widths = {(bar.get("class"), float(bar.get("x"))): float(bar.get("width")) for bar in bars}
    left = min(x for _, x in widths)
    assert len(bars) == 4
    assert widths["ours", left] == 4 * widths["trl", left]


def test_the_page_and_the_picture_show_what_was_measured(chart):
    runs = chart.read_runs(RESULTS / "stacks")
    page = (ROOT / "docs" / "training.md").read_text("utf-8")
    assert runs
    for device in {run.device for run in runs}:
        here = [run for run in runs if run.device == device]
        assert chart.write_table(here) in page
        assert (RESULTS / f"stacks-{device}.svg").read_text("utf-8") == chart.draw(here)
        assert f"stacks-{device}.svg" in page


def test_results_are_named_after_what_they_hold(chart):
    names = {path.stem for path in (RESULTS / "stacks").glob("*.json")}
    assert names == {run.name for run in chart.read_runs(RESULTS / "stacks")}


@pytest.mark.torch
def test_floors_are_peak_flops_over_the_quantised_parameters():
    pytest.importorskip("torch")
    floor = runpy.run_path(str(TRAINING / "measuring.py"))["floor_tokens_per_s"]
    again, once = (floor(RUN["model"], RUN["device"], recomputes=recomputes) for recomputes in (True, False))
    assert (round(again / 1000), round(once / 1000)) == (102, 152)
    assert floor("some/other", RUN["device"], recomputes=True) is None
    assert floor(RUN["model"], "NVIDIA GeForce RTX 2060", recomputes=True) is None


@pytest.mark.torch
def test_tokens_are_counted_by_steps_of_16_examples_as_they_are_cut():
    pytest.importorskip("torch")
    count = runpy.run_path(str(TRAINING / "measuring.py"))["count_tokens"]
    rows = [["id", "db", [1] * 90, [1] * 20, [1] * 10]] * 20
    assert count(rows) == [(1920, 1920), (480, 480)]
    assert count(rows, 100) == [(1920, 1600), (480, 400)]
