"""Seeded choices that come out the same on every machine and Python version."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Draw"]

T = TypeVar("T")


class Draw:
    """A seeded source of values.

    Built on `Random.random` alone: its sequence is the only one that Python promises to keep.
    """

    def __init__(self, seed: int) -> None:
        """Start the sequence that belongs to `seed`."""
        self._random = Random(seed)  # noqa: S311 - sample data, not secrets

    def chance(self, share: float) -> bool:
        """Return True in about `share` (0 to 1) of all calls."""
        return self._random.random() < share

    def one(self, items: Sequence[T]) -> T:
        """Return one of `items`; repeat an item there to make it likelier."""
        return items[int(self._random.random() * len(items))]

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def halves(self, low: int, high: int) -> float:
        """Return a number from `low` to `high` in steps of a half.

        Halves add up exactly in binary, so that a sum doesn't depend on the order of its rows.
        """
        return self.whole(2 * low, 2 * high) / 2

    def day(self, first: date, last: date) -> date:
        """Return a day from `first` to `last`, both included."""
        return first + timedelta(days=self.whole(0, (last - first).days))
