"""The gate file: which numbers a run must reach.

```toml
[gate]
strict = true                                        # warnings fail, too
known_flips = [12, 57]                               # questions whose loss is accepted: max_drop doesn't count it
execution_accuracy = { min = 0.30, max = 1.0, max_drop = 0.02 }

[gate.slices."difficulty=challenging"]
valid_sql = { min = 0.80 }
```
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.config import STRICT, build, read_toml
from harness.errors import ConfigError
from harness.types import QuestionId

__all__ = ["GateConfig", "Limit", "load_gate"]

UNBOUNDED = ("ves", "r_ves", "efficiency")
"""Metrics whose values may pass 1."""


@dataclass(frozen=True)
class Limit:
    """What one metric must keep to, as fractions: `max_drop` is the largest loss against the baseline."""

    __pydantic_config__ = STRICT
    min: float | None = None
    max: float | None = None
    max_drop: float | None = None


@dataclass(frozen=True)
class GateConfig:
    """The limits by metric, for all questions and by slice (`difficulty=simple`, `db_id=superhero`).

    `known_flips` are ids of questions whose loss against the baseline is accepted.
    """

    __pydantic_config__ = STRICT
    metrics: dict[str, Limit] = field(default_factory=dict)
    slices: dict[str, dict[str, Limit]] = field(default_factory=dict)
    strict: bool = False
    known_flips: tuple[QuestionId, ...] = ()

    def each(self) -> Iterator[tuple[str, str, Limit]]:
        """Yield (slice, metric, limit), the slice of all questions being `""`."""
        for metric, limit in self.metrics.items():
            yield "", metric, limit
        for name, limits in self.slices.items():
            for metric, limit in limits.items():
                yield name, metric, limit

    @property
    def needs_baseline(self) -> bool:
        """Whether any limit compares with another run."""
        return any(limit.max_drop is not None for _, _, limit in self.each())


def load_gate(path: Path) -> GateConfig:
    """Read a gate file; raises `ConfigError` listing every mistake in it."""
    tree = read_toml(path)
    unknown = [f"{key}: unknown key; the only table is [gate]" for key in tree if key != "gate"]
    table = tree.get("gate")
    if not isinstance(table, dict):
        raise ConfigError(str(path), [*unknown, "[gate]: required, but not there"])
    config = _build(table, str(path), unknown)
    problems = [*unknown, *_implausible(config)]
    if problems:
        raise ConfigError(str(path), problems)
    return config


def _build(table: Mapping[str, Any], where: str, other_problems: list[str]) -> GateConfig:
    """Build the configuration from `[gate]`, in which metrics stand beside the other keys."""
    tree = {key: table[key] for key in ("strict", "slices", "known_flips") if key in table}
    tree["metrics"] = {key: value for key, value in table.items() if key not in tree}
    try:
        return build(GateConfig, tree, where)
    except ConfigError as error:
        problems = [_located(problem) for problem in error.problems]
        raise ConfigError(where, [*other_problems, *problems]) from error


def _located(problem: str) -> str:
    """Name the place as it stands in the file, and the keys of a limit where an unknown one stands."""
    known = "; known here: min, max, max_drop" if problem.endswith("unknown key") else ""
    return f"gate.{problem.removeprefix('metrics.')}{known}"


def _implausible(config: GateConfig) -> Iterator[str]:
    limits = list(config.each())
    if not limits:
        yield "[gate]: no limit; write e.g. execution_accuracy = { min = 0.30 }"
    if config.known_flips and not config.needs_baseline:
        yield "gate.known_flips: only a max_drop can accept them; give one, or take them out"
    for name, metric, limit in limits:
        where = f"gate.slices.{name}.{metric}" if name else f"gate.{metric}"
        values = {"min": limit.min, "max": limit.max, "max_drop": limit.max_drop}
        if all(value is None for value in values.values()):
            yield f"{where}: no limit; give min, max or max_drop"
        for kind, value in values.items():
            if value is not None and not 0 <= value <= 1 and not (metric in UNBOUNDED and value > 1):
                yield f"{where}.{kind}: {value:g} is no fraction; write 0.30 for 30 %"
        if limit.min is not None and limit.max is not None and limit.min > limit.max:
            yield f"{where}: min {limit.min:g} is above max {limit.max:g}"
