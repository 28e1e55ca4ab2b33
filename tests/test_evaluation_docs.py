"""The pages on methods, limits and differences say what stands in committed results, and name what exists."""

import json
import re
from pathlib import Path

import pytest

from harness.execution import Limits
from harness.metrics import METRICS

ROOT = Path(__file__).parent.parent
PAGES = ("methods", "limits", "differences")

if not (ROOT / "docs" / "methods.md").exists():
    pytest.skip("the pages stand in the checkout", allow_module_level=True)

TEXTS = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in PAGES}
SENTENCES = {name: " ".join(text.split()) for name, text in TEXTS.items()}
"""The pages as one line each: where theirs are broken means nothing."""


def results(path):
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_every_file_that_is_named_exists(name):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXTS[name])
    assert links
    assert [one for one in links if not one.startswith("http") and not (ROOT / "docs" / one).exists()] == []
    files = re.findall(r"(?:tests|scripts|benchmarks|docs|harness)/[\w./-]*\w", TEXTS[name])
    assert files
    assert [one for one in files if not (ROOT / one).exists()] == []


def test_every_metric_is_defined_and_no_other():
    table = TEXTS["methods"].partition("## Metrics")[2].partition("## Statistics")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(METRICS)


def test_the_default_limits_are_those_of_the_code():
    limits = Limits()
    words = (
        f"{limits.timeout_s:g} s, {limits.memory_mib:,} MiB, {limits.max_rows:,} rows and {limits.max_bytes >> 20} MiB"
    )
    assert words in SENTENCES["methods"]


def test_figures_of_equivalence_are_those_of_the_raw_results():
    all_of = results("docs/data/equivalence-published.json")["all"]
    page = SENTENCES["differences"]
    assert f"{all_of['official']} officially right answers" in page
    assert f"| strictly right, too | {all_of['strict']} |" in page
    assert f"| officially right only | {all_of['official'] - all_of['strict']} |" in page
    by_database = all_of["refuted"] - (all_of["official"] - all_of["strict"])
    assert f"| *refuted* by a small database | {by_database} |" in page
    assert f"| *proved* equivalent | {all_of['proved']} |" in page
    assert f"| *unknown* | {all_of['unknown']} |" in page
    words = f"Of {all_of['official']} officially right answers of six published systems {by_database} are"
    assert words in SENTENCES["limits"]
    counts = results("docs/data/equivalence-soundness.json")["counts"]
    proved = [counts[f"{kind}, proved"] for kind in ("rewrites", "mutants", "answers")]
    assert f"of {proved[0]:,} proved rewrites, {proved[1]} proved mutants and {proved[2]} proved answers none" in page


def test_figures_of_hostile_statements_are_those_of_the_log():
    lines = (ROOT / "benchmarks/results/fuzz-10000.jsonl").read_text(encoding="utf-8").splitlines()
    limit, outcome = json.loads(lines[0])["limits"]["timeout_s"], json.loads(lines[-1])
    assert (outcome["scored"], outcome["files_changed"], outcome["statements"]) == (0, 0, 10_000)
    page = SENTENCES["differences"]
    assert (
        f"at most {outcome['longest_overshoot_s']} s past a limit of {limit} s, {outcome['most_cpu_after_s']} s of CPU"
        f" after the verdict, {outcome['most_memory_mib']} MiB in a worker"
    ) in page
    assert f"{outcome['longest_overshoot_s']} s past its limit of {limit} s" in SENTENCES["limits"]


def test_figures_of_speed_are_those_of_the_benchmark():
    medians = {
        one["name"]: one["stats"]["median"] for one in results("benchmarks/results/scoring-speed.json")["benchmarks"]
    }
    for answers in ("six systems × 190", "Spider's 972 golds"):
        # pytest writes what is not ASCII in a test's name as an escape.
        name = answers.encode("unicode_escape").decode()
        of = [medians[f"test_{what}[{name}]"] for what in ("official_procedure", "ours", "ours_asked_again")]
        assert f"| {answers} | {' | '.join(f'{seconds:.2f} s' for seconds in of)} |" in TEXTS["differences"]
