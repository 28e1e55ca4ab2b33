"""A comparison in two sentences: what was seen, and what may be concluded from it."""

from reports.compare import Comparison, Uncertainty
from reports.wording import NBSP, count, p_value, points

__all__ = ["SIGNIFICANCE", "name_test", "write_finding"]

SIGNIFICANCE = 0.05


def write_finding(comparison: Comparison, uncertainty: Uncertainty) -> str:
    """Return the finding as plain text; a difference is called one when the exact test has p < 0.05."""
    test, one, two = comparison.test, comparison.first, comparison.second
    if not test.n:
        return "No question was scored in both runs: there is nothing to compare."
    if not test.wins + test.losses:
        return f"{two} and {one} are judged alike on {_all(test.n)}: nothing tells them apart."
    seen = (
        f"{two} is better on {test.wins:,}, worse on {test.losses:,} of {count(test.n, 'question')};"
        f" {p_value(test.p_two_sided)} ({name_test(comparison)}): "
    )
    if test.p_two_sided >= SIGNIFICANCE:
        return f"{seen}no difference shown; with this n, differences below {_size(comparison)} cannot be shown."
    interval = uncertainty.by_question.interval
    return (
        f"{seen}{two} is {_direction(comparison)}; the difference is {points(comparison.change)}{NBSP}points"
        f" (95 % interval {points(interval.low)} to {points(interval.high)}).{_across_databases(uncertainty)}"
    )


def name_test(comparison: Comparison) -> str:
    """Return what the exact test is called on these values."""
    return "exact McNemar" if comparison.binary else "exact sign test"


def _direction(comparison: Comparison) -> str:
    more = comparison.test.wins > comparison.test.losses
    word = "better" if more else "worse"
    # Partial credits can lose on average what they win more often.
    return word if more == (comparison.change > 0) else f"{word} more often, but not on average"


def _all(n: int) -> str:
    return f"all {count(n, 'question')}" if n > 1 else count(n, "question")


def _size(comparison: Comparison) -> str:
    return f"{100 * comparison.detectable:.1f}{NBSP}points"


def _across_databases(uncertainty: Uncertainty) -> str:
    by_database = uncertainty.by_database
    if by_database.p_two_sided < SIGNIFICANCE:
        return ""
    databases = count(by_database.interval.clusters, "database")
    return (
        f" That holds for questions like these on the same databases; for other databases it is not shown"
        f" ({p_value(by_database.p_two_sided)}, {databases} resampled whole)."
    )
