"""Which examples make an optimizer step, and which of them share a schema: the order of training, by seed.

The order is a function of rows, configuration and epoch alone, so a run that was killed goes on with exactly what
it would have seen.
"""

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainer.base import Row
from trainer.config import OptimizationConfig

__all__ = ["Group", "Schedule", "group_rows", "group_tokens", "total_steps"]

Group = tuple[Row, ...]
"""Rows with one prefix, computed as one sequence."""
Kind = tuple[str, int]
"""The database and the size of a group."""


def group_rows(rows: Sequence[Row], group_size: int) -> list[Group]:
    """Cut rows into groups of one prefix and at most `group_size` rows; their order is kept within a prefix."""
    by_prefix: dict[tuple[str, tuple[int, ...]], list[Row]] = {}
    for row in rows:
        by_prefix.setdefault((row.db_id, row.prefix_ids), []).append(row)
    return [
        tuple(same[start : start + group_size])
        for same in by_prefix.values()
        for start in range(0, len(same), group_size)
    ]


def group_tokens(group: Group) -> int:
    """Return the tokens of a group as one sequence: the shared prefix counts once."""
    return len(group[0].prefix_ids) + sum(len(row.suffix_ids) + len(row.target_ids) for row in group)


@dataclass(frozen=True)
class Schedule:
    """Epochs of optimizer steps of exactly `step_examples` rows (the last one of an epoch may be smaller)."""

    rows: tuple[Row, ...]
    step_examples: int
    group_size: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """How many steps every epoch has."""
        return -(-len(self.rows) // self.step_examples)

    def epoch(self, number: int) -> list[tuple[Group, ...]]:
        """Return the steps of an epoch, each a tuple of groups.

        Every row comes once. While no database has more than half of the rows, and a group is at most half a step,
        every whole step mixes at least two.
        """
        order = random.Random(f"{self.seed}:{number}")  # noqa: S311 - reproducible order, no secret
        rows = [row.in_epoch(number) for row in self.rows]
        order.shuffle(rows)
        groups = group_rows(rows, self.group_size)
        order.shuffle(groups)
        queue = _Queue(groups)
        left = Counter(row.db_id for row in rows)
        steps = [self._take_step(queue, left) for _ in range(self.steps_per_epoch)]
        # Full groups were taken first; only the last step may be smaller.
        whole = steps[: len(rows) // self.step_examples]
        order.shuffle(whole)
        return whole + steps[len(whole) :]

    def _take_step(self, queue: "_Queue", left: Counter[str]) -> tuple[Group, ...]:
        """Take groups from `queue` until a step is full; what is too big is split, and the rest put back."""
        step: list[Group] = []
        room = self.step_examples
        while room and queue.piles:
            group = self._take_group(queue, left, {one[0].db_id for one in step}, room)
            if len(group) > room:
                queue.put_back(group[room:])
                group = group[:room]
            left[group[0].db_id] -= len(group)
            step.append(group)
            room -= len(group)
        return tuple(step)

    def _take_group(self, queue: "_Queue", left: Counter[str], used: set[str], room: int) -> Group:
        largest, count = left.most_common(1)[0]
        # Put off, a database that has half of what is left behind this step would end in steps of it alone.
        first = largest if not used and 2 * count > left.total() - self.step_examples else None

        def cost(kind: Kind) -> tuple[bool, bool, bool, bool]:
            db_id, size = kind
            unmixed = used == {db_id}
            # A split shares its schema less; so does what leaves a place that no full group fits.
            return first not in (None, db_id), unmixed, size > room, (room - size) % self.group_size != 0

        return queue.take(cost)


def total_steps(options: OptimizationConfig, schedule: Schedule) -> int:
    """Return the optimizer steps of a whole training."""
    return options.max_steps or options.epochs * schedule.steps_per_epoch


class _Queue:
    """Groups in an order, piled by database and size: of one kind only the first can be the next to be taken.

    So a choice looks at each kind once and not at each group.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.piles: dict[Kind, deque[tuple[int, Group]]] = {}
        self.front = 0
        for place, group in enumerate(groups):
            self.piles.setdefault(_kind(group), deque()).append((place, group))

    def take(self, cost: Callable[[Kind], tuple[bool, ...]]) -> Group:
        """Remove and return the cheapest group, the first of those that cost the same."""
        kind = min(self.piles, key=lambda kind: (cost(kind), self.piles[kind][0][0]))
        _, group = self.piles[kind].popleft()
        if not self.piles[kind]:
            del self.piles[kind]
        return group

    def put_back(self, group: Group) -> None:
        """Put a group before all others."""
        self.front -= 1
        self.piles.setdefault(_kind(group), deque()).appendleft((self.front, group))


def _kind(group: Group) -> Kind:
    return group[0].db_id, len(group)
