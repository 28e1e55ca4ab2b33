"""An adapter's folder → training curves, facts and what the training data looks like.

Reads `training.json`, `log.jsonl` and `eda.json`, whichever are there, and knows nothing of the program that
wrote them: facts are shown under the names that the files give them.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from reports.eda import Eda, read_eda

__all__ = ["Curve", "Series", "Training", "read_training"]

FILES = ("training.json", "log.jsonl", "eda.json")
CURVES = (
    ("Loss", "", (("loss", "training"), ("eval_loss", "validation"))),
    ("Speed", "tokens/s", (("tokens_per_s", "tokens per second"),)),
    ("Graphics memory", "GiB", (("vram_gib", "peak so far"),)),
)
MOST_POINTS = 400


@dataclass(frozen=True, slots=True)
class Series:
    """A named line of (step, value) points."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """One chart over the steps of a training."""

    title: str
    unit: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Training:
    """What is known of one training; everything but the name may be empty."""

    name: str
    facts: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]
    eda: Eda


def read_training(folder: Path) -> Training:
    """Read an adapter's folder; raises `UsageError` when it holds none of the files, `DataError` for a broken one."""
    if not any((folder / name).is_file() for name in FILES):
        raise UsageError(f"{folder}: none of {', '.join(FILES)} is there; give the folder that `t2s train` wrote")
    return Training(
        name=folder.resolve().name,
        facts=tuple(_facts("", _read_object(folder / "training.json"))),
        curves=tuple(_curves(_read_log(folder / "log.jsonl"))),
        eda=read_eda(_read_object(folder / "eda.json")),
    )


def _read_object(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); restore the file or train again") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: not a JSON object; restore the file or train again")
    return content


def _read_log(path: Path) -> list[Mapping[str, Any]]:
    """Read the whole lines of a log: the last one may be half written while a training goes on."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: not JSON ({error}); restore the file or leave it out") from error
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _curves(log: list[Mapping[str, Any]]) -> Iterator[Curve]:
    for title, unit, keys in CURVES:
        series = [Series(name, _thin(_points(log, key))) for key, name in keys]
        drawn = tuple(one for one in series if one.points)
        if drawn:
            yield Curve(title, unit, drawn)


def _points(log: list[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    rows = [(row["step"], row[key]) for row in log if "step" in row and key in row]
    return [(float(step), float(value)) for step, value in rows if _is_number(step) and _is_number(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _thin(points: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Keep every k-th point, and the last one, so that a long log stays a small picture."""
    stride = math.ceil(len(points) / MOST_POINTS) or 1
    kept = points[::stride]
    return tuple(kept if not points or kept[-1] == points[-1] else [*kept, points[-1]])


def _facts(prefix: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _facts(f"{name}.", value)
        elif isinstance(value, list):
            if value and not any(isinstance(one, Mapping | list) for one in value):
                yield name, ", ".join(_plain(one) for one in value)
        elif value not in (None, ""):
            yield name, _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"  # noqa: PLR2004 - where decimals stop helping
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
