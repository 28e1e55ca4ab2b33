"""How the groups of a step become micro-batches, and how big these are: arithmetic, without torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.schedule import Group, group_tokens

__all__ = ["WHOLE_TOKENS", "Load", "Loads", "load_of", "measure_loads", "split_groups"]

WHOLE_TOKENS = 2048
"""Up to so many tokens a group's attention is one call. A second call costs launches, which fast cards wait for; what
it leaves out, the half of the products that the mask throws away, grows with the square."""


@dataclass(frozen=True)
class Load:
    """The size of a micro-batch: its `tokens`, and how many of these carry loss (`completion`)."""

    tokens: int
    completion: int


@dataclass(frozen=True)
class Loads:
    """What memory must hold: the `largest` micro-batch, and the `typical` one, for which spare memory is spent."""

    largest: Load
    typical: Load


def split_groups(groups: Iterable[Group], max_tokens: int) -> list[list[Group]]:
    """Put groups together as long as their tokens stay within `max_tokens`; 0 leaves each alone."""
    batches: list[list[Group]] = []
    tokens = 0
    for group in groups:
        size = group_tokens(group)
        if batches and tokens + size <= max_tokens:
            batches[-1].append(group)
            tokens += size
        else:
            batches.append([group])
            tokens = size
    return batches


def load_of(groups: Sequence[Group]) -> Load:
    """Return the size of groups computed together."""
    completion = sum(len(row.target_ids) for group in groups for row in group)
    return Load(sum(map(group_tokens, groups)), completion)


def measure_loads(steps: Sequence[Sequence[Group]], max_tokens: int) -> Loads:
    """Return the largest and the mean micro-batch of an epoch's steps, cut at `max_tokens`; steps must not be empty."""
    loads = [load_of(groups) for step in steps for groups in split_groups(step, max_tokens)]
    tokens, completion = (sum(getattr(load, name) for load in loads) for name in ("tokens", "completion"))
    largest = Load(max(load.tokens for load in loads), max(load.completion for load in loads))
    return Loads(largest, Load(-(-tokens // len(loads)), -(-completion // len(loads))))
