"""Which examples make an optimizer step, and which of them share a schema: the order of training, by seed.

The order is a function of rows, configuration and epoch alone, so a run that was killed goes on with exactly what
it would have seen.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.base import Row

__all__ = ["Group", "Schedule", "group_rows", "group_tokens"]

Group = tuple[Row, ...]
"""Rows with one prefix, computed as one sequence."""


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
        rows = list(self.rows)
        order.shuffle(rows)
        groups = group_rows(rows, self.group_size)
        order.shuffle(groups)
        left = Counter(row.db_id for row in rows)
        steps = [self._take_step(groups, left) for _ in range(self.steps_per_epoch)]
        # Full groups were taken first; only the last step may be smaller.
        whole = steps[: len(rows) // self.step_examples]
        order.shuffle(whole)
        return whole + steps[len(whole) :]

    def _take_step(self, queue: list[Group], left: Counter[str]) -> tuple[Group, ...]:
        """Take groups from `queue` until a step is full; what is too big is split, and the rest put back."""
        step: list[Group] = []
        room = self.step_examples
        while room and queue:
            group = self._take_group(queue, left, {one[0].db_id for one in step}, room)
            if len(group) > room:
                queue.insert(0, group[room:])
                group = group[:room]
            left[group[0].db_id] -= len(group)
            step.append(group)
            room -= len(group)
        return tuple(step)

    def _take_group(self, queue: list[Group], left: Counter[str], used: set[str], room: int) -> Group:
        largest, count = left.most_common(1)[0]
        # Were a dominating database put off, the epoch would end in steps of it alone.
        first = largest if not used and 2 * count > left.total() else None

        def cost(group: Group) -> tuple[bool, bool, bool, bool]:
            db_id, size = group[0].db_id, len(group)
            unmixed = used == {db_id}
            # A split shares its schema less; so does what leaves a place that no full group fits.
            return first not in (None, db_id), unmixed, size > room, (room - size) % self.group_size != 0

        return queue.pop(min(range(len(queue)), key=lambda place: cost(queue[place])))
