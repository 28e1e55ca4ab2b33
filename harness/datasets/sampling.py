"""A smaller training set in which evidence is as long, and as often absent, as in the whole one."""

import random
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

from harness.errors import UsageError
from harness.types import Example

__all__ = ["BUCKETS", "evidence_bucket", "sample"]

BUCKETS = ("0", "1-5", "6-10", "11-20", "21-40", ">40")
"""The lengths of evidence, in words, that a sample keeps in proportion."""
_LAST_WORDS = (0, 5, 10, 20, 40)


def evidence_bucket(evidence: str) -> str:
    """Return the bucket of a piece of evidence, by its number of words."""
    return BUCKETS[bisect_left(_LAST_WORDS, len(evidence.split()))]


def sample(examples: Sequence[Example], fraction: float, seed: int) -> tuple[Example, ...]:
    """Return `round(fraction · n)` examples in their original order, each evidence bucket with its share.

    Shares are rounded by the largest remainder, so that none is more than one example off. The same seed gives the same
    sample in every Python version. Raises `UsageError` unless 0 < fraction ≤ 1.
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"sample: the fraction is {fraction}; give a number above 0 and up to 1")
    members: dict[str, list[int]] = {bucket: [] for bucket in BUCKETS}
    for position, example in enumerate(examples):
        members[evidence_bucket(example.evidence)].append(position)
    sizes = _apportion([len(positions) for positions in members.values()], round(fraction * len(examples)))
    kept: list[int] = []
    for (bucket, positions), size in zip(members.items(), sizes, strict=True):
        # One generator for each bucket: what one holds does not change what is drawn from another.
        kept += _draw(positions, size, random.Random(f"{seed}/{bucket}"))  # noqa: S311 - a sample, not a secret
    return tuple(examples[position] for position in sorted(kept))


def _draw(positions: Sequence[int], size: int, generator: random.Random) -> list[int]:
    """Draw without replacement by `random()` alone, the one method whose sequence Python promises to keep."""
    pool = list(positions)
    for taken in range(size):
        other = taken + int(generator.random() * (len(pool) - taken))
        pool[taken], pool[other] = pool[other], pool[taken]
    return pool[:size]


def _apportion(counts: Sequence[int], total: int) -> list[int]:
    """Split `total` in proportion to `counts`, by Hamilton's method of largest remainders; ties go to the first."""
    everything = sum(counts)
    if not everything:
        return [0] * len(counts)
    shares = [Fraction(total * count, everything) for count in counts]
    sizes = [int(share) for share in shares]
    by_remainder = sorted(range(len(counts)), key=lambda number: (sizes[number] - shares[number], number))
    for number in by_remainder[: total - sum(sizes)]:
        sizes[number] += 1
    return sizes
