"""Every number in every table of a page is the one in summary.json, and the exports have the same ones."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.statistics import holm, mcnemar
from reports.export import export_page
from reports.markdown import write_markdown
from reports.render import render_page
from reports.view import build_page
from reports.wording import METRICS

FAMILIES = {"right": ["correct"], "does not run": ["unknown_column"], "wrong rows": ["wrong_rows"]}


class Tables(HTMLParser):
    """The tables of a page by caption; a cell is its words."""

    def __init__(self, text):
        super().__init__()
        self.found, self.rows, self.cell, self.caption = {}, None, None, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.rows = []
        elif tag == "tr" and self.rows is not None:
            self.rows.append([])
        elif tag == "span" and self.cell is not None:
            self.cell += " "
        elif tag in ("td", "th", "caption", "title"):
            self.outer, self.cell = (self.cell if tag == "title" else None), ""

    def handle_endtag(self, tag):
        words = " ".join((self.cell or "").split())
        if tag == "caption":
            self.caption = words
        elif tag in ("td", "th"):
            self.rows[-1].append(words)
        elif tag == "table":
            self.found[self.caption] = self.rows
        elif tag == "title":  # a picture's label repeats its cell
            self.cell = self.outer

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def percent(value):
    return "–" if value is None else f"{100 * value:.2f} %"


def interval(rate):
    return f" {100 * rate['ci_low']:.1f} – {100 * rate['ci_high']:.1f}"


def show_rate(rate):
    unscored = f" {rate['n'] - rate['unscored']} scored, {rate['unscored']} not" if rate["unscored"] else ""
    return f"{percent(rate['value'])}{interval(rate)}{unscored}"


def p_value(p):
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"


RATE = {"value": 0.4567, "n": 6, "unscored": 0, "ci_low": 0.1234, "ci_high": 0.8764}
MORE = {
    "verdict_gaps": {"official_only: duplicates": 3, "lenient_only: float": 1},
    "gold": {
        "ceiling": 0.8333,
        "failing": 1,
        "flagged": 2,
        "flags": {"empty": 1, "tie_at_limit": 2},
        "unflagged": {"execution_accuracy": {**RATE, "value": 0.3333}},
    },
    "samples": {
        "n": 4,
        "first": {"execution_accuracy": {**RATE, "value": 0.2222}},
        "pass_at": {"1": RATE, "2": {**RATE, "value": 0.6543}, "4": {**RATE, "value": 0.7654}},
        "majority_at": {"1": RATE, "2": {**RATE, "value": 0.5678}, "4": {**RATE, "value": 0.6789}},
        "vote_against_first": {"wins": 17, "losses": 5, "p_two_sided": 0.0169},
    },
    "repair": {"answers": 24, "refused": 9, "repaired": 7},
    "timing": {"generation_s": 12.34, "execution_s": 5.678},
    "tokens": {"prompt": 12345, "completion": 678},
    "usage": {"peak_allocated_gib": 4.321},
}


@pytest.fixture
def runs(make_run):
    values = {"base": [1, 0, 0, 0, 0, 0, 0, 0, 1], "new": [0, 1, 1, 1, 1, 1, 1, None, 1], "third": [0] * 9}
    made = [make_run(name, [None if one is None else float(one) for one in each]) for name, each in values.items()]
    return [made[0], replace(made[1], summary=made[1].summary | MORE), made[2]]


@pytest.fixture
def tables(runs):
    return Tables(render_page(build_page(runs)).replace("\N{NO-BREAK SPACE}", " ")).found


def values_of(run):
    return {one.question_id: one.scores["execution_accuracy"].value for one in run.records}


def paired(one, two):
    common = [
        (value, values_of(two)[key])
        for key, value in values_of(one).items()
        if value is not None and values_of(two)[key] is not None
    ]
    return [before for before, _ in common], [after for _, after in common]


def by_name(runs, order):
    known = {run.name: run.summary for run in runs}
    return [(name, known[name]) for name in order]


BEST_FIRST = ("new", "base", "third")


def test_no_table_of_the_page_is_left_unchecked(tables):
    assert set(tables) == {
        "mini dev, 9 questions",
        "Execution accuracy against base, mini dev",
        "Execution accuracy, mini dev: percent by slice; darker is higher",
        "Soft F1, mini dev: percent by slice; darker is higher",
        "Diagnosis, mini dev: every question counted once",
        "Why answers are right or wrong, mini dev: one label per question",
        "How executions ended, mini dev",
        "Where verdicts disagree, mini dev: answers by cause",
        "Doubtful golds, mini dev",
        "new: 4 samples to each question",
        "Second tries for answers that SQLite refused",
        "Generation, as measured on the machine that made the run",
        *(f"What {name} was computed from" for name in BEST_FIRST),
    }


def test_the_leaderboard_has_the_summaries_rates_and_costs(tables, runs):
    for row, (name, summary) in zip(tables["mini dev, 9 questions"][1:], by_name(runs, BEST_FIRST), strict=True):
        assert row[1] == (f"{name} baseline" if name == "base" else name)
        assert row[4:6] == [show_rate(summary["metrics"][metric]) for metric in ("execution_accuracy", "soft_f1")]
        assert row[6:] == (["4.32", f"{9 / 12.34:.2f}"] if name == "new" else ["–", "–"])


def test_a_rank_counts_the_runs_that_are_shown_to_be_better(tables, make_run):
    assert [row[0] for row in tables["mini dev, 9 questions"][1:]] == ["1", "1", "2"]
    sure = [make_run("low", [0.0] * 20), make_run("high", [1.0] * 20), make_run("tied", [1.0] * 19 + [0.0])]
    rows = Tables(render_page(build_page(sure))).found["mini dev, 20 questions"][1:]
    assert [row[:2] for row in rows] == [["1", "high"], ["1", "tied"], ["3", "low baseline"]]


def test_comparisons_have_the_exact_test_of_the_records(tables, runs):
    rows = tables["Execution accuracy against base, mini dev"]
    assert "p, McNemar" in rows[0]
    tests = {run.name: mcnemar(*paired(runs[0], run)) for run in runs[1:]}
    corrected = dict(zip(tests, holm([one.p_two_sided for one in tests.values()]), strict=True))
    for row, name in zip(rows[1:], ("new", "third"), strict=True):
        test, (before, after) = tests[name], paired(*(run for run in runs if run.name in ("base", name)))
        change = 100 * (sum(after) - sum(before)) / len(before)
        assert row[:7] == [
            name,
            f"{change:+.2f}".replace("-", "−"),
            "no difference shown",
            str(test.wins),
            str(test.losses),
            str(test.n),
            p_value(test.p_two_sided),
        ]
        assert row[7] == p_value(corrected[name])


def test_slices_have_the_summaries_rates(tables, runs):
    for metric in ("execution_accuracy", "soft_f1"):
        rows = tables[f"{METRICS[metric].title}, mini dev: percent by slice; darker is higher"]
        ordered = by_name(runs, BEST_FIRST)
        slices = ordered[0][1]["slices"]
        for row, name in zip(rows[1:], slices, strict=True):
            assert row[0] == name.replace("db_id", "database").replace("=", " ")
            assert row[1] == str(slices[name][metric]["n"])
            assert row[2:] == [percent(summary["slices"][name][metric]["value"]) for _, summary in ordered]


def test_what_happened_has_the_summaries_counts(tables, runs):
    ordered = by_name(runs, BEST_FIRST)
    stacks = tables["Diagnosis, mini dev: every question counted once"]
    assert stacks[0][2:] == ["right", "does not run"]
    for row, (_, summary) in zip(stacks[1:], ordered, strict=True):
        diagnosis = summary["diagnosis"]
        assert row[2:] == [str(sum(diagnosis.get(one, 0) for one in FAMILIES[name])) for name in stacks[0][2:]]
        assert sum(map(int, row[2:])) == summary["n"]
    for row in tables["Why answers are right or wrong, mini dev: one label per question"][1:]:
        assert row[1:] == [str(one["diagnosis"].get(row[0].replace(" ", "_"), 0)) for _, one in ordered]
    statuses = tables["How executions ended, mini dev"]
    for row, (_, summary) in zip(statuses[1:], ordered, strict=True):
        assert row[2:] == [str(summary["status"].get(name, 0)) for name in statuses[0][2:]]
    gaps = tables["Where verdicts disagree, mini dev: answers by cause"]
    assert gaps[1:] == [["lenient only: float", "1", "0", "0"], ["official only: duplicates", "3", "0", "0"]]


def test_golds_tries_and_costs_have_the_summarys_numbers(tables, runs):
    summary = runs[1].summary
    value = percent(summary["metrics"]["execution_accuracy"]["value"])
    flags = "1 empty · 2 tie at limit"
    assert tables["Doubtful golds, mini dev"][1:] == [
        ["new", "2 of 9", "1", "83.33 %", value, "33.33 % 12.3 – 87.6", flags]
    ]
    samples = summary["samples"]
    assert tables["new: 4 samples to each question"][1:] == [
        [k, *(percent(samples[name][k]["value"]) + interval(RATE) for name in ("pass_at", "majority_at"))]
        for k in ("1", "2", "4")
    ]
    assert tables["Second tries for answers that SQLite refused"][1:] == [["new", "24", "9", "7"]]
    assert tables["Generation, as measured on the machine that made the run"][1:] == [
        ["new", "4.32", f"{9 / 12.34:.2f}", "12.34", "5.68", "12,345", "678"]
    ]
    text = render_page(build_page(runs)).replace("\N{NO-BREAK SPACE}", " ")
    assert "sample 0 alone has 22.22 % execution accuracy" in text
    assert "better on 17 questions and worse on 5, p = 0.0169 (exact McNemar)" in text


def test_the_json_export_has_the_summarys_numbers_unrounded(runs):
    exported = json.loads(json.dumps(export_page(build_page(runs, expected=["falcon"])), allow_nan=False))
    (board,) = exported["boards"]
    for run, (name, summary) in zip(board["runs"], by_name(runs, BEST_FIRST), strict=True):
        assert run["name"] == name
        for metric, rate in summary["metrics"].items():
            kept = run["metrics"][metric]
            assert kept == {key: rate[key] for key in kept}
        assert run["slices"].keys() == summary["slices"].keys()
        assert run["status"] == summary["status"]
        assert run["diagnosis"] == summary["diagnosis"]
    new = board["runs"][0]
    assert {key: new[key] for key in ("verdict_gaps", "gold", "samples", "repair")} == {
        key: MORE[key] for key in ("verdict_gaps", "gold", "samples", "repair")
    }
    assert (new["cost"]["vram_gib"], new["cost"]["generation_s"]) == (4.321, 12.34)
    assert [one["second"] for one in board["against_baseline"]] == ["new", "third"]
    assert board["against_baseline"][0]["test"] == "exact McNemar"
    assert [one["name"] for one in exported["not_run"]] == ["falcon"]
    assert exported["comparable_with_public_leaderboard"] is False


def test_the_markdown_export_has_the_cells_of_the_page(runs, tables):
    text = write_markdown(build_page(runs, expected=["falcon"]))
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    rows = {row[1]: row for row in lines if row[0] in ("1", "2")}
    for name, summary in by_name(runs, BEST_FIRST):
        for metric, cell in zip(("execution_accuracy", "soft_f1"), rows[name][3:], strict=True):
            rate = summary["metrics"][metric]
            assert cell.startswith(f"{percent(rate['value'])} \\[{100 * rate['ci_low']:.1f}, ")
    changes = tables["Execution accuracy against base, mini dev"][1:]
    written = [row for row in lines if len(row) == 8 and row[0] != "Run" and set(row[0]) != {"-"}]
    assert [[cell.replace("\\", "") for cell in row] for row in written] == [row[:8] for row in changes]
    assert "not comparable with the public leaderboard" in text
    assert "falcon: not run: no run uses an adapter of this name" in text


def test_markdown_shows_what_would_be_markup(make_run):
    text = write_markdown(build_page([make_run("a|b *c* <b> [x](y)\n# d", [1.0])]))
    assert "a\\|b \\*c\\* \\<b\\> \\[x\\](y) \\# d" in text
    assert "\n# d" not in text
