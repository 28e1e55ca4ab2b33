"""Records → the numbers of `summary.json`: means with intervals, slices and counts.

The same records give the same numbers in any order: sums are exact (`math.fsum`) and keys have a fixed order.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.decoding.tries import Kept, elect_kept
from harness.diagnosis import DIAGNOSES
from harness.statistics import clustered_interval, mcnemar, pass_at, wilson
from harness.types import Record, Score, Status

__all__ = ["DIFFICULTIES", "FORMAT_VERSION", "SLICE_FIELDS", "slice_records", "summarise"]

FORMAT_VERSION = 1
DIFFICULTIES = ("simple", "moderate", "challenging")
"""BIRD's grades, in the order in which people expect them."""
SLICE_FIELDS = ("difficulty", "db_id")
OFFICIAL = "execution_accuracy"
"""What decides whether one of several tries is right."""


def summarise(
    records: Sequence[Record], metrics: Sequence[str], *, timing: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the content of `summary.json` for the questions of a complete run.

    `metrics` names what to average; a record without a score for one counts as unscored. Values are fractions
    and None where nothing was scored; intervals are Wilson's at 95 %, None for a metric whose scores leave
    [0, 1]. `clustered_low` and `clustered_high` allow for questions of one of the `clusters` databases resembling each
    other: for what a system would do on other databases. `timing` is passed through, in seconds.
    """
    summary: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "n": len(records),
        "metrics": {name: _interval(records, name) for name in metrics},
        "slices": {name: _rates(members, metrics) for name, members in slice_records(records).items()},
        "status": _status_counts(records),
        "tokens": {
            "prompt": sum(record.prompt_tokens for record in records),
            "completion": sum(record.completion_tokens for record in records),
        },
        "timing": dict(timing or {}),
    }
    if any(record.diagnosis is not None for record in records):
        counts = Counter(record.diagnosis or "unknown" for record in records)
        summary["diagnosis"] = {name: counts[name] for name in sorted(counts, key=lambda one: _place(DIAGNOSES, one))}
    if "ast_equivalent" in metrics:
        summary["ast_equivalence"] = _equivalence_counts(records)
    return {**summary, **summarise_analysis(records, metrics), **_samples_summary(records, metrics)}


def summarise_analysis(records: Sequence[Record], metrics: Sequence[str]) -> dict[str, Any]:
    """Return what the records' `analysis` adds up to; nothing for records without one."""
    known = [record for record in records if record.analysis]
    if not known:
        return {}
    linked = [record.analysis["linking"] for record in known if record.analysis.get("linking")]
    found: dict[str, Any] = {
        "verdict_gaps": _count(str(gap) for record in known for gap in record.analysis.get("gaps", ())),
    }
    if any(record.diagnosis is not None for record in records):  # else no gold was run, and nothing is known of them
        found["gold"] = _gold_summary(records, metrics)
    if linked:
        found["linking"] = {
            name: math.fsum(one[name] for one in linked) / len(linked) for name in ("precision", "recall", "f1")
        } | {"n": len(linked)}
    return found


def _samples_summary(records: Sequence[Record], metrics: Sequence[str]) -> dict[str, Any]:
    """Return what several tries were worth, and how many answers were repaired; nothing where there was neither.

    `first` has the scores of sample 0 alone. Where SQL was executed, `pass_at` estimates the chance that one of k
    samples is right and `majority_at` has the vote of the first k, both officially; `vote_against_first` compares the
    vote of all with sample 0.
    """
    known = [record for record in records if record.analysis.get("samples")]
    tries: list[Sequence[Kept]] = [record.analysis["samples"] for record in known]
    found: dict[str, Any] = {}
    if tries:
        firsts = [_as_first(record) for record in known]
        found["samples"] = {"n": min(map(len, tries)), "first": {name: _interval(firsts, name) for name in metrics}}
        if all("correct" in one for kept in tries for one in kept):
            found["samples"] |= _tries_by_number(known)
    kept = [one for record in records for one in record.analysis.get("samples", (record.analysis,))]
    if repairs := [one["repair"] for one in kept if one.get("repair")]:
        accepted = sum(one["accepted"] for one in repairs)
        found["repair"] = {"answers": len(kept), "refused": len(repairs), "repaired": accepted}
    return found


def _as_first(record: Record) -> Record:
    """Return the record with the scores of sample 0, which are kept apart where another sample was chosen."""
    scores = record.analysis["samples"][0].get("scores")
    return record if scores is None else replace(record, scores={name: Score(name, scores[name]) for name in scores})


def _tries_by_number(records: Sequence[Record]) -> dict[str, Any]:
    tries: list[Sequence[Kept]] = [record.analysis["samples"] for record in records]
    most = min(map(len, tries))
    numbers = sorted({1 << power for power in range(most.bit_length())} | {most})
    majority = {k: [float(kept[elect_kept(kept[:k])]["correct"]) for kept in tries] for k in numbers}
    passing = {k: [pass_at(k, sum(one["correct"] for one in kept), len(kept)) for kept in tries] for k in numbers}
    test = mcnemar(majority[1], majority[most])
    return {
        "pass_at": {str(k): _interval(_scored(records, passing[k]), OFFICIAL) for k in numbers},
        "majority_at": {str(k): _interval(_scored(records, majority[k]), OFFICIAL) for k in numbers},
        "vote_against_first": {"wins": test.wins, "losses": test.losses, "p_two_sided": test.p_two_sided},
    }


def _scored(records: Sequence[Record], values: Sequence[float]) -> list[Record]:
    return [replace(one, scores={OFFICIAL: Score(OFFICIAL, v)}) for one, v in zip(records, values, strict=True)]


def _gold_summary(records: Sequence[Record], metrics: Sequence[str]) -> dict[str, Any]:
    """Say how good the golds are: the ceiling that they set, the doubts about them, the rates without those."""
    failing = sum(bool(record.analysis.get("gold_error")) for record in records)
    unflagged = [record for record in records if not record.analysis.get("gold_flags")]
    return {
        "ceiling": 1 - failing / len(records) if records else None,
        "failing": failing,
        "flags": _count(flag for record in records for flag in record.analysis.get("gold_flags", ())),
        "flagged": len(records) - len(unflagged),
        "unflagged": _rates(unflagged, metrics),
    }


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def slice_records(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the records by slice: `difficulty=…` from simple to challenging, then `db_id=…` by name."""
    slices: dict[str, list[Record]] = {}
    for field in SLICE_FIELDS:
        groups: dict[str, list[Record]] = {}
        for record in records:
            groups.setdefault(getattr(record, field), []).append(record)
        for value in sorted((group for group in groups if group), key=_slice_order):
            slices[f"{field}={value}"] = groups[value]
    return slices


def _slice_order(value: str) -> tuple[int, str]:
    return (DIFFICULTIES.index(value), "") if value in DIFFICULTIES else (len(DIFFICULTIES), value)


def _rates(records: Sequence[Record], metrics: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {metric: _rate(records, metric) for metric in metrics}


def _interval(records: Sequence[Record], metric: str) -> dict[str, Any]:
    """Return a metric's mean with both intervals."""
    return {**_rate(records, metric), **_clustered(records, metric)}


def _rate(records: Sequence[Record], metric: str) -> dict[str, Any]:
    scores = [record.scores[metric].value for record in records if metric in record.scores]
    values = [value for value in scores if value is not None]
    total = math.fsum(values)
    bounded = bool(values) and all(0 <= value <= 1 for value in values)
    low, high = wilson(total, len(values)) if bounded else (None, None)
    return {
        "value": total / len(values) if values else None,
        "n": len(records),
        "unscored": len(records) - len(values),
        "ci_low": low,
        "ci_high": high,
    }


def _clustered(records: Sequence[Record], metric: str) -> dict[str, Any]:
    """Return the interval that allows for questions of one database resembling each other, and how far to trust it."""
    scored = [(record.scores[metric].value, record.db_id) for record in records if metric in record.scores]
    known = [(value, db_id) for value, db_id in scored if value is not None]
    if not known:
        return {}
    found = clustered_interval([value for value, _ in known], [db_id for _, db_id in known])
    return {"clustered_low": found.low, "clustered_high": found.high, "clusters": found.clusters}


def _status_counts(records: Sequence[Record]) -> dict[str, int]:
    counts = Counter(str(record.status) for record in records)
    order = [status.value for status in Status]
    return {status: counts[status] for status in sorted(counts, key=lambda one: (_place(order, one), one))}


def _place(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _equivalence_counts(records: Sequence[Record]) -> dict[str, Any]:
    """Count the three verdicts of `ast_equivalent`, whose mean alone would hide how many stayed open."""
    verdicts = [
        record.scores["ast_equivalent"].value if "ast_equivalent" in record.scores else None for record in records
    ]
    proved = sum(verdict == 1.0 for verdict in verdicts)
    return {
        "proved_of_all": proved / len(verdicts) if verdicts else None,
        "proved": proved,
        "refuted": sum(verdict == 0.0 for verdict in verdicts),
        "unknown": sum(verdict is None for verdict in verdicts),
    }
