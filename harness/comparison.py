"""When two result sets are equal. So far: as BIRD's official evaluator has it."""

from collections.abc import Sequence

from harness.types import Row

__all__ = ["equal_official"]


def equal_official(predicted: Sequence[Row], gold: Sequence[Row]) -> bool:
    """Return `set(predicted) == set(gold)`: BIRD EX.

    Rows are tuples as SQLite gives them; order, duplicates and column names don't count, `1 == 1.0`, `'1' != 1`,
    NULL equals NULL. Source: bird-bench/mini_dev, evaluation/evaluation_ex.py.
    """
    return set(predicted) == set(gold)
