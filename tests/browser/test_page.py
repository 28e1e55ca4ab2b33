"""What a reader does with the page, in a real browser: from a file, without a network, without a complaint."""

import re
from dataclasses import replace

import pytest

pytestmark = pytest.mark.browser

INSIDE = "[document.documentElement.scrollWidth, document.body.scrollWidth]"


def leaderboard(visit):
    return visit.page.locator("table.leaderboard").first


def test_the_page_opens_from_a_file_and_says_its_finding_first(open_page, mini_page):
    visit = open_page(mini_page)
    assert visit.page.locator("h1").inner_text().startswith("most answers")
    assert visit.requested == [visit.uri]
    assert visit.rows(leaderboard(visit), 2)[0] == "most"
    visit.show("light")


def test_a_heading_sorts_its_table_and_says_so_by_mouse_and_by_keyboard(open_page, mini_page):
    visit = open_page(mini_page)
    table = leaderboard(visit)
    assert visit.rows(table, 2) == ["most", "half baseline", "nonsense"]
    heading = table.get_by_role("columnheader", name="Execution accuracy").first
    assert heading.get_attribute("aria-sort") == "descending"
    heading.get_by_role("button").click()
    assert visit.rows(table, 2) == ["nonsense", "half baseline", "most"]
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").press("Enter")
    assert visit.rows(table, 2) == ["most", "half baseline", "nonsense"]
    table.get_by_role("columnheader", name="Run").get_by_role("button").press("Space")
    assert visit.rows(table, 2) == ["half baseline", "most", "nonsense"]
    assert heading.get_attribute("aria-sort") is None


def test_a_system_that_was_not_run_stays_below_however_the_table_is_sorted(open_page, mini_page):
    visit = open_page(mini_page)
    table = leaderboard(visit)
    table.get_by_role("columnheader", name="Rank").get_by_role("button").click()
    assert "not run: no run uses an adapter of this name" in table.locator("tfoot").inner_text()


def test_filters_narrow_the_list_and_the_address_says_which(open_page, mini_page, mini_runs):
    visit = open_page(mini_page)
    page, most = visit.page, mini_runs[1]
    wrong = sum(record.scores["execution_accuracy"].value == 0 for record in most.records)
    assert page.locator("#found").inner_text().startswith("100 of 100 questions, 50 shown")
    page.get_by_role("button", name="Show more").click()
    assert page.locator("#list > details").count() == 100
    page.locator("select[name=verdict]").select_option("wrong")
    visit.await_found(f"{wrong} of 100 questions")
    assert page.locator("#list > details").count() == wrong
    assert "verdict=wrong" in page.url
    page.locator("input[name=text]").fill("no such question anywhere")
    visit.await_found("0 of 100 questions")
    assert page.locator("#list > details").count() == 0


def test_flips_between_any_two_runs_come_with_their_test(open_page, mini_page):
    visit = open_page(mini_page)
    link = visit.page.locator("td[data-flips=gained] a").first
    number = link.inner_text()
    link.click()
    visit.await_found(f"{number} of 100 questions")
    found = visit.page.locator("#found").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(rf"most is better than half on {number} and worse on \d+, p [<=] 0\.\d+ \(exact McNemar\)", found)
    visit.page.locator("select[name=against]").select_option("2")
    visit.await_found("better than nonsense")
    assert visit.page.locator("select[name=verdict]").locator("option:checked").inner_text() == "better than nonsense"


def test_a_question_opens_by_click_and_by_keyboard_with_both_queries_and_results(open_page, mini_page):
    visit = open_page(mini_page)
    rows = visit.page.locator("#list > details")
    rows.nth(0).locator("> summary").click()
    rows.nth(1).locator("> summary").focus()
    visit.page.keyboard.press("Enter")
    for place in (0, 1):
        body = rows.nth(place).locator(".body")
        assert body.locator(".run").count() == 3
        assert body.locator(".run[open] .pane").count() == 2
        assert body.locator(".run[open] .pane .sql").count() == 2
    opened = rows.nth(0).locator(".run[open]")
    assert "unknown column: column nmae does not exist" in opened.locator(".why").inner_text()
    assert opened.locator("ins").all_inner_texts()[0] == "nmae"
    assert opened.locator(".t-keyword").count() > 2
    rows.nth(0).locator(".run").nth(1).locator("> summary").press("Enter")
    assert rows.nth(0).locator(".run[open]").count() == 2
    assert "does not run" in visit.page.locator("main").inner_text()
    rows.nth(0).scroll_into_view_if_needed()
    visit.show("drill-down")


