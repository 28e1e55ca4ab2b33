"""A comparison as plain values, for programs: the numbers of the terminal tables under keys that stay."""

import math
from collections.abc import Sequence
from typing import Any

from harness.statistics import PairedDifference
from reports.breakdown import Breakdown, Group, Transition
from reports.compare import Comparison, Flip, Uncertainty
from reports.finding import name_test, write_finding
from reports.wording import NBSP

__all__ = ["FORMAT_VERSION", "describe_comparison"]

FORMAT_VERSION = 1


def describe_comparison(
    comparison: Comparison, uncertainty: Uncertainty, breakdown: Breakdown, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return everything that `t2s compare` shows; values are fractions, None where there is none or no bound."""
    test = comparison.test
    return {
        "format_version": FORMAT_VERSION,
        "metric": comparison.metric,
        "first": _run(comparison.first, comparison.value_first, uncertainty.first),
        "second": _run(comparison.second, comparison.value_second, uncertainty.second),
        "questions": {
            "compared": test.n,
            "unscored": comparison.unscored,
            "only_first": comparison.only_first,
            "only_second": comparison.only_second,
            "changed_golds": comparison.changed_golds,
        },
        "better": test.wins,
        "worse": test.losses,
        "equal": test.ties,
        "test": {
            "name": name_test(comparison),
            "p_two_sided": test.p_two_sided,
            "p_one_sided_gain": test.p_one_sided_gain,
            "p_one_sided_drop": test.p_one_sided_drop,
        },
        "difference": comparison.change,
        "by_question": _difference(uncertainty.by_question),
        "by_database": _difference(uncertainty.by_database),
        "discordance": test.discordance,
        "detectable_difference": comparison.detectable,
        "finding": write_finding(comparison, uncertainty).replace(NBSP, " "),
        "diagnosis": [_transition(one) for one in breakdown.transitions],
        "slices": [_group(group) for group in breakdown.slices],
        "features": [_group(group) for group in breakdown.features],
        "flips": [_flip(flip) for flip in comparison.flips],
        "notes": [*notes, *breakdown.notes],
    }


def _run(name: str, value: float | None, interval: tuple[float, float] | None) -> dict[str, Any]:
    low, high = interval or (None, None)
    return {"name": name, "value": value, "ci_low": low, "ci_high": high}


def _difference(difference: PairedDifference) -> dict[str, Any]:
    interval = difference.interval
    return {
        "ci_low": _finite(interval.low),
        "ci_high": _finite(interval.high),
        "p_two_sided": difference.p_two_sided,
        "resampled": interval.clusters,
        "warning": interval.warning,
    }


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _transition(one: Transition) -> dict[str, Any]:
    return {"before": one.before, "after": one.after, "n": one.count, "better": one.better, "worse": one.worse}


def _group(group: Group) -> dict[str, Any]:
    return {
        "kind": group.kind,
        "name": group.name,
        "n": group.test.n,
        "first": group.value_first,
        "second": group.value_second,
        "difference": group.change,
        "better": group.test.wins,
        "worse": group.test.losses,
        "p_two_sided": group.test.p_two_sided,
        "p_holm": group.p_corrected,
    }


def _flip(flip: Flip) -> dict[str, Any]:
    return {
        "question_id": flip.second.question_id,
        "db_id": flip.second.db_id,
        "question": flip.second.question or flip.first.question,
        "first": flip.value_first,
        "second": flip.value_second,
        "diagnosis_first": flip.first.diagnosis,
        "diagnosis_second": flip.second.diagnosis,
    }
