"""What the three measurements share: golds with their databases, real verdicts, and how results are kept."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlglot

from harness import datasets
from harness.analysis.mutation import Witness
from harness.analysis.verdicts import Verdict, judge_strict
from harness.execution import SQLITE_VERSION, Executor, Limits
from harness.types import Dataset, Example

__all__ = ["Golds", "holds_again", "judge", "keep", "options", "versions"]

LIMITS = Limits(timeout_s=3, max_rows=200_000)


@dataclass
class Golds:
    """A data set's examples and an executor of its databases."""

    name: str
    dataset: Dataset
    executor: Executor

    @classmethod
    def load(cls, data: Path, name: str, split: str = "dev") -> "Golds":
        """Read `data/name`; one worker, so that a measurement takes one core."""
        dataset = datasets.load(data / name, split)
        return cls(name, dataset, Executor(dataset.databases, limits=LIMITS, workers=1))

    def working(self) -> Iterator[Example]:
        """Yield the examples whose gold runs within the limits."""
        return (one for one in self.dataset.examples if self.executor.execute(one.db_id, one.gold_sql).ok)


def judge(golds: Golds, example: Example, sql: str) -> Verdict | None:
    """Return the strict verdict on the real database, `None` when either query fails there."""
    gold = golds.executor.execute(example.db_id, example.gold_sql)
    predicted = golds.executor.execute(example.db_id, sql)
    if not gold.ok or not predicted.ok:
        return None
    return judge_strict(example.gold_sql, gold, predicted, partial(golds.executor.execute, example.db_id))


def holds_again(witness: Witness, gold_sql: str, predicted_sql: str) -> bool:
    """Run a witness in new processes and return whether it tells the two queries apart there too."""
    with Executor({}, limits=LIMITS, workers=1) as executor:
        run = partial(executor.execute_script, witness.script)
        gold, predicted = run(gold_sql), run(predicted_sql)
        if not gold.ok:
            return False
        return not predicted.ok or not judge_strict(gold_sql, gold, predicted, run).equal


def options(about: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every measurement has."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("T2S_SHARED_DATA"), help="folder of bird/, spider/ …"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    return parser


def versions() -> dict[str, str]:
    """Return what a result depends on besides the code."""
    return {"sqlite": SQLITE_VERSION, "sqlglot": sqlglot.__version__, "python": sys.version.split()[0]}


def keep(path: Path | None, figures: dict[str, Any]) -> None:
    """Write the figures, where a file was asked for."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**figures, "versions": versions()}, indent=1, sort_keys=True) + "\n")
