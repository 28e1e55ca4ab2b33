"""Measure how soon the page of six systems × 595 questions can be read in a real Chromium, opened from a file.

Run as `python benchmarks/page_speed.py --out benchmarks/results/page-speed.json` with playwright, a Chromium (on the
path, or $T2S_CHROMIUM) and $T2S_SHARED_DATA. Two systems answered all 595 questions; the four published ones answered
those of mini-dev, and have the answers of the second for the others, so that the page has its full weight.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from harness.config import DataConfig, EvalConfig
from harness.run import Place, evaluate_config
from harness.types import Run
from reports.render import render_page
from reports.view import build_page

__all__ = ["main", "make_runs"]

LOCAL = ("qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-1.5b-instruct_lora")
PUBLISHED = ("c3", "chessv1", "codes-15b", "gpt-4")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
READY = """() => new Promise((resolve) => {
    new PerformanceObserver((list) => {
        const [paint] = list.getEntriesByName("first-contentful-paint");
        const [visit] = performance.getEntriesByType("navigation");
        if (paint) resolve({ first_contentful_paint_ms: paint.startTime, loaded_ms: visit.loadEventEnd });
    }).observe({ type: "paint", buffered: true });
})"""
FILTER = """() => {
    const field = document.querySelector("select[name=verdict]");
    const start = performance.now();
    field.value = "wrong";
    refresh();
    document.body.getBoundingClientRect();
    return performance.now() - start;
}"""


def make_runs(shared: Path, folder: Path) -> list[Run]:
    """Score six systems on the 595 questions of the four whole databases."""
    local = {name: _read_lines(shared / "completions" / f"{name}_dev.jsonl") for name in LOCAL}
    answers = dict(local)
    for name in PUBLISHED:
        own = json.loads((shared / "predictions" / f"{name}.json").read_text(encoding="utf-8"))
        answers[f"{name}-filled-up"] = {**local[LOCAL[1]], **{one["question_id"]: one["SQL"] for one in own}}
    runs = []
    for name, known in answers.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps([{"question_id": key, "SQL": sql} for key, sql in known.items()]), encoding="utf-8")
        generator = {"name": "replay", "path": str(path), "allow_missing": True}
        config = EvalConfig(data=DataConfig(str(shared / "bird")), generator=generator)
        runs.append(evaluate_config(config, Place(folder=folder / name)))
    return runs


def _read_lines(path: Path) -> dict[int, str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {row["question_id"]: row.get("completion") or row.get("SQL") or "" for row in rows}


def measure(browser: Browser, page: Path, rounds: int) -> list[dict[str, float]]:
    """Open the page in a fresh window for each round; the first round, which warms the disk, is not counted."""
    found = []
    for _ in range(rounds + 1):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
        visit = context.new_page()
        visit.goto(page.as_uri(), wait_until="load")
        found.append({**visit.evaluate(READY), "filter_ms": visit.evaluate(FILTER)})
        context.close()
    return found[1:]


def main() -> None:
    """Make the page, open it some times and store what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    chromium = os.environ.get("T2S_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs = make_runs(Path(os.environ["T2S_SHARED_DATA"]), Path(folder))
        page = Path(folder) / "page.html"
        page.write_text(render_page(build_page(runs)), encoding="utf-8", errors="replace")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        rounds = measure(browser, page, options.rounds)
        result = _describe(page, runs, rounds, browser.version)
        browser.close()
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "rounds"}, indent=1))


def _describe(page: Path, runs: list[Run], rounds: list[dict[str, float]], version: str) -> dict[str, Any]:
    return {
        "systems": len(runs),
        "questions": len(runs[0].records),
        "page_bytes": page.stat().st_size,
        "chromium": version,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "median": {name: round(statistics.median(one[name] for one in rounds), 1) for name in rounds[0]},
        "slowest": {name: round(max(one[name] for one in rounds), 1) for name in rounds[0]},
        "rounds": [{name: round(value, 1) for name, value in one.items()} for one in rounds],
    }


if __name__ == "__main__":
    main()
