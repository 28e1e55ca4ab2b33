"""The page of six systems on 595 real questions: small enough to send, and all of it works."""

import json
import runpy
from pathlib import Path

import pytest

from reports.render import render_page
from reports.view import build_page

pytestmark = [pytest.mark.browser, pytest.mark.shared_data]

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "page_speed.py"
RESULT = BENCHMARK.parent / "results" / "page-speed.json"

if not BENCHMARK.exists():
    pytest.skip("the benchmarks stand in the checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def six_systems(browser, shared_data, tmp_path_factory):
    make_runs = runpy.run_path(str(BENCHMARK))["make_runs"]
    return make_runs(shared_data, tmp_path_factory.mktemp("six"))


@pytest.fixture(scope="module")
def six_page(six_systems, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render_page(build_page(six_systems)), encoding="utf-8", errors="replace")
    return path


def test_six_systems_on_595_questions_are_a_page_under_5_megabytes(six_systems, six_page):
    assert [len(run.records) for run in six_systems] == [595] * 6
    assert six_page.stat().st_size < 5_000_000


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_the_page_of_six_systems_opens_sorts_filters_and_drills_down(open_page, six_page, width, scheme):
    visit = open_page(six_page, width=width, scheme=scheme)
    page = visit.page
    visit.show(f"six-systems-{width}-{scheme}")
    table = page.locator("table.leaderboard").first
    first = visit.rows(table, 2)[0]
    table.get_by_role("columnheader", name="Execution accuracy").first.get_by_role("button").click()
    assert visit.rows(table, 2)[-1] == first
    page.locator("select[name=verdict]").select_option("wrong")
    page.wait_for_url("**verdict=wrong**")
    page.locator("#list > details > summary").first.click()
    page.locator("#list .pane").first.wait_for()
    assert page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]") == [width, width]
    page.locator("#list > details").first.scroll_into_view_if_needed()
    visit.show(f"six-systems-{width}-{scheme}-question")


def test_the_stored_benchmark_says_first_paint_is_under_a_second():
    stored = json.loads(RESULT.read_text(encoding="utf-8"))
    assert (stored["systems"], stored["questions"]) == (6, 595)
    assert stored["slowest"]["first_contentful_paint_ms"] < 1000
    assert stored["page_bytes"] < 5_000_000
