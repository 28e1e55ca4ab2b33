"""A comparison of two runs as terminal tables."""

from rich.markup import escape
from rich.table import Table

from reports.compare import Comparison, Flip
from reports.wording import define, p_value, percent, points

__all__ = ["draw_flips", "draw_outcome"]


def draw_outcome(comparison: Comparison) -> Table:
    """Return both values, the flips in numbers and the test."""
    test = comparison.test
    table = Table(title=escape(define(comparison.metric).title), title_justify="left", show_header=False)
    rows = [
        (comparison.first, percent(comparison.value_first)),
        (comparison.second, percent(comparison.value_second)),
        ("change, in points", points(comparison.change)),
        ("better / worse / equal", f"{test.wins} / {test.losses} / {test.ties}"),
        ("McNemar, exact, two-sided", p_value(test.p_two_sided)),
        ("smallest change that shows here", points(comparison.detectable).lstrip("+")),
        ("questions compared", f"{test.n:,}"),
    ]
    if comparison.only_first or comparison.only_second:
        rows.append(("questions of one run only", f"{comparison.only_first} / {comparison.only_second}"))
    if comparison.changed_golds:
        rows.append(("questions with another gold SQL", f"{comparison.changed_golds}"))
    for name, value in rows:
        table.add_row(escape(name), escape(value))
    return table


def draw_flips(comparison: Comparison, limit: int) -> Table:
    """Return the questions that the runs differ on, losses first; `limit` of them, all for 0."""
    flips = sorted(comparison.flips, key=lambda flip: flip.won)
    shown = flips[:limit] if limit else flips
    more = f", the first {len(shown)}; --limit 0 lists all" if len(shown) < len(flips) else ""
    table = Table(title=f"{len(flips)} flipped questions{more}", title_justify="left", expand=True)
    for heading in ("id", "database", "", "before", "after"):
        table.add_column(heading, no_wrap=True)
    # The question takes what is left of the line.
    table.add_column("question", no_wrap=True, overflow="ellipsis", ratio=1)
    for flip in shown:
        table.add_row(*(escape(cell) for cell in _cells(flip)))
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
