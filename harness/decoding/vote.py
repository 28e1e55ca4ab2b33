"""Several tries at one question: those that return the same rows stand together, and the biggest group wins.

Two results are the same when `harness.comparison.equal_official` says so: the same set of rows, which is what official
execution accuracy cannot tell apart. Results with rows go before empty ones, and those before what did not run, however
many they are; what did not run belongs to no group and votes for itself alone. Ties go to the likelier candidate, else
to the earlier one. Source: X. Wang et al., Self-Consistency, ICLR 2023 (arXiv 2203.11171), with the executed result
as the answer, as in F. Shi et al., Natural Language to Code Translation with Execution, EMNLP 2022 (arXiv 2204.11454).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.comparison import equal_official
from harness.types import Execution

__all__ = ["Ballot", "Candidate", "Vote", "elect", "vote"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One try: its execution, and the logarithm of its probability where that is known."""

    execution: Execution
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Ballot:
    """What an election needs of a candidate: the number of its group (None: it did not run), and how it is ranked."""

    group: int | None
    empty: bool = False
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """Who is `chosen`, by position, and the group of each candidate, numbered as they first appear; None: no rows."""

    chosen: int
    groups: tuple[int | None, ...]


def vote(candidates: Sequence[Candidate]) -> Vote:
    """Group candidates by what they return and choose one; raises `ValueError` where there is none."""
    groups = _group([candidate.execution for candidate in candidates])
    ballots = [
        Ballot(group, empty=not candidate.execution.rows, logprob=candidate.logprob)
        for group, candidate in zip(groups, candidates, strict=True)
    ]
    return Vote(elect(ballots), groups)


def elect(ballots: Sequence[Ballot]) -> int:
    """Return the position of the candidate that wins; raises `ValueError` where there is none.

    Probabilities decide only where all candidates have one.
    """
    if not ballots:
        raise ValueError("an election needs at least one candidate")
    known = [ballot.logprob for ballot in ballots if ballot.logprob is not None]
    likely = known if len(known) == len(ballots) else [0.0] * len(ballots)
    members: dict[tuple[str, int], list[int]] = {}
    for position, ballot in enumerate(ballots):
        name = ("alone", position) if ballot.group is None else ("group", ballot.group)
        members.setdefault(name, []).append(position)

    def preference(position: int) -> tuple[float, int]:
        return -likely[position], position

    def rank(group: Iterable[int]) -> tuple[int, int, tuple[float, int]]:
        first, *others = group
        place = 2 if ballots[first].group is None else int(ballots[first].empty)
        return place, -len(others), min(map(preference, (first, *others)))

    return min(min(members.values(), key=rank), key=preference)


def _group(executions: Sequence[Execution]) -> tuple[int | None, ...]:
    found: list[Execution] = []
    groups: list[int | None] = []
    for execution in executions:
        if not execution.ok:
            groups.append(None)
            continue
        same = (number for number, one in enumerate(found) if equal_official(execution.rows, one.rows))
        number = next(same, len(found))
        if number == len(found):
            found.append(execution)
        groups.append(number)
    return tuple(groups)
