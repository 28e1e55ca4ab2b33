"""The databases that are tried, one after the other: bases, joined rows around the aims, mutations on top."""

from collections.abc import Iterator
from random import Random

from harness.analysis.mutation.copies import Copier
from harness.analysis.mutation.inventions import invent
from harness.analysis.mutation.material import Aim, Material
from harness.analysis.mutation.mutations import MUTATIONS, Rows, aim_at, fits, repeat
from harness.analysis.mutation.seeds import Joined

__all__ = ["databases"]

_MOST_ROWS = 400
_FIRST_SAMPLES = 6


def databases(material: Material, seed: int) -> Iterator[Rows]:
    """Yield databases without end, the same ones for the same seed; likely ones first."""
    random = Random(seed)  # noqa: S311  (no secret: a search that can be repeated)
    mutations, weights = zip(*MUTATIONS, strict=True)
    yield [row for joined in material.joined[:_FIRST_SAMPLES] for row in joined]
    yield []
    while True:
        copier = Copier(material, random)
        rows = _around_aims(material, copier, random)
        if rows and material.counts and random.random() < 0.35:  # noqa: PLR2004
            rows = repeat(rows, material, copier, random)
        for mutate in random.choices(mutations, weights, k=random.choice((0, 1, 1, 2, 3, 5))):
            rows = mutate(rows, material, copier, random) if rows else rows
        yield [row for row in _distinct(rows) if fits(row, material)][:_MOST_ROWS]


def _around_aims(material: Material, copier: Copier, random: Random) -> Rows:
    """Return some joined rows, and copies of them that differ in one aimed-at cell."""
    bases = [_base(material, random, number) for number in range(random.choice((1, 1, 1, 2, 3)))]
    rows = [row for joined in bases for row in joined]
    for _ in range(random.choice((0, 1, 1, 2, 3, 5, 9))):
        aim = _choose(material, random)
        if aim is None:
            break
        joined = random.choice(bases)
        if random.random() < 0.7:  # noqa: PLR2004
            around = random.choice(joined) if joined and random.random() < 0.4 else None  # noqa: PLR2004
            rows.extend(aim_at(copier.clone(joined, around), aim))
        elif random.random() < 0.5:  # noqa: PLR2004
            rows.extend(aim_at(tuple(copier.duplicate(row) for row in joined if row.table == aim.place[0]), aim))
        else:
            rows = list(aim_at(tuple(rows), aim))
    return rows


def _base(material: Material, random: Random, number: int) -> Joined:
    if material.joined and random.random() < 0.7:  # noqa: PLR2004
        return random.choice(material.joined)
    return invent(material, random, 10 * number + random.randrange(10))


def _choose(material: Material, random: Random) -> Aim | None:
    aims = material.sharp if material.sharp and random.random() < 0.6 else material.aims  # noqa: PLR2004
    return random.choice(aims) if aims else None


def _distinct(rows: Rows) -> Rows:
    return list({row.fingerprint(): row for row in rows}.values())
