"""A real Chromium, driven over its DevTools protocol, and pages made from runs of the shipped data."""

import json
import os
import shutil
from pathlib import Path

import pytest

from harness import datasets
from harness.config import DataConfig, EvalConfig
from harness.run import Place, evaluate_config
from reports.render import render_page
from reports.view import build_page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="session")
def browser():
    """Chromium as the system has it, or as `$T2S_CHROMIUM` says."""
    library = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (tox -e browser)")
    found = os.environ.get("T2S_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium: none of " + ", ".join(NAMES) + " is on the path; install one, or set T2S_CHROMIUM")
    with library.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page that was opened from a file with the network off; keeps what the console said and what was asked for."""

    def __init__(self, context, path):
        self.said, self.requested = [], []
        self.page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.uri = path.as_uri()
        self.page.goto(self.uri)

    def _dismiss(self, dialog):
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def show(self, name):
        """Keep a screenshot where `$T2S_SCREENSHOTS` names a folder."""
        if folder := os.environ.get("T2S_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=False)

    def await_found(self, words):
        """Wait until the line above the questions has these words: they are drawn a moment after an input."""
        self.page.locator("#found", has_text=words).wait_for()

    def rows(self, table, column):
        """Return the texts of a column of a table, in the order in which they stand."""
        return [" ".join(cell.split()) for cell in table.locator(f"tbody tr > :nth-child({column})").all_inner_texts()]


@pytest.fixture
def open_page(browser):
    """Open a file as a reader does; afterwards nothing may have been said, nor asked of a network."""
    visits = []

    def open_file(path, *, width=1280, height=900, scheme="light", fragment=""):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, reduced_motion="reduce"
        )
        visit = Visit(context, path)
        if fragment:
            visit.page.goto(visit.uri + fragment)
        visits.append((context, visit))
        return visit

    yield open_file
    for context, visit in visits:
        said, foreign = visit.said, [url for url in visit.requested if not url.startswith("file:")]
        context.close()
        assert said == []
        assert foreign == []


@pytest.fixture(scope="session")
def score(tmp_path_factory):
    """Score answers on the shipped set and return the run."""

    def score_answers(name, answers):
        folder = tmp_path_factory.mktemp("runs")
        path = folder / f"{name[:20]}.json"
        path.write_text(json.dumps([{"question_id": key, "SQL": sql} for key, sql in answers.items()]))
        config = EvalConfig(
            data=DataConfig("mini"), generator={"name": "replay", "path": str(path), "allow_missing": True}
        )
        return evaluate_config(config, Place(folder=folder / name))

    return score_answers


@pytest.fixture(scope="session")
def examples():
    return datasets.load("mini", "dev").examples


@pytest.fixture(scope="session")
def write_page(tmp_path_factory):
    """Write the page of runs and return its path."""

    def write(runs, **options):
        path = tmp_path_factory.mktemp("page") / "page.html"
        path.write_text(render_page(build_page(runs, **options)), encoding="utf-8", errors="replace")
        return path

    return write


@pytest.fixture(scope="session")
def mini_runs(score, examples):
    """Three systems: one half right, one mostly right, one that writes nonsense."""
    golds = {one.question_id: one.gold_sql for one in sorted(examples, key=lambda one: one.question_id)}
    half = {key: sql if place % 2 else "SELECT 1, 2" for place, (key, sql) in enumerate(golds.items())}
    most = {key: sql if place % 9 else "SELECT nmae FROM keeper" for place, (key, sql) in enumerate(golds.items())}
    nonsense = dict.fromkeys(golds, "I do not know.")
    return [score(name, answers) for name, answers in (("half", half), ("most", most), ("nonsense", nonsense))]


@pytest.fixture(scope="session")
def mini_page(mini_runs, write_page):
    return write_page(mini_runs, expected=["falcon"])


@pytest.fixture(scope="session")
def shared_data():
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    return Path(os.environ["T2S_SHARED_DATA"])
