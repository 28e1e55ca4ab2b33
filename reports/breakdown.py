"""Where two runs differ: by diagnosis, by slice and by what the gold SQL is made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.statistics import PairedTest, holm, mcnemar
from harness.summary import slice_records
from reports.compare import Comparison, Flip

__all__ = ["Breakdown", "Group", "Transition", "break_down"]

UNKNOWN = "unknown"
"""How a summary, too, calls a diagnosis that is not there."""


@dataclass(frozen=True, slots=True)
class Transition:
    """How many questions went from one diagnosis to another; `better` and `worse` count those whose value changed."""

    before: str
    after: str
    count: int
    better: int
    worse: int


@dataclass(frozen=True, slots=True)
class Group:
    """The comparison on some of the questions; `p_corrected` is Holm's over all groups of the same `kind`."""

    kind: str
    name: str
    value_first: float
    value_second: float
    test: PairedTest
    p_corrected: float

    @property
    def change(self) -> float:
        """Value of the second run minus value of the first, as a fraction."""
        return self.value_second - self.value_first


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What changed, in three views; `notes` say what could not be looked at, and why.

    `transitions` leaves out the questions whose diagnosis stayed; groups of `features` overlap.
    """

    transitions: tuple[Transition, ...]
    slices: tuple[Group, ...]
    features: tuple[Group, ...]
    notes: tuple[str, ...]


def break_down(comparison: Comparison) -> Breakdown:
    """Return where the two runs of a comparison differ."""
    by_feature, without_gold = _by_feature(comparison.questions)
    notes = list(_undiagnosed(comparison))
    if without_gold:
        notes.append(f"SQL features: {without_gold} questions have no gold SQL in the records; give --data")
    return Breakdown(
        transitions=() if _lacks_diagnoses(comparison) else _transitions(comparison.questions),
        slices=tuple(group for kind in _by_slice(comparison.questions) for group in _groups(*kind)),
        features=_groups("feature", by_feature),
        notes=tuple(notes),
    )


def _lacks_diagnoses(comparison: Comparison) -> bool:
    return not all(
        any(record.diagnosis for record in records)
        for records in ([one.first for one in comparison.questions], [one.second for one in comparison.questions])
    )


def _undiagnosed(comparison: Comparison) -> Iterable[str]:
    for name, records in (
        (comparison.first, [one.first for one in comparison.questions]),
        (comparison.second, [one.second for one in comparison.questions]),
    ):
        lacking = sum(not record.diagnosis for record in records)
        if lacking == len(records) and records:
            yield f"diagnosis: {name} has none; score it again with this version to see what changed"
        elif lacking:
            yield f"diagnosis: {lacking} of {len(records)} questions of {name} have none, shown as {UNKNOWN}"


def _transitions(questions: Sequence[Flip]) -> tuple[Transition, ...]:
    members: dict[tuple[str, str], list[Flip]] = {}
    for one in questions:
        members.setdefault((one.first.diagnosis or UNKNOWN, one.second.diagnosis or UNKNOWN), []).append(one)
    found = [
        Transition(
            before=before,
            after=after,
            count=len(flips),
            better=sum(flip.won for flip in flips),
            worse=sum(flip.value_second < flip.value_first for flip in flips),
        )
        for (before, after), flips in members.items()
        if before != after
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.before, one.after)))


def _by_slice(questions: Sequence[Flip]) -> list[tuple[str, dict[str, list[Flip]]]]:
    known = {(one.second.question_id, one.second.db_id): one for one in questions}
    kinds: dict[str, dict[str, list[Flip]]] = {}
    for title, records in slice_records([one.second for one in questions]).items():
        kind, _, name = title.partition("=")
        kinds.setdefault(kind, {})[name] = [known[record.question_id, record.db_id] for record in records]
    return list(kinds.items())


def _by_feature(questions: Sequence[Flip]) -> tuple[dict[str, list[Flip]], int]:
    from harness.analysis.features import FEATURES, features  # noqa: PLC0415 - sqlglot takes half a second

    members: dict[str, list[Flip]] = {name: [] for name in FEATURES}
    without_gold = 0
    for one in questions:
        gold = one.second.gold_sql or one.first.gold_sql
        without_gold += not gold
        for name in features(gold) if gold else ():
            members.setdefault(name, []).append(one)
    return {name: found for name, found in members.items() if found}, without_gold


def _groups(kind: str, members: Mapping[str, Sequence[Flip]]) -> tuple[Group, ...]:
    values = [([one.value_first for one in found], [one.value_second for one in found]) for found in members.values()]
    tests = [mcnemar(before, after) for before, after in values]
    corrected = holm([test.p_two_sided for test in tests])
    return tuple(
        Group(kind, name, sum(before) / len(before), sum(after) / len(after), test, p)
        for name, (before, after), test, p in zip(members, values, tests, corrected, strict=True)
    )
