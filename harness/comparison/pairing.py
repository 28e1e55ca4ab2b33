"""Whether two groups of number tuples can be paired off within a tolerance.

Tolerance is not transitive: 1.0 may equal 1.4 and 1.4 equal 1.8, though 1.0 is far from 1.8. So rows cannot be grouped
by value, and a greedy pairing may use up the only partner of a later row. In one dimension the ascending order is
a pairing if there is any; in several it is tried first, and augmenting paths (Kuhn's algorithm) decide otherwise.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

__all__ = ["Budget", "can_pair"]

Vector = tuple[float, ...]


class Budget:
    """How many steps a search may still take; `spent` once it took more."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    @property
    def spent(self) -> bool:
        """Whether there are no steps left."""
        return self.steps <= 0

    def take(self, steps: int) -> bool:
        """Count steps; returns whether they could be taken."""
        self.steps -= steps
        return self.steps > 0


def can_pair(
    first: Sequence[Vector], second: Sequence[Vector], close: Callable[[float, float], bool], budget: Budget
) -> bool:
    """Return whether each vector has a partner of its own that is close in every dimension.

    Vectors have the same length; `close` is symmetric and accepts an interval that grows with its arguments. False
    when the budget is spent.
    """
    if len(first) != len(second):
        return False
    ours, theirs = sorted(first), sorted(second)
    if all(_close(a, b, close) for a, b in zip(ours, theirs, strict=True)):
        return True
    if not ours or len(ours[0]) == 1:
        return False
    partners = [_partners(vector, theirs, close, budget) for vector in ours]
    return all(partners) and not budget.spent and _match(partners, budget)


def _close(first: Vector, second: Vector, close: Callable[[float, float], bool]) -> bool:
    return all(map(close, first, second))


def _partners(
    vector: Vector, sorted_vectors: Sequence[Vector], close: Callable[[float, float], bool], budget: Budget
) -> list[int]:
    """Return the positions of the vectors that are close to one, of which the first numbers ascend."""
    key = vector[0]
    low = bisect_left(sorted_vectors, True, key=lambda other: other[0] >= key or close(other[0], key))
    high = bisect_right(sorted_vectors, False, key=lambda other: other[0] > key and not close(other[0], key))
    if not budget.take(high - low + 1):
        return []
    return [i for i in range(low, high) if _close(vector, sorted_vectors[i], close)]


def _match(partners: Sequence[Sequence[int]], budget: Budget) -> bool:
    """Return whether every left node gets a right node of its own."""
    matching = _Matching(partners, budget)
    return all(matching.add(left) for left in range(len(partners)))


class _Matching:
    """A matching of left and right nodes that grows by augmenting paths."""

    def __init__(self, partners: Sequence[Sequence[int]], budget: Budget) -> None:
        self.partners = partners
        self.budget = budget
        self.right_of: dict[int, int] = {}
        self.left_of: dict[int, int] = {}

    def add(self, start: int) -> bool:
        """Match one more left node, moving others where that helps; searches breadth-first for a free right node."""
        parent: dict[int, int] = {}
        queue = [start]
        for left in queue:
            for right in self.partners[left]:
                if right in parent or not self.budget.take(1):
                    continue
                parent[right] = left
                if right not in self.left_of:
                    self._turn(right, parent)
                    return True
                queue.append(self.left_of[right])
        return False

    def _turn(self, free: int, parent: dict[int, int]) -> None:
        """Give each left node on the path to `free` the right node behind it."""
        right: int | None = free
        while right is not None:
            left = parent[right]
            left_behind = self.right_of.get(left)
            self.right_of[left], self.left_of[right] = right, left
            right = left_behind
