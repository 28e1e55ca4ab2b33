"""The metrics by name: one literal table, read when a name is asked for."""

from collections.abc import Mapping

__all__ = ["DEFAULT", "METRICS", "ON_REQUEST"]

METRICS: Mapping[str, str] = {
    "valid_sql_raw": "harness.metrics.validity:ValidSqlRaw",
    "valid_sql": "harness.metrics.validity:ValidSql",
    "prepares": "harness.metrics.prepares:Prepares",
    "grounded": "harness.metrics.grounded:Grounded",
    "ast_equivalent": "harness.metrics.ast_equivalent:AstEquivalent",
    "execution_accuracy": "harness.metrics.execution_accuracy:ExecutionAccuracy",
    "execution_accuracy_strict": "harness.metrics.execution_accuracy_strict:ExecutionAccuracyStrict",
    "execution_accuracy_lenient": "harness.metrics.execution_accuracy_lenient:ExecutionAccuracyLenient",
    "soft_f1": "harness.metrics.soft_f1:SoftF1",
    "ves": "harness.metrics.ves:Ves",
    "r_ves": "harness.metrics.r_ves:RVes",
    "efficiency": "harness.metrics.efficiency:Efficiency",
    "test_suite_accuracy": "harness.metrics.test_suite_accuracy:TestSuiteAccuracy",
}
ON_REQUEST = frozenset({"ves", "r_ves", "efficiency", "test_suite_accuracy"})
"""Timings, which take many executions, and what needs more than one database: computed when they are named."""
DEFAULT: tuple[str, ...] = tuple(name for name in METRICS if name not in ON_REQUEST)
"""What is computed when a configuration names no metric."""
