"""The metrics by name: one literal table, read when a name is asked for."""

from collections.abc import Mapping

__all__ = ["DEFAULT", "METRICS"]

METRICS: Mapping[str, str] = {
    "valid_sql_raw": "harness.metrics.validity:ValidSqlRaw",
    "valid_sql": "harness.metrics.validity:ValidSql",
    "prepares": "harness.metrics.prepares:Prepares",
    "execution_accuracy": "harness.metrics.execution_accuracy:ExecutionAccuracy",
}
DEFAULT: tuple[str, ...] = tuple(METRICS)
"""What is computed when a configuration names no metric."""
