"""Intervals hold the truth as often as they say: a small version of scripts/coverage.py, and the tables it printed."""

import runpy
import statistics
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "statistics.md"
SCRIPT = ROOT / "scripts" / "coverage.py"

if not SCRIPT.exists():
    pytest.skip("the simulation stands in the checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def coverage():
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


@pytest.mark.parametrize("n", [200, 500, 1534])
def test_wilson_covers_between_93_and_97_percent(coverage, n):
    covered = [coverage.wilson_coverage(n, rate) for rate in coverage.RATES]
    assert min(covered) >= 0.93
    assert max(covered) <= 0.97


@pytest.mark.parametrize("n", [200, 300])
def test_the_paired_bootstrap_covers_between_93_and_97_percent_on_average(coverage, n):
    covered = [coverage.paired_coverage(n, rate, simulations=150, resamples=400) for rate in coverage.RATES]
    assert 0.93 <= statistics.fmean(covered) <= 0.97


@pytest.mark.parametrize("databases", ["4", "11"])
def test_databases_that_differ_are_covered_by_resampling_them_and_not_by_wilson(coverage, databases):
    found = coverage.clustered_coverage(coverage.DATABASES[databases], 0.5, 0.10, simulations=300, resamples=300)
    assert 0.91 <= found.clustered <= 0.99
    assert 0.91 <= found.difference <= 0.99
    assert found.wilson < 0.6
    assert found.percentile < found.clustered
    assert found.clustered_width > 2 * found.wilson_width


def test_the_correlation_of_databases_that_decide_everything_is_one(coverage):
    ones, zeros = [coverage.np.full(20, value) for value in (1.0, 0.0)]
    assert coverage.intraclass_correlation([ones, zeros, ones]) == 1.0
    mixed = coverage.np.array([1.0, 0.0] * 10)
    assert coverage.intraclass_correlation([mixed, mixed, mixed]) < 0.0


@pytest.fixture
def page():
    if not PAGE.exists():
        pytest.skip("the page stands in the checkout")
    return PAGE.read_text(encoding="utf-8")


def test_the_page_shows_wilsons_table_as_the_script_prints_it(coverage, page):
    assert "\n".join(coverage.by_rate("Wilson, n =", coverage.SIZES, coverage.wilson_coverage)) in page


def test_the_page_shows_means_between_93_and_97_percent_and_every_number_of_databases(page):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    means = [float(cell) for row in rows if row[0] == "mean" for cell in row[1:]]
    assert len(means) == 5
    assert all(93 <= mean <= 97 for mean in means)
    clustered = [row for row in rows if len(row) == 9 and row[0].isdigit()]
    assert [row[0] for row in clustered] == ["4", "4", "11", "11", "69", "69"]
    assert all(float(row[5]) > float(row[3]) for row in clustered)
