"""BIRD's official equality: two sets of Python tuples. Source: bird-bench/mini_dev, evaluation/evaluation_ex.py.

Rows are tuples as SQLite gives them; order, duplicates and column names don't count, `1 == 1.0`, `'1' != 1`, NULL
equals NULL. Python compares int and float by value, exactly and with equal hashes, also above 2**53; SQLite turns
NaN into NULL, so equality of rows is an equivalence.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from functools import cached_property

from harness.types import Row

__all__ = ["GoldRows", "equal_official", "recall"]

_CHUNKS = ((0, 64), (64, 4096))
"""What is looked at first: results that differ mostly do so early."""

_SMALL = 32
_KEPT_GOLDS = 256
_KEPT_ROWS = 200_000


class GoldRows:
    """A gold's rows, hashed at most once however many predictions are compared with them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    @cached_property
    def distinct(self) -> frozenset[Row]:
        """The rows as a set."""
        return frozenset(self.rows)

    @cached_property
    def counts(self) -> dict[Row, int]:
        """How often each row occurs."""
        return dict(Counter(self.rows))

    def equal_official(self, predicted: Sequence[Row]) -> bool:
        """Return `set(predicted) == set(gold)`; where a strange row stands early, nothing behind it is hashed."""
        if predicted is self.rows or predicted == self.rows:
            return True
        if len(predicted) < len(self.distinct):
            return False
        for start, stop in _CHUNKS:
            if not self.distinct.issuperset(set(predicted[start:stop])):
                return False
        return set(predicted) == self.distinct

    def equal_bag(self, predicted: Sequence[Row]) -> bool:
        """Return whether each row occurs as often here as in `predicted`."""
        if len(predicted) != len(self.rows):
            return False
        if predicted is self.rows or predicted == self.rows:
            return True
        if any(not self.counts.keys() >= set(predicted[start:stop]) for start, stop in _CHUNKS):
            return False
        return dict(Counter(predicted)) == self.counts


class _Memory:
    """The golds that were compared last, found by identity; a kept gold cannot give its identity to another."""

    def __init__(self) -> None:
        self._golds: OrderedDict[int, GoldRows] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()

    def recall(self, rows: Sequence[Row]) -> GoldRows:
        with self._lock:
            if (known := self._golds.get(id(rows))) is not None:
                self._golds.move_to_end(id(rows))
                return known
            gold = GoldRows(rows)
            if isinstance(rows, tuple) and len(rows) <= _KEPT_ROWS // 4:
                self._keep(gold)
            return gold

    def _keep(self, gold: GoldRows) -> None:
        self._golds[id(gold.rows)] = gold
        self._rows += len(gold.rows)
        while self._rows > _KEPT_ROWS or len(self._golds) > _KEPT_GOLDS:
            self._rows -= len(self._golds.popitem(last=False)[1].rows)


_MEMORY = _Memory()


def recall(rows: Sequence[Row]) -> GoldRows:
    """Return the `GoldRows` of these very rows, the one made earlier where it is still known; thread-safe.

    Only tuples are remembered: a list may have changed since.
    """
    return _MEMORY.recall(rows)


def equal_official(predicted: Sequence[Row], gold: Sequence[Row]) -> bool:
    """Return `set(predicted) == set(gold)`: BIRD EX."""
    if len(gold) <= _SMALL and len(predicted) <= _SMALL:
        return set(predicted) == set(gold)
    return recall(gold).equal_official(predicted)
