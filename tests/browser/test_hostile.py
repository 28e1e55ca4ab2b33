"""Answers made to break the page: they are shown as they are, nothing of them runs."""

import pytest

pytestmark = pytest.mark.browser

LONG = "x" * 100_000
HOSTILE = [
    "SELECT '</script><script>window.owned = 1</script>'",
    "SELECT '<img src=x onerror=\"window.owned = 1\">' AS \"<b onmouseover='window.owned=1'>\"",
    "<svg onload=window.owned=1><style>body{display:none}</style>",
    "SELECT 1 -- <!-- <script>window.owned = 1//\n/* </style></title></textarea> */",
    "SELECT 1 /* never closed <iframe srcdoc='<script>parent.owned=1</script>'>",
    "SELECT '🐝👩‍👩‍👧‍👦🏳️‍🌈', 'naïve', '日本語'",
    "SELECT 'שלום עולם \u202e gnihtemos \u202c مرحبا' AS \"עמודה\"",
    f"SELECT '{LONG}'",
    f"SELECT {LONG}",
    f"SELECT '{'<b>' * 30_000}'",
    "SELECT 'a\u2028b\u2029c\u0001\ufeff', '&lt;b&gt; &amp; &#0; ${owned} {{ 7*7 }} {% raw %}'",
    "SELECT 'it''s', \"a\"\"b\", `c`, [d] FROM keeper",
    "",
    "javascript:window.owned=1",
    "'" * 99,
    "(" * 5000,
]
EVIL_NAME = "<img src=x onerror=window.owned=1>"


@pytest.fixture(scope="module")
def hostile_run(score, examples):
    answers = {one.question_id: HOSTILE[place % len(HOSTILE)] for place, one in enumerate(examples)}
    return score(EVIL_NAME, answers)


@pytest.fixture(scope="module")
def hostile_page(hostile_run, mini_runs, write_page):
    return write_page([mini_runs[0], hostile_run], expected=[f"{EVIL_NAME}x=<b>why</b>"])


def open_everything(page):
    page.get_by_role("button", name="Show more").click()
    for bodies in (".body", ".answer >> nth=199"):
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        page.locator(f"#list {bodies}").last.wait_for(state="attached")
    assert page.locator("#list .answer").count() == 200


def test_nothing_of_hostile_answers_runs_or_becomes_an_element(open_page, hostile_page):
    visit = open_page(hostile_page)
    open_everything(visit.page)
    assert visit.page.evaluate("window.owned") is None
    assert visit.page.locator("img, iframe, object, embed, link[href], b, video, [onerror], [onload]").count() == 0
    assert visit.page.locator("script").count() == 2
    assert visit.page.locator("style").count() == 1
    assert visit.page.evaluate("getComputedStyle(document.body).display") == "block"
    assert EVIL_NAME in visit.page.locator("table.leaderboard").first.inner_text()
    assert "<b>why</b>" in visit.page.locator("tfoot").first.inner_text()
    visit.page.locator("#list").scroll_into_view_if_needed()
    visit.show("hostile")


def test_hostile_answers_are_shown_as_they_came(open_page, hostile_page):
    visit = open_page(hostile_page)
    open_everything(visit.page)
    shown = "\n".join(visit.page.locator("#list code.sql").all_text_contents())
    for answer in HOSTILE:
        if 0 < len(answer) < 4000:
            assert answer.strip().partition("\n")[0] in shown


def test_the_page_of_hostile_answers_still_works(open_page, hostile_page):
    visit = open_page(hostile_page, width=360, height=740)
    open_everything(visit.page)
    assert visit.page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]") == [360, 360]
    visit.page.locator("input[name=text]").fill("👩‍👩‍👧‍👦")
    visit.await_found("6 of 100 questions")
    visit.page.locator("table.leaderboard").first.get_by_role("button").first.click()


def test_a_string_of_100_kilobytes_does_not_grow_the_page_by_as_much_each(hostile_page):
    assert hostile_page.stat().st_size < 1_500_000


def test_hostile_text_does_not_turn_the_line_around_it(open_page, hostile_page):
    visit = open_page(hostile_page)
    open_everything(visit.page)
    every = (
        "[...new Set([...document.querySelectorAll('.sql, .sql *')].map((one) => getComputedStyle(one).unicodeBidi))]"
    )
    assert visit.page.evaluate(every) == ["isolate"]
