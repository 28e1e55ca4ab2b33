"""What the experiments share: `t2s` commands, results that outlive a session, and a budget of minutes.

A result is kept in `OUT/results.json` as soon as it is there, and that file alone says what is finished: it is small
enough to be carried from one borrowed GPU to the next, where adapters and runs are not.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.files import write_text
from trainer import config as configuration
from trainer.config import TrainConfig, identity

__all__ = ["Evaluation", "Failed", "Session", "Training", "add_arguments", "percent", "print_table"]

Result = dict[str, Any]


class Failed(Exception):
    """A command of the harness did not succeed; it has said why itself."""


@dataclass(frozen=True)
class Training:
    """One row of a table: a preset with settings. `units` is its length, in trainings of the first row's length.

    Without a preset of its own there is nothing to train: the row is the base model of `preset`.
    """

    name: str
    preset: str
    settings: tuple[str, ...] = ()
    units: float = 1.0
    base_only: bool = False

    @property
    def config(self) -> TrainConfig:
        """The whole configuration."""
        return configuration.load(self.preset, self.settings)


@dataclass(frozen=True)
class Evaluation:
    """How every row is measured. `precision` `""` is the quantisation that the adapter was trained on."""

    data: str
    split: str
    metrics: tuple[str, ...]
    precision: str = ""
    limit: int = 0
    settings: tuple[str, ...] = ()

    def words(self, row: Training, adapter: Path | None) -> list[str]:
        """Return the settings of `t2s eval` for a row, the prompt being the one that it was trained on."""
        config = row.config
        quantization = config.model.quantization
        values = {
            "data.path": self.data,
            "data.split": self.split,
            "generator.model": config.model.path or config.model.id,
            "generator.hub_id": config.model.id,
            "generator.precision": self.precision or ("auto" if quantization == "none" else quantization),
            "prompt.template": config.prompt.template,
            "prompt.max_tokens": config.prompt.max_tokens,
            "prompt.descriptions": json.dumps(config.prompt.descriptions),
            "metrics.names": json.dumps(self.metrics),
            "analysis.explain": "false",
            "analysis.lint": "false",
        }
        if adapter:
            values["generator.adapter"] = str(adapter)
        limit = ["--limit", str(self.limit)] if self.limit else []
        settings = [*(f"{name}={value}" for name, value in values.items()), *self.settings]
        return [*(word for setting in settings for word in ("--set", setting)), *limit]


class Session:
    """A session on one machine: it goes on where the results end, and starts nothing that would not fit.

    `adapters` is where the trainings lie: a finished one is only measured.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.out: Path = arguments.out
        self.adapters: Path = arguments.adapters or self.out / "adapters"
        self.deadline = time.monotonic() + 60 * arguments.minutes if arguments.minutes else float("inf")
        self.path = self.out / "results.json"
        self.results: dict[str, Result] = json.loads(self.path.read_text()) if self.path.exists() else {}

    def run(self, rows: Sequence[Training], evaluation: Evaluation) -> bool:
        """Run what is not finished, in order; return whether all is, and say what is left."""
        for row in rows:
            if row.name in self.results:
                self.refuse_other(row, evaluation)
        missing = [row for row in rows if row.name not in self.results]
        ends = [self.attempt(row, evaluation) for row in missing]
        for words in ("no time was left for", "failed"):
            if names := [row.name for row, end in zip(missing, ends, strict=True) if end == words]:
                print(f"{words}: {', '.join(names)}", flush=True)
        return not any(ends)

    def attempt(self, row: Training, evaluation: Evaluation) -> str:
        """Run a row if it fits; return what is to be said of it when it is not finished then."""
        if not self.fits(row):
            return "no time was left for"
        try:
            self.finish(row, evaluation)
        except Failed as error:
            print(f"{row.name}: {error}", flush=True)
            return "failed"
        return ""

    def refuse_other(self, row: Training, evaluation: Evaluation) -> None:
        """Leave when a result was made in another way than is asked for: one table compares like with like."""
        if self.results[row.name]["asked"] != asked_for(row, evaluation):
            sys.exit(f"{self.path}: {row.name} was run with other settings; give those again, or choose another --out")

    def fits(self, row: Training) -> bool:
        """Return whether a row should be finished in time, by the slowest unit so far; the first one is tried."""
        per_unit = max((one["wall_s"] / one["units"] for one in self.results.values() if one["steps"]), default=0.0)
        return time.monotonic() + per_unit * row.units < self.deadline

    def finish(self, row: Training, evaluation: Evaluation) -> None:
        """Train a row and measure it."""
        started = time.monotonic()
        adapter = None if row.base_only else self.adapters / row.name
        about: Result = {"steps": 0}
        if adapter:
            settings = [word for setting in row.settings for word in ("--set", setting)]
            t2s("train", row.preset, *settings, "--out", str(adapter), "--resume")
            about = _read_training(adapter)
        run = self.out / "runs" / row.name
        t2s("eval", "mini-dev", *evaluation.words(row, adapter), "--out", str(run), "--resume")
        summary = json.loads((run / "summary.json").read_text())
        wall_s = round(time.monotonic() - started, 1)
        self.results[row.name] = {
            "preset": row.preset,
            "settings": list(row.settings),
            "units": row.units,
            "asked": asked_for(row, evaluation),
            "wall_s": wall_s,
            **about,
            **{name: summary[name] for name in ("n", "metrics", "usage", "timing") if name in summary},
        }
        write_text(self.path, json.dumps(self.results, indent=1) + "\n")
        print(f"{row.name}: {wall_s:.0f} s, kept in {self.path}", flush=True)


