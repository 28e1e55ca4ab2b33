"""Typed bag equality: what the strict verdict stands on, order aside."""

from collections.abc import Sequence

from harness.comparison.official import recall
from harness.types import Row

__all__ = ["equal_typed"]


def equal_typed(predicted: Sequence[Row], gold: Sequence[Row]) -> bool:
    """Return whether two results hold the same rows, each as often; the order of rows does not count.

    INTEGER and REAL are equal by value (exactly, above 2**53 too), TEXT is never equal to a number or a BLOB, NULL
    equals NULL: as Python compares `int`, `float`, `str`, `bytes` and `None`. Text that is not UTF-8 comes as bytes
    and is compared as bytes, so it equals the BLOB of the same bytes.
    """
    return recall(gold).equal_bag(predicted)
