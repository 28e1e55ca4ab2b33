"""The text tables that BIRD's official scripts print, for people whose tools read them."""

from collections.abc import Mapping
from typing import Any

from harness.summary import DIFFICULTIES
from harness.types import Run

__all__ = ["NAMES", "bird_table"]

NAMES: Mapping[str, str] = {"execution_accuracy": "EX", "soft_f1": "Soft-F1", "ves": "VES", "r_ves": "R-VES"}
COLUMNS = (*DIFFICULTIES, "total")


def bird_table(run: Run) -> str:
    """Return the official table of each compat metric of a complete run, in percent; 0.00 for an empty group.

    Source: bird-bench/mini_dev, evaluation/evaluation_utils.py.
    """
    summary = run.summary or {}
    wanted = [name for name in NAMES if name in summary.get("metrics", {})]
    return "\n\n".join(_table(summary, name) for name in wanted)


def _table(summary: Mapping[str, Any], metric: str) -> str:
    groups = [summary["slices"].get(f"difficulty={grade}", {}).get(metric) for grade in DIFFICULTIES]
    groups.append(summary["metrics"][metric])
    counts = [group["n"] if group else 0 for group in groups]
    scores = [100 * (group["value"] or 0.0) if group else 0.0 for group in groups]
    name = NAMES[metric]
    return "\n".join(
        (
            _row("", *COLUMNS),
            _row("count", *(str(count) for count in counts)),
            f"{'=' * 38}    {name}    {'=' * 37}",
            _row(name, *(f"{score:.2f}" for score in scores)),
        )
    )


def _row(*cells: str) -> str:
    return " ".join(f"{cell:20}" for cell in cells).rstrip()
