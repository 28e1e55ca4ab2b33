"""Numbers and metric names as people read them."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["METRICS", "NBSP", "MetricText", "count", "define", "p_value", "percent", "points"]

NBSP = "\N{NO-BREAK SPACE}"
SMALLEST_P = 0.0001


@dataclass(frozen=True, slots=True)
class MetricText:
    """A metric's title and its definition in a sentence."""

    title: str
    definition: str


METRICS: Mapping[str, MetricText] = {
    "execution_accuracy": MetricText(
        "Execution accuracy",
        "The set of predicted rows equals the set of gold rows, as BIRD's official evaluator computes it; row order,"
        " duplicates and column names do not count, an error or a time-out is 0.",
    ),
    "execution_accuracy_strict": MetricText(
        "Execution accuracy, strict",
        "Equal rows counting duplicates, with typed cells, and in the gold's order where the gold has a top-level"
        " ORDER BY (ties may come in any order).",
    ),
    "execution_accuracy_lenient": MetricText(
        "Execution accuracy, lenient",
        "Equal rows after some permutation of columns, with a tolerance for floating point and numeric text equal to"
        " its number.",
    ),
    "soft_f1": MetricText(
        "Soft F1",
        "F1 of the cells of predicted and gold rows, paired in order, as BIRD's mini-dev evaluator computes it.",
    ),
    "valid_sql_raw": MetricText(
        "Valid SQL, raw",
        "The completion as it came parses as exactly one SQLite query.",
    ),
    "valid_sql": MetricText(
        "Valid SQL",
        "The SQL extracted from the completion parses as exactly one SQLite query.",
    ),
    "prepares": MetricText(
        "Prepares",
        "SQLite compiles the extracted SQL against the question's database schema.",
    ),
    "grounded": MetricText(
        "Grounded",
        "Every table, column and function that the SQL names exists in the schema and is in scope where it stands.",
    ),
    "ast_equivalent": MetricText(
        "AST-equivalent",
        "Predicted and gold SQL are proved to mean the same; proved is 1, refuted 0, and undecided questions are not"
        " scored.",
    ),
    "ves": MetricText(
        "VES",
        "Valid efficiency score of BIRD: the square root of gold time over predicted time where the answer is right,"
        " else 0; it may pass 100 %.",
    ),
    "r_ves": MetricText(
        "R-VES",
        "Reward-based efficiency of BIRD's mini-dev: a step reward for speed where the answer is right, else 0; it may"
        " pass 100 %.",
    ),
    "efficiency": MetricText(
        "Efficiency",
        "Speed against the gold query from interleaved repeats, with a dead band around 100 %, else 0; it may pass"
        " 100 %.",
    ),
    "test_suite_accuracy": MetricText(
        "Test-suite accuracy",
        "Results equal the gold's on every database of Spider's test suite.",
    ),
    "exact_set_match": MetricText(
        "Exact set match",
        "Spider's component-wise comparison of the two queries; literals and DISTINCT are ignored.",
    ),
}


def define(metric: str) -> MetricText:
    """Return what is known of a metric; a plug-in of someone else is called by its name."""
    return METRICS.get(metric, MetricText(metric, "A metric that is not part of this program."))


def percent(value: float | None) -> str:
    """Return a fraction as percent with two decimals; a dash for None."""
    return "–" if value is None else f"{100 * value:.2f}{NBSP}%"


def points(change: float) -> str:
    """Return a difference of two fractions as signed percentage points with two decimals."""
    text = f"{100 * change:+.2f}".replace("-", "\N{MINUS SIGN}")
    return "0.00" if text[1:] == "0.00" else text


def p_value(p: float) -> str:
    """Return a p-value as `p = 0.0312`, or as a bound where it is smaller than anyone reads."""
    return f"p{NBSP}<{NBSP}{SMALLEST_P}" if p < SMALLEST_P else f"p{NBSP}={NBSP}{p:.4f}"


def count(number: int, noun: str) -> str:
    """Return `1 question`, `1,534 questions`."""
    return f"{number:,}{NBSP}{noun}{'' if number == 1 else 's'}"
