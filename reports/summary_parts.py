"""What a summary says beyond rates: doubtful golds, several tries, second tries, memory and speed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.types import Run

__all__ = [
    "FAMILIES",
    "Cost",
    "Golds",
    "Rate",
    "Tries",
    "find_table",
    "read_cost",
    "read_golds",
    "read_rates",
    "read_tries",
]

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "right": ("correct",),
    "wrong form": ("extra_columns", "missing_columns", "wrong_columns", "duplicates", "order", "type_or_format"),
    "wrong rows": ("empty_result", "wrong_rows"),
    "does not run": (
        *("syntax", "unknown_table", "unknown_column", "wrong_scope", "unknown_function", "ambiguous"),
        *("forbidden_statement", "timeout", "resource", "runtime_error"),
    ),
    "no SQL": ("no_sql", "truncated"),
    "gold fails": ("gold_error", "gold_timeout"),
}
"""Diagnoses by what they have in common; a label that is in none is counted as `other`."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A metric's mean and its 95 % interval as the summary has them, all fractions."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int


@dataclass(frozen=True, slots=True)
class Golds:
    """How good the golds are: `ceiling` is the most that is possible, `without` has the rates without doubtful ones."""

    ceiling: float | None
    failing: int
    flagged: int
    flags: Mapping[str, int]
    without: Mapping[str, Rate]


@dataclass(frozen=True, slots=True)
class Tries:
    """What several tries were worth: rates by k, and the vote of all against the first (McNemar, exact)."""

    n: int
    first: Mapping[str, Rate]
    pass_at: Mapping[str, Rate]
    majority_at: Mapping[str, Rate]
    wins: int
    losses: int
    p_two_sided: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took; None where it was not measured. Seconds, GiB, tokens."""

    vram_gib: float | None
    questions_per_s: float | None
    generation_s: float | None
    execution_s: float | None
    prompt_tokens: int
    completion_tokens: int

    @property
    def known(self) -> bool:
        """Whether anything of generation was measured: answers from a file say nothing of it."""
        return bool(self.vram_gib or self.generation_s or self.completion_tokens)


def find_table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return what stands under a key, if it is a table, else an empty one."""
    value = tree.get(key)
    return value if isinstance(value, Mapping) else {}


def read_rates(rates: Mapping[str, Any]) -> dict[str, Rate]:
    """Return the rates of a part of a summary by their names."""
    return {
        name: Rate(
            rate.get("value"), rate.get("ci_low"), rate.get("ci_high"), rate.get("n", 0), rate.get("unscored", 0)
        )
        for name, rate in rates.items()
    }


def read_golds(summary: Mapping[str, Any]) -> Golds | None:
    """Return what a summary says of its golds; None where they were not looked at."""
    gold = find_table(summary, "gold")
    if not gold:
        return None
    return Golds(
        ceiling=gold.get("ceiling"),
        failing=gold.get("failing", 0),
        flagged=gold.get("flagged", 0),
        flags=find_table(gold, "flags"),
        without=read_rates(find_table(gold, "unflagged")),
    )


def read_tries(summary: Mapping[str, Any]) -> Tries | None:
    """Return what a summary says of several tries; None where there was one."""
    samples = find_table(summary, "samples")
    if not samples:
        return None
    test = find_table(samples, "vote_against_first")
    return Tries(
        n=samples.get("n", 0),
        first=read_rates(find_table(samples, "first")),
        pass_at=read_rates(find_table(samples, "pass_at")),
        majority_at=read_rates(find_table(samples, "majority_at")),
        wins=test.get("wins", 0),
        losses=test.get("losses", 0),
        p_two_sided=test.get("p_two_sided"),
    )


def read_cost(run: Run) -> Cost:
    """Return what a run took.

    Questions per second come of local models only, whose latencies are shares of one time: a server's overlap, and an
    answer from a cache took none.
    """
    summary = run.summary or {}
    usage, timing, tokens = find_table(summary, "usage"), find_table(summary, "timing"), find_table(summary, "tokens")
    generation_s = timing.get("generation_s") or None
    local = find_table(find_table(run.manifest, "config"), "generator").get("name") == "huggingface"
    alone = generation_s and local and not usage.get("cache_hits")
    return Cost(
        vram_gib=usage.get("peak_allocated_gib"),
        questions_per_s=summary.get("n", 0) / generation_s if generation_s and alone else None,
        generation_s=generation_s,
        execution_s=timing.get("execution_s"),
        prompt_tokens=tokens.get("prompt", 0),
        completion_tokens=tokens.get("completion", 0),
    )
