"""What the pages say of ways of decoding is what the committed verdicts give, and these are the runs'."""

import importlib.util
import json
from pathlib import Path

import pytest

from harness import store

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "decoding" / "paired.py"
RESULTS = ROOT / "benchmarks" / "results" / "generation"

if not SCRIPT.exists():
    pytest.skip("the script stands in the checkout", allow_module_level=True)

SUMMARIES = sorted([*(ROOT / "reports" / "published").glob("*/summary.json"), *RESULTS.glob("*-summary.json")])
PUBLISHED = sorted((ROOT / "reports" / "published").glob("*/"))


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("paired", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def verdicts(script):
    return json.loads(script.VERDICTS.read_text(encoding="utf-8"))


def name_of(path):
    return path.parent.name if path.name == "summary.json" else path.name.removesuffix("-summary.json")


def page(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def test_the_table_is_on_the_page_and_the_other_page_has_some_of_its_rows(script, verdicts):
    table = script.make_table(verdicts["runs"])
    assert table in page("generation")
    rows = [line for line in page("constrained-decoding").splitlines() if line.startswith("| qwen-")]
    assert len(rows) == 6
    assert set(rows) <= set(table.splitlines())


def test_every_run_has_a_summary_and_the_rates_of_its_verdicts(script, verdicts):
    assert {name_of(path) for path in SUMMARIES} == set(verdicts["runs"]) == set(script.PAIRS)
    for path in SUMMARIES:
        metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        for name in script.KEPT:
            word = verdicts["runs"][name_of(path)][name]
            assert word.count("1") / len(word) == metrics[name]["value"], (path, name)


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_the_verdicts_of_a_published_run_are_those_of_its_records(script, verdicts, folder):
    collected = script.collect([folder])
    assert collected["questions"] == verdicts["questions"]
    assert collected["runs"][folder.name] == verdicts["runs"][folder.name]
    assert len(store.load(folder).records) == len(verdicts["questions"])


def test_runs_on_other_questions_are_refused(script, tmp_path):
    shorter = tmp_path / PUBLISHED[0].name
    shorter.mkdir()
    for path in PUBLISHED[0].iterdir():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        (shorter / path.name).write_text("".join(lines[1:] if path.name == "records.jsonl" else lines))
    with pytest.raises(SystemExit, match="has other questions than"):
        script.collect([PUBLISHED[0], shorter])


@pytest.mark.parametrize("kind", ["pass_at", "majority_at"])
@pytest.mark.parametrize(
    ("name", "column"),
    [("qwen-base-votes-8", 0), ("qwen-strong-votes-32", 2)],
)
def test_rates_by_the_number_of_draws_are_the_summarys(name, column, kind):
    rates = json.loads((RESULTS / f"{name}-summary.json").read_text(encoding="utf-8"))["samples"][kind]
    table = page("generation").partition("| k | base")[2].partition("\n\n")[0].splitlines()[2:]
    cells = {row[0]: row[1:] for row in ([cell.strip() for cell in line.strip("|").split("|")] for line in table)}
    shown = {k: row[column + (kind == "majority_at")] for k, row in cells.items()}
    assert {k: cell for k, cell in shown.items() if cell} == {k: f"{100 * rates[k]['value']:.2f}" for k in rates}


def test_the_page_says_how_many_answers_are_those_in_fp32():
    found = json.loads((RESULTS / "h200-fp32-agreement.json").read_text(encoding="utf-8"))
    shares = {name: 100 * word.count("1") / len(word) for name, word in found["same"].items()}
    assert {len(word) for word in found["same"].values()} == {len(found["questions"])} == {595}
    assert shares["fp32 shared"] == 100
    words = f"`generate` in bf16 has {shares['bf16 generate']:.1f} % and this engine {shares['bf16 shared']:.1f} %"
    assert words in " ".join(page("generation").split())
