import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.types import ResultPreview, Score
from reports.render import render_page
from reports.training import read_training
from reports.view import build_page

VOID = {"meta", "input", "br", "hr", "img", "link"}
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;"


class Page(HTMLParser):
    """Elements, attributes and texts of a page; complains about elements that are closed in the wrong order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts, self.scripts = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.scripts.append((self.open[-1], data))
        else:
            self.texts.append(data)

    def every(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).replace("\N{NO-BREAK SPACE}", " ").split())

    @property
    def data(self):
        return json.loads(next(text for tag, text in self.scripts if tag == "script"))


def render(runs, trainings=(), expected=()):
    return Page(render_page(build_page(runs, trainings, expected)))


@pytest.fixture
def runs(make_run):
    return [make_run("base", [1.0, 0.0, 0.0, 0.0, None]), make_run("better", [1.0, 1.0, 1.0, 0.0, None])]


@pytest.fixture
def evil_run(make_run):
    run = make_run(
        EVIL,
        [0.0],
        question=EVIL,
        evidence=EVIL,
        gold_sql=EVIL,
        sql=EVIL,
        completion=EVIL,
        error=EVIL,
        diagnosis=EVIL,
        status=EVIL,
        db_id=EVIL,
        difficulty=EVIL,
        predicted_result=ResultPreview((EVIL,), ((EVIL,),), 1),
        scores={EVIL: Score(EVIL, 0.0, EVIL)},
        generator={"name": EVIL, "model": EVIL, "adapter": EVIL, "precision": EVIL, "constraint": EVIL},
    )
    manifest = run.manifest | {"dataset": {"name": EVIL, "split": EVIL, "notes": [EVIL]}, "hashes": {EVIL: EVIL}}
    rate = {"value": 0.5, "n": 1, "unscored": 0, "ci_low": 0.1, "ci_high": 0.9}
    summary = run.summary | {"metrics": {EVIL: rate}, "slices": {f"db_id={EVIL}": {EVIL: rate}}}
    return replace(run, path=Path(EVIL.replace("/", "\N{DIVISION SLASH}")), manifest=manifest, summary=summary)


def test_every_value_of_the_summary_is_shown_as_percent_with_two_decimals(runs):
    page = render(runs)
    for run in runs:
        for rate in run.summary["metrics"].values():
            assert f"{100 * rate['value']:.2f} %" in page.text
            assert f"{100 * rate['ci_low']:.1f} – {100 * rate['ci_high']:.1f}" in page.text
    assert "4 scored, 1 not" in page.text


def test_the_page_names_comparison_slices_failures_methods_and_the_caveat(runs):
    text = render(runs).text
    assert "better answers 75.00 % of 4 scored questions correctly; the 50.00 points over base may be chance." in text
    assert "+50.00" in text
    assert "p = 0.5000" in text
    assert "not comparable with the public leaderboard" in text
    assert all(word in text for word in ("challenging", "ferry", "unknown column", "abcdef", "two tables are empty"))
    assert "The set of predicted rows equals the set of gold rows" in text


def test_nothing_of_a_run_becomes_markup(evil_run):
    page = render([evil_run])
    assert [tag for tag, _ in page.elements if tag in ("img", "b")] == []
    assert len(page.every("script")) == 2
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    answer = page.data["questions"][0]["answers"][0]
    assert (answer["sql"], answer["error"], answer["result"]["rows"]) == (EVIL, EVIL, [[EVIL]])


def test_the_embedded_records_cannot_end_their_element_or_open_another(make_run):
    text = render_page(build_page([make_run("r", [0.0], sql="<!--<script </script >&lt;", error="]]>")]))
    payload = text.partition('id="data">')[2].partition("</script>")[0]
    assert not set("<>&") & set(payload)
    assert json.loads(payload)["questions"][0]["answers"][0]["sql"] == "<!--<script </script >&lt;"


def test_an_evil_adapter_is_text_too(runs, tmp_path):
    folder = tmp_path / "<b>"
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps({EVIL: EVIL}))
    (folder / "eda.json").write_text(
        json.dumps({"before": {"by_database": {EVIL: {"share": 0.5}, "b": {"share": 0.5}}}})
    )
    page = render(runs, [read_training(folder)])
    assert [tag for tag, _ in page.elements if tag in ("img", "b")] == []
    assert EVIL in page.text


def test_the_page_needs_no_network(runs):
    page = render(runs)
    policy = next(meta["content"] for meta in page.every("meta") if meta.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert attributes.get(name, "#").startswith("#")
    assert page.every("link") == []
    styles = "".join(text for tag, text in page.scripts if tag == "style")
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_browser_runs_this_programs_script_only(runs):
    page = render(runs)
    policy = next(meta["content"] for meta in page.every("meta") if meta.get("http-equiv"))
    script = [text for tag, text in page.scripts if tag == "script"][1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "innerHTML" not in script


def test_tables_have_captions_and_header_scopes_and_ids_are_unique(runs, tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 0.5}\n')
    page = render(runs, [read_training(tmp_path)])
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") > 5
    assert all(header.get("scope") in ("col", "row") for header in page.every("th"))
    assert {"ascending", "descending"} >= {th["aria-sort"] for th in page.every("th") if "aria-sort" in th}
    assert any("aria-sort" in th for th in page.every("th"))
    assert all(svg.get("aria-label") for svg in page.every("svg"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.every("a")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert page.every("html")[0]["lang"] == "en"


def test_an_incomplete_run_is_shown_as_incomplete_and_not_ranked(runs, make_run):
    half = make_run("half", [1.0] * 5, complete=False)
    page = render([*runs, replace(half, records=half.records[:2])])
    assert "half – 2 of 5 questions" in page.text
    assert "half (incomplete)" in page.text
    assert page.data["runs"] == ["base", "better", "half"]
    assert page.data["chosen"] == 1


def test_incomplete_runs_alone_make_a_page_without_a_board(make_run):
    text = render([make_run("half", [1.0], complete=False)]).text
    assert "No complete run yet." in text
    assert "Against the baseline" not in text


def test_one_run_alone_is_compared_with_nothing(make_run):
    text = render([make_run("only", [1.0, 0.0])]).text
    assert "Against the baseline" not in text
    assert "baseline" not in text


def test_values_above_one_have_no_interval(make_run):
    run = make_run("fast", [1.0], scores={"ves": Score("ves", 1.1)})
    rate = {"value": 1.1, "n": 1, "unscored": 0, "ci_low": None, "ci_high": None}
    summary = run.summary | {"metrics": {"ves": rate}, "slices": {"db_id=ferry": {"ves": rate}}}
    assert "110.00 %" in render([replace(run, summary=summary)]).text


def test_training_is_shown_only_where_an_adapter_is_given(runs, tmp_path):
    assert "Training" not in render(runs).text
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "eval_loss": 0.25}\n')
    page = render(runs, [read_training(tmp_path)])
    assert tmp_path.name in page.text
    assert any("validation ends at 0.25" in svg["aria-label"] for svg in page.every("svg"))


def test_the_same_runs_give_the_same_page(runs):
    assert render_page(build_page(runs)) == render_page(build_page(runs))


def test_baseline_qwen_and_falcon_stand_side_by_side_and_the_one_that_is_missing_says_why(make_run):
    """Fixtures, no results: nothing was trained for these numbers."""

    def fabricate(name, values, adapter=""):
        model = "tiiuae/falcon-7b" if adapter == "falcon" else "Qwen/Qwen2.5-Coder-1.5B-Instruct"
        generator = {"name": "huggingface", "model": model, "precision": "nf4", "adapter": adapter}
        return make_run(f"fixture {name}", values, generator=generator)

    base, qwen = fabricate("baseline", [0.0] * 12), fabricate("qwen", [1.0] * 12, "qwen")
    falcon = fabricate("falcon", [1.0] * 6 + [0.0] * 6, "falcon")
    three = render_page(build_page([base, qwen, falcon], expected=["qwen", "falcon"]))
    assert "not run: no run" not in Page(three).text
    text = Page(three).text
    assert text.index("fixture qwen") < text.index("fixture falcon")
    assert "1.5B · adapter qwen · nf4" in text
    assert "7B · adapter falcon · nf4" in text
    assert Page(three).data["pairs"][0][:4] == [0, 1, 12, 0]
    two = render([base, qwen], expected=["qwen", "falcon"]).text
    assert (
        two.count("falcon not run not run: no run uses an adapter of this name; make one with tox -e train-falcon") == 2
    )
    assert "qwen not run" not in two
