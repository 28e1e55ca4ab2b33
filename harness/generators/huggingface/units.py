"""Fixed units of work: what is computed together, whoever computes it and wherever a run was killed.

bf16 results depend on what a row is computed with. So prompts are put into one order that depends on each prompt
alone, and cut into units of a fixed size; rows of different units never meet, and all that shapes the arithmetic of
a unit comes from its own prompts. A resumed run repeats the units that were not finished, whole, and gets what an
undisturbed one would have got.
"""

from collections import Counter
from collections.abc import Sequence

from harness.generators.huggingface.rows import Request, Row, make_rows

__all__ = ["CPU_UNIT_BATCHES", "UNIT_BATCHES", "cut", "ordered", "phases"]

UNIT_BATCHES, CPU_UNIT_BATCHES = 8, 4
"""Full batches in a unit, on a GPU and on a CPU: at its end slots stand empty, and a killed run repeats it."""
FEW_ROWS = 4
"""A prefix with fewer rows is not worth keeping for them: most of a tile would stand empty."""


def ordered(requests: Sequence[Request]) -> list[Request]:
    """Return requests by prefix, the longest first, so that memory runs out early or never.

    Those of one prefix go by length, so that little is padded and what takes long begins early.
    """

    def place(request: Request) -> tuple[object, ...]:
        return -len(request.prefix), request.prefix, -len(request.suffix), request.prompt.index

    return sorted(requests, key=place)


def cut(requests: Sequence[Request], size: int) -> list[list[Request]]:
    """Return units of `size` requests; leaving whole units out of `requests` leaves the others as they are."""
    queue = ordered(requests)
    return [queue[start : start + size] for start in range(0, len(queue), size)]


def phases(unit: Sequence[Request], samples: int) -> list[list[Row]]:
    """Return the rows of a unit in the parts that are computed one after the other.

    Prompts that share their prefix with (nearly) no other come last and share nothing: so do prompts that were
    shortened for their question.
    """
    counts = Counter(request.prefix for request in unit)
    shared = [one for one in unit if counts[one.prefix] * samples >= FEW_ROWS]
    alone = [one for one in unit if counts[one.prefix] * samples < FEW_ROWS]
    if len(alone) * samples <= FEW_ROWS and shared:
        return [make_rows(unit, samples)]
    wholes = ordered([one.whole for one in alone])
    return [make_rows(part, samples) for part in (shared, wholes) if part]
