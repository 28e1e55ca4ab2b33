"""The README's leaderboard is what the script makes of the published runs."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

from harness import store
from harness.config import EvalConfig, build
from harness.datasets import load
from harness.publishing import publish
from harness.run import Place, evaluate_config
from harness.statistics import mcnemar

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "leaderboard.py"

if not SCRIPT.exists():
    pytest.skip("the script stands in the checkout", allow_module_level=True)

PAGE = "# Title\n\n<!-- leaderboard -->\nbefore\n<!-- /leaderboard -->\n\nMore.\n"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("leaderboard", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two published runs of one model: the base answers half of the questions, the other three quarters."""
    folder = tmp_path_factory.mktemp("made")
    examples = load("mini", "dev").examples
    for name, every, options in (("base", 2, {}), ("tuned_1", 4, {"adapter": "adapters/tuned"})):
        right = [index % every > 0 for index in range(len(examples))]
        items = [
            {"question_id": one.question_id, "SQL": one.gold_sql if good else "SELECT 'no'"}
            for one, good in zip(examples, right, strict=True)
        ]
        answers = folder / f"{name}.json"
        answers.write_text(json.dumps(items))
        tree = {"data": {"path": "mini"}, "generator": {"name": "replay", "path": str(answers)}}
        run = evaluate_config(build(EvalConfig, tree, "test"), Place(folder=folder / "runs" / name))
        publish(run, folder / "published" / name)
        as_if_generated(folder / "published" / name, options)
    return folder / "published"


def as_if_generated(folder, options):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["generator"] = {"name": "huggingface", "model": "owner/model", **options}
    manifest["generator"] = {"weights": {"sha256": "1" * 64}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def published(made, tmp_path):
    shutil.copytree(made, tmp_path / "published")
    return tmp_path / "published"


def rows_of(table):
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if line[:1] == "|"]


def test_without_published_runs_the_table_says_so(script, tmp_path):
    assert script.make_table(tmp_path) == "No run is published yet: `reports/published/` is empty."
    assert "No run is published yet" in script.place_table(PAGE, script.make_table(tmp_path / "absent"))


def test_every_number_is_the_summarys(script, published):
    table = script.make_table(published)
    assert table.startswith("**mini dev**, 100 questions\n")
    heading, _, first, second = rows_of(table)
    assert [first[0], second[0]] == ["tuned\\_1", "base"]
    for row, name in ((first, "tuned_1"), (second, "base")):
        metrics = store.load(published / name).summary["metrics"]
        cells = dict(zip(heading, row, strict=True))
        assert cells["n"] == "100"
        rate = metrics["execution_accuracy"]
        low, high, value = (f"{100 * rate[key]:.2f}" for key in ("ci_low", "ci_high", "value"))
        assert cells["EX % (95 % interval)"] == f"{value} ({low}–{high})"
        for name_of, title in (("valid_sql", "valid_sql %"), ("prepares", "prepares %"), ("grounded", "grounded %")):
            assert cells[title] == f"{100 * metrics[name_of]['value']:.2f}"
        assert cells["strict EX %"] == f"{100 * metrics['execution_accuracy_strict']['value']:.2f}"


def test_a_run_is_compared_with_the_base_of_its_model_by_the_paired_test(script, published):
    _, _, tuned, base = rows_of(script.make_table(published))
    before, after = (
        [one.scores["execution_accuracy"].value for one in store.load(published / name).records]
        for name in ("base", "tuned_1")
    )
    test = mcnemar(before, after)
    assert tuned[-2] == "base"
    assert tuned[-1].endswith(f" points: {test.wins} better, {test.losses} worse; p < 0.0001")
    assert test.p_two_sided < 0.0001
    assert test.wins > 20
    assert base[-2:] == ["–", "–"]


def test_another_model_or_other_data_are_not_compared(script, published):
    manifest = json.loads((published / "tuned_1" / "manifest.json").read_text())
    (published / "tuned_1" / "manifest.json").write_text(
        json.dumps({**manifest, "generator": {"weights": {"sha256": "2" * 64}}})
    )
    assert {row[-1] for row in rows_of(script.make_table(published))[2:]} == {"–"}
    (published / "tuned_1" / "manifest.json").write_text(json.dumps({**manifest, "hashes": {"dev.json": "0" * 64}}))
    assert script.make_table(published).count("**mini dev**") == 2


def test_the_base_of_answers_from_a_file_is_named_beside_them(script, published):
    for name in ("base", "tuned_1"):
        manifest = json.loads((published / name / "manifest.json").read_text())
        manifest["config"]["generator"] = {"name": "replay", "path": f"{name}.json"}
        (published / name / "manifest.json").write_text(json.dumps({**manifest, "generator": {}}))
    assert {row[-1] for row in rows_of(script.make_table(published))[2:]} == {"–"}
    (published / "baselines.toml").write_text('tuned_1 = "base"\n')
    assert rows_of(script.make_table(published))[2][-2] == "base"
    (published / "baselines.toml").write_text('tuned_1 = "nobody"\n')
    with pytest.raises(SystemExit, match="nobody"):
        script.make_table(published)


def test_the_table_is_written_between_the_marks_and_checked_there(script, published, tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text(PAGE)
    words = ["leaderboard.py", "--published", str(published), "--readme", str(page)]
    monkeypatch.setattr(sys, "argv", [*words, "--check"])
    with pytest.raises(SystemExit, match="is not that of"):
        script.main()
    monkeypatch.setattr(sys, "argv", words)
    script.main()
    text = page.read_text()
    assert text.startswith("# Title\n\n<!-- leaderboard -->\n**mini dev**")
    assert text.endswith("\n<!-- /leaderboard -->\n\nMore.\n")
    assert "before" not in text
    monkeypatch.setattr(sys, "argv", [*words, "--check"])
    with pytest.raises(SystemExit) as leaving:
        script.main()
    assert leaving.value.code == 0


def test_a_page_without_marks_is_refused(script):
    with pytest.raises(SystemExit, match="once each"):
        script.place_table("# Title\n", "table")


def test_the_readmes_leaderboard_is_what_the_script_makes(script):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    page = text if script.OPENING in text else PAGE
    table = script.make_table(ROOT / "reports" / "published")
    made = script.place_table(page, table)
    assert table in made
    if page is text:
        assert made == text, "run `python scripts/leaderboard.py`"
