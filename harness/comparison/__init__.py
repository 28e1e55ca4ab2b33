"""When two results are equal: official, typed, relaxed. Only rows are looked at, no SQL."""

from harness.comparison.columns import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE, Relaxation
from harness.comparison.official import GoldRows, equal_official, recall
from harness.comparison.relaxed import equal_relaxed
from harness.comparison.spider import equal_spider
from harness.comparison.typed import equal_typed

__all__ = [
    "ABSOLUTE_TOLERANCE",
    "RELATIVE_TOLERANCE",
    "GoldRows",
    "Relaxation",
    "equal_official",
    "equal_relaxed",
    "equal_spider",
    "equal_typed",
    "recall",
]