def asked_for(row: Training, evaluation: Evaluation) -> Result:
    """Return what makes a result this one: all but where the data and the weights lie."""
    measured = {"split": evaluation.split, "precision": evaluation.precision, "limit": evaluation.limit}
    return {"config_sha256": identity(row.config), **measured, "metrics": list(evaluation.metrics)}


def t2s(*words: str) -> None:
    """Run one command of the harness; raises `Failed` when it does not succeed."""
    print(f"\n$ t2s {shlex.join(words)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "harness.cli", *words], check=False).returncode
    if code:
        raise Failed(f"t2s {words[0]} ended with {code}")


def _read_training(adapter: Path) -> Result:
    about = json.loads((adapter / "training.json").read_text())
    names = ("steps", "rows", "loss", "eval_loss", "tokens", "time_s", "peak_vram_gib", "peak_allocated_gib")
    log = [json.loads(line) for line in (adapter / "log.jsonl").read_text().splitlines()]
    return {
        **{name: about[name] for name in names},
        "selected_step": about["selection"]["step"],
        "data_hashes": about["data"]["hashes"],
        "versions": about["versions"],
        "curve": [[line["step"], round(line["loss"], 4)] for line in log if line["loss"] is not None],
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both experiments take."""
    parser.add_argument("--out", type=Path, required=True, help="adapters, runs and results.json")
    parser.add_argument("--preset", default="qwen")
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], help="for every training, e.g. model=PATH"
    )
    parser.add_argument(
        "--eval-set", action="append", default=[], help="for every evaluation, e.g. generator.batch_size=64"
    )
    parser.add_argument("--precision", default="", help="of the evaluations; default: as each adapter was trained")
    parser.add_argument("--limit", type=int, default=0, help="only the first N questions")
    parser.add_argument(
        "--minutes", type=float, default=0, help="start nothing that would not end by then; 0: no limit"
    )
    parser.add_argument("--adapters", type=Path, help="where trainings are, finished ones too; default: OUT/adapters")
    parser.add_argument("--list", action="store_true", help="print the rows and whether they are finished, run nothing")


def percent(result: Result, metric: str) -> str:
    """Return a rate with its interval, in percent."""
    rate = result["metrics"].get(metric)
    if not rate or rate["value"] is None:
        return "–"
    if rate.get("ci_low") is None:
        return f"{100 * rate['value']:.2f}"
    return f"{100 * rate['value']:.2f} [{100 * rate['ci_low']:.1f}, {100 * rate['ci_high']:.1f}]"


def print_table(path: Path, columns: Sequence[str], lines: Sequence[Sequence[object]], notes: Sequence[str]) -> None:
    """Print a table of Markdown and write it to a file."""
    shown = [
        ["–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value) for value in line]
        for line in lines
    ]
    rule = "|" + "|".join("---" if number == 0 else "--:" for number in range(len(columns))) + "|"
    text = "\n".join([f"| {' | '.join(columns)} |", rule, *(f"| {' | '.join(line)} |" for line in shown), "", *notes])
    write_text(path, text.rstrip() + "\n")
    print(f"\n{text}", flush=True)