def test_a_deep_link_opens_its_question_and_a_link_to_filters_sets_them(open_page, mini_page, mini_runs):
    record = mini_runs[0].records[80]
    visit = open_page(mini_page, fragment=f"#question={record.db_id}%2F{record.question_id}")
    opened = visit.page.locator("#list > details[open]")
    assert opened.count() == 1
    assert record.question in opened.locator("> summary").inner_text()
    assert opened.locator("> summary").evaluate("one => one === document.activeElement")
    address = opened.locator(".body > a").get_attribute("href")
    filtered = open_page(mini_page, fragment="#run=half&verdict=right")
    assert filtered.page.locator("select[name=run]").locator("option:checked").inner_text() == "half"
    filtered.page.goto(filtered.uri + address)
    assert record.question in filtered.page.locator("#list > details[open] > summary").inner_text()


def test_votes_second_tries_and_doubtful_golds_are_shown_with_their_question(open_page, mini_runs, write_page):
    run = mini_runs[0]
    samples = [
        {"sql": "SELECT 7", "status": "ok", "rows": 1, "group": 0, "correct": False},
        {"sql": None, "status": "no_sql", "rows": None, "group": None, "correct": False},
    ]
    repair = {"sql": "SELECT nmae", "error": "no such column: nmae", "method": "asked", "accepted": True}
    analysis = {"samples": samples, "repair": repair, "gold_flags": ["tie_at_limit"], "gaps": ["official_only: order"]}
    first = replace(run.records[0], analysis=analysis)
    visit = open_page(write_page([replace(run, records=(first, *run.records[1:]))]))
    visit.page.locator("#list > details > summary").first.click()
    body = visit.page.locator("#list .body").first
    body.locator(".answer").wait_for()
    text = " ".join(body.inner_text().split())
    assert "This gold is doubtful: tie at limit." in text
    assert "verdicts disagree: official only: order" in text
    assert "SQLite refused the first answer (no such column: nmae); the second try stands in its place" in text
    assert "0 0 ✗ ok 1 SELECT 7 1 – ✗ no_sql – no SQL" in text


def test_an_address_that_names_nothing_known_changes_nothing(open_page, mini_page):
    for fragment in ("#question=nowhere%2F1", "#run=%3Cimg%3E&verdict=x&db=%00", "#%", "#methods"):
        visit = open_page(mini_page, fragment=fragment)
        assert visit.page.locator("#list > details").count() == 50


def test_dark_mode_follows_the_system_and_the_button(open_page, mini_page):
    def brightness(visit):
        colour = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", colour)[:3]))

    light, dark = open_page(mini_page), open_page(mini_page, scheme="dark")
    assert brightness(light) > 600
    assert brightness(dark) < 150
    dark.show("dark")
    dark.page.get_by_role("button", name="Light").click()
    assert brightness(dark) > 600
    light.page.get_by_role("button", name="Dark").press("Enter")
    assert brightness(light) < 150


def test_print_unfolds_every_table_and_hides_what_paper_cannot_do(open_page, mini_page):
    visit = open_page(mini_page)
    visit.page.evaluate("addEventListener('afterprint', () => { window.printed = true; })")
    closed = "[...document.querySelectorAll('main details:not([open])')].filter((one) => !one.closest('#list')).length"
    before = visit.page.evaluate(closed)
    assert before > 3
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate(closed) == 0
    assert visit.page.locator("#filters").is_hidden()
    assert visit.page.locator("#theme").is_hidden()
    shown = visit.page.locator("main").inner_text()
    assert all(words in shown for words in ("Soft F1", "configuration sha256", "not comparable with the public"))
    visit.show("print")
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert visit.page.evaluate(closed) == before


def test_the_page_prints_to_pdf(open_page, mini_page):
    assert open_page(mini_page).page.pdf().startswith(b"%PDF-")


@pytest.mark.parametrize("fragment", ["", "#question=apiary%2F240"])
def test_at_360_pixels_the_page_does_not_scroll_sideways(open_page, mini_page, fragment):
    visit = open_page(mini_page, width=360, height=740, fragment=fragment)
    for fold in visit.page.locator("main details:not([open]) > summary").all()[:20]:
        if fold.is_visible():
            fold.click()
    assert visit.page.evaluate(INSIDE) == [360, 360]
    visit.show(f"narrow{'-question' if fragment else ''}")


def test_what_can_be_pressed_is_reached_with_the_tab_key_and_has_a_name(open_page, mini_page):
    page = open_page(mini_page).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    nameless = """[...document.querySelectorAll('button, a, select, input, summary')].filter((one) =>
        one.tabIndex < 0 || !(one.textContent.trim() || one.labels?.length || one.ariaLabel)).length"""
    assert page.evaluate(nameless) == 0


def test_without_scripts_the_numbers_stand_and_the_list_says_what_it_lacks(browser, mini_page):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(mini_page.as_uri())
    assert page.locator("table.leaderboard tbody tr").count() >= 3
    assert page.locator("noscript").count() == 1
    assert page.locator("#filters").is_hidden()
    context.close()
