"""A comparison of two runs as terminal tables."""

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harness.statistics import FEW_CLUSTERS, Interval, PairedDifference
from reports.breakdown import Group, Transition
from reports.compare import Comparison, Flip, Uncertainty
from reports.finding import SIGNIFICANCE, write_finding
from reports.wording import NBSP, count, define, p_value, percent, points

__all__ = ["draw_finding", "draw_flips", "draw_groups", "draw_outcome", "draw_transitions"]

GAIN, LOSS, QUIET = "green", "red", "dim"


def draw_outcome(comparison: Comparison, uncertainty: Uncertainty) -> Table:
    """Return both values, the flips in numbers, the tests and the intervals."""
    table = Table(
        title=escape(define(comparison.metric).title), title_justify="left", show_header=False, box=box.SIMPLE
    )
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style=QUIET)
    for cells in (*_values(comparison, uncertainty), *_tests(comparison, uncertainty), *_counts(comparison)):
        table.add_row(*(escape(cell) for cell in cells))
    return table


def _values(comparison: Comparison, uncertainty: Uncertainty) -> Iterator[tuple[str, str, str]]:
    yield comparison.first, percent(comparison.value_first), _wilson(uncertainty.first)
    yield comparison.second, percent(comparison.value_second), _wilson(uncertainty.second)


def _wilson(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"95 %: {100 * interval[0]:.1f} to {100 * interval[1]:.1f} (Wilson)"


def _tests(comparison: Comparison, uncertainty: Uncertainty) -> Iterator[tuple[str, str, str]]:
    test, name = comparison.test, "McNemar" if comparison.binary else "sign test"
    by_question, by_database = uncertainty.intervals
    databases = count(by_database.clusters, "database") + (
        f", rough below {FEW_CLUSTERS}" if by_database.warning else ""
    )
    yield "better / worse / equal", f"{test.wins} / {test.losses} / {test.ties}", ""
    yield f"{name}, exact, two-sided", p_value(test.p_two_sided), "do they differ?"
    yield f"{name}, exact, one-sided", p_value(test.p_one_sided_gain), "is the second better?"
    yield "", p_value(test.p_one_sided_drop), "is the second worse?"
    yield "change, in points", points(comparison.change), ""
    yield _resampled("questions", uncertainty.by_question, by_question.warning)
    yield _resampled("databases", uncertainty.by_database, databases)
    # Without a question that tells them apart nothing is known of how many there would be.
    detectable = f"{100 * comparison.detectable:.1f}" if test.discordance else "–"
    yield "smallest change that shows", detectable, "95 % confidence, 80 % power"


def _resampled(name: str, difference: PairedDifference, remark: str) -> tuple[str, str, str]:
    p = p_value(difference.p_two_sided)
    return f"95 %, {name} resampled", _bounds(difference.interval), f"{p}; {remark}" if remark else p


def _bounds(interval: Interval) -> str:
    if not math.isfinite(interval.low):
        return "–"
    return f"{points(interval.low)} to {points(interval.high)}"


def _counts(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    yield "questions compared", f"{comparison.test.n:,}", ""
    if comparison.unscored:
        yield "common questions not scored", f"{comparison.unscored:,}", "a metric could not judge them"
    if comparison.only_first or comparison.only_second:
        yield "questions of one run only", f"{comparison.only_first} / {comparison.only_second}", ""
    if comparison.changed_golds:
        yield "questions with another gold SQL", f"{comparison.changed_golds}", ""


def draw_finding(comparison: Comparison, uncertainty: Uncertainty) -> Text:
    """Return the finding in words: green for a gain, red for a loss, plain where none is shown."""
    shown = comparison.test.p_two_sided < SIGNIFICANCE
    colour = (GAIN if comparison.change > 0 else LOSS) if shown else ""
    return Text(write_finding(comparison, uncertainty), style=f"bold {colour}".strip())


def draw_transitions(transitions: Sequence[Transition], limit: int) -> Table:
    """Return what changed by diagnosis, the most frequent change first; `limit` of them, all for 0."""
    shown = transitions[:limit] if limit else transitions
    table = _listing("What changed by diagnosis", len(transitions), len(shown))
    table.add_column("before")
    table.add_column("after")
    for heading in ("questions", "better", "worse"):
        table.add_column(heading, justify="right")
    for one in shown:
        style = _colour(one.better - one.worse)
        table.add_row(
            escape(one.before), f"→ {escape(one.after)}", *_numbers(one.count, one.better, one.worse), style=style
        )
    return table


def _listing(title: str, total: int, shown: int) -> Table:
    more = f", the first {shown} of {total}; --limit 0 lists all" if shown < total else ""
    return Table(title=f"{title}{more}", title_justify="left", box=box.SIMPLE_HEAD)


def _colour(balance: float) -> str:
    return GAIN if balance > 0 else LOSS if balance < 0 else QUIET


def _numbers(*counts: int) -> tuple[str, ...]:
    return tuple(f"{number:,}" if number else "·" for number in counts)


def draw_groups(title: str, groups: Sequence[Group]) -> Table:
    """Return the comparison for each group of questions, in percent, p-values corrected for their number."""
    table = Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in ("n", "before", "after", "change", "better", "worse", "p, Holm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for previous, group in zip((None, *groups), groups, strict=False):
        if previous and previous.kind != group.kind:
            table.add_section()
        test = group.test
        cells = (
            escape(group.name),
            f"{test.n:,}",
            f"{100 * group.value_first:.1f}",
            f"{100 * group.value_second:.1f}",
            points(group.change),
            *_numbers(test.wins, test.losses),
            p_value(group.p_corrected).removeprefix(f"p{NBSP}").removeprefix(f"={NBSP}"),
        )
        table.add_row(*cells, style=_colour(group.change) if group.p_corrected < SIGNIFICANCE else "")
    return table


def draw_flips(comparison: Comparison, limit: int) -> Table:
    """Return the questions that the runs differ on, losses first; `limit` of them, all for 0."""
    flips = sorted(comparison.flips, key=lambda flip: flip.won)
    shown = flips[:limit] if limit else flips
    more = f", the first {len(shown)}; --limit 0 lists all" if len(shown) < len(flips) else ""
    table = Table(title=f"{len(flips)} flipped questions{more}", title_justify="left", expand=True, box=box.SIMPLE_HEAD)
    for heading in ("id", "database", "", "before", "after"):
        table.add_column(heading, no_wrap=True)
    # The question takes what is left of the line.
    table.add_column("question", no_wrap=True, overflow="ellipsis", ratio=1)
    for flip in shown:
        cells = [escape(cell) for cell in _cells(flip)]
        cells[2] = f"[{GAIN if flip.won else LOSS}]{cells[2]}[/]"
        table.add_row(*cells)
    return table


def _cells(flip: Flip) -> tuple[str, ...]:
    record = flip.second
    return (
        str(record.question_id),
        record.db_id,
        "better" if flip.won else "worse",
        _verdict(flip.value_first, flip.first.diagnosis),
        _verdict(flip.value_second, flip.second.diagnosis),
        " ".join(record.question.split()),
    )


def _verdict(value: float, diagnosis: str | None) -> str:
    return diagnosis or {1.0: "right", 0.0: "wrong"}.get(value, percent(value))
