"""axe-core finds nothing to complain about, light, dark and unfolded."""

import pytest

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(open_page, mini_page, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    visit = open_page(mini_page, scheme=scheme, width=width)
    visit.page.evaluate("for (const one of [...document.querySelectorAll('details')].slice(0, 30)) one.open = true")
    visit.page.locator("#list .answer").first.wait_for()
    found = axe.Axe().run(visit.page, options=RULES)
    problems = [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]
    assert problems == []
