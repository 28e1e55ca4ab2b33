"""What judges answers, built from a configuration: the data, the metrics and the executor; no model is needed.

`run` adds a generator to it, `verification` the answers that a run already holds.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import datasets
from harness.config import EvalConfig
from harness.datasets.schema import to_ddl
from harness.errors import ConfigError, DataError, UsageError
from harness.execution import Executor, Limits
from harness.explanation import Explainer, Explanation
from harness.metrics import DEFAULT, METRICS
from harness.metrics.base import ExecutingMetric, Metric
from harness.plugins import instantiate
from harness.types import Dataset, Prediction

__all__ = [
    "Judges",
    "build_judges",
    "explainer",
    "find_positions",
    "gather_problems",
    "load_dataset",
    "open_executor",
    "refuse_damaged_databases",
]

Problems = list[str]


@dataclass(frozen=True)
class Judges:
    """The metrics, in the order in which they are shown, and the limits of the SQL that they see executed."""

    metrics: tuple[Metric | ExecutingMetric, ...]
    limits: Limits

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names."""
        return tuple(metric.name for metric in self.metrics)


def gather_problems(problems: Problems, make: Callable[[], Any]) -> Any:
    """Return what `make` makes, or None after adding what is wrong with it to `problems`."""
    try:
        return make()
    except UsageError as error:
        problems.extend(error.problems if isinstance(error, ConfigError) else [str(error)])
        return None


def build_judges(config: EvalConfig, problems: Problems) -> Judges:
    """Make the metrics and limits that `config` names; what is wrong goes to `problems`, all of it."""
    names, options = config.metrics.names or DEFAULT, config.metrics.options
    made = [gather_problems(problems, functools.partial(_make_metric, name, _options(config, name))) for name in names]
    execution = config.execution
    limits = gather_problems(problems, lambda: Limits(execution.timeout_s, execution.memory_mib, execution.max_rows))
    problems += [f"metrics.options.{name}: not among metrics.names" for name in options if name not in names]
    if execution.workers < 0:
        problems.append("execution.workers: must not be negative; 0 means one for each core")
    if config.analysis.mutations < 0:
        problems.append("analysis.mutations: must not be negative; 0 searches no mutated database")
    if config.analysis.mutations and "ast_equivalent" not in names:
        problems.append("analysis.mutations: only ast_equivalent searches them, which is not among metrics.names")
    return Judges(tuple(one for one in made if one is not None), limits or Limits())


def _options(config: EvalConfig, name: str) -> Mapping[str, Any]:
    given = config.metrics.options.get(name, {})
    return {"mutations": config.analysis.mutations, **given} if name == "ast_equivalent" else given


def _make_metric(name: str, options: Mapping[str, Any]) -> Metric | ExecutingMetric:
    metric: Metric = instantiate(METRICS, name, options, f"metrics {name}", needs=("name", "needs_databases", "score"))
    return metric


def load_dataset(config: EvalConfig, metrics: Sequence[Metric | ExecutingMetric]) -> Dataset:
    """Read the data and refuse, before anything is scored, what the metrics could not be computed on.

    Raises `DataError` for missing or damaged databases and for a question id that stands there twice.
    """
    if config.data.questions:
        dataset = datasets.load_single(Path(config.data.path), Path(config.data.questions))
    else:
        dataset = datasets.load(config.data.path, config.data.split, descriptions=config.prompt.descriptions)
    _refuse_missing_databases(dataset, metrics)
    find_positions(dataset)
    return dataset


def _refuse_missing_databases(dataset: Dataset, metrics: Sequence[Metric | ExecutingMetric]) -> None:
    needing = [metric.name for metric in metrics if metric.needs_databases]
    missing = sorted({example.db_id for example in dataset.examples} - set(dataset.databases))
    if needing and missing:
        others = ",".join(metric.name for metric in metrics if not metric.needs_databases)
        raise DataError(
            f"{dataset.name} ({dataset.split}): {', '.join(needing)} needs databases, and {len(missing)} are missing: "
            f"{', '.join(missing[:10])}{' …' if len(missing) > 10 else ''}; "  # noqa: PLR2004
            f"get them, or name metrics that need none (--metrics {others or 'valid_sql'})"
        )


def refuse_damaged_databases(dataset: Dataset) -> None:
    """Raise `DataError` for a database in use that cannot be opened."""
    used = {example.db_id for example in dataset.examples}
    with Executor(dataset.databases) as executor:
        for db_id in sorted(used & dataset.databases.keys()):
            executor.execute(db_id, "SELECT COUNT(*) FROM sqlite_master")


def find_positions(dataset: Dataset) -> dict[str, int]:
    """Return where each question stands, by its id as text; raises `DataError` for an id that stands there twice."""
    positions: dict[str, int] = {}
    for index, example in enumerate(dataset.examples):
        if positions.setdefault(str(example.question_id), index) != index:
            raise DataError(
                f"{dataset.name} ({dataset.split}): question_id {example.question_id!r} stands there twice; "
                "`t2s data check` lists everything that is wrong"
            )
    return positions


def explainer(config: EvalConfig) -> Callable[[Prediction, Executor], Explanation]:
    """Return what explains answers, as `analysis` has it; without `analysis.explain` nothing is said."""
    if not config.analysis.explain:
        return lambda _prediction, _executor: Explanation()
    return Explainer(lint=config.analysis.lint)


def open_executor(dataset: Dataset, limits: Limits, workers: int) -> Executor:
    """Open the databases of a data set; where a file is missing its schema stands in for `prepare`."""
    ddl = {db_id: to_ddl(schema) for db_id, schema in dataset.schemas.items() if db_id not in dataset.databases}
    return Executor(dataset.databases, ddl=ddl, limits=limits, workers=workers)
