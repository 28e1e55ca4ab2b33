"""Pictures as inline SVG, coloured by the page's style sheet so that dark mode and print reach them.

Every function returns SVG text in which all names are escaped. What a picture shows stands in words in its label.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

from reports.eda import Distribution
from reports.training import Curve, Series
from reports.wording import percent

__all__ = ["bars", "line_chart", "stack", "whisker"]

WHISKER_WIDTH, WHISKER_HEIGHT = 92, 12
CHART_WIDTH, CHART_HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34
TICKS = 4


def whisker(value: float | None, low: float | None, high: float | None) -> str:
    """Draw a rate on the axis from 0 to 100 % with its interval; `""` where there is none."""
    if value is None or low is None or high is None:
        return ""
    label = f"{percent(value)}, 95 % interval {percent(low)} to {percent(high)}"
    middle = WHISKER_HEIGHT / 2
    return (
        f'<svg class="whisker" role="img" aria-label="{escape(label)}" width="{WHISKER_WIDTH}"'
        f' height="{WHISKER_HEIGHT}" viewBox="0 0 {WHISKER_WIDTH} {WHISKER_HEIGHT}"><title>{escape(label)}</title>'
        f'<line class="axis" x1="{_across(0)}" x2="{_across(1)}" y1="{middle}" y2="{middle}"/>'
        f'<rect class="interval" x="{_across(low)}" y="{middle - 3.5}" height="7" rx="1"'
        f' width="{max(1.0, _across(high) - _across(low)):.1f}"/>'
        f'<rect class="mean" x="{_across(value) - 1:.1f}" y="{middle - 5}" height="10" width="2"/></svg>'
    )


def _across(value: float) -> float:
    return round(2 + value * (WHISKER_WIDTH - 4), 1)


def stack(counts: Mapping[str, int]) -> str:
    """Draw counts as the parts of one bar, in their order, none for 0; parts take their colour from class `s-NAME`."""
    total = sum(counts.values()) or 1
    present = {name: number for name, number in counts.items() if number}
    parts, start = [], 0.0
    for name, number in present.items():
        width = 100 * number / total
        label = f"{name}: {number:,} of {total:,} ({percent(number / total)})"
        parts.append(
            f'<rect class="s-{_class(name)}" x="{start:.3f}" width="{width:.3f}" height="10">'
            f"<title>{escape(label)}</title></rect>"
        )
        start += width
    words = ", ".join(f"{number:,} {name}" for name, number in present.items())
    return (
        f'<svg class="stack" role="img" aria-label="{escape(words)}" viewBox="0 0 100 10" width="100%" height="14"'
        f' preserveAspectRatio="none">{"".join(parts)}</svg>'
    )


def _class(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def bars(distribution: Distribution) -> str:
    """Draw shares by label as horizontal bars, a row for each label and a colour for each column."""
    largest = max((share for _, shares in distribution.rows for share in shares), default=0) or 1
    height = 12 * len(distribution.columns) + 6
    parts = []
    for index, (label, shares) in enumerate(distribution.rows):
        top = index * height
        parts.append(f'<text x="128" y="{top + height / 2 + 3}" class="label">{escape(_short(label))}</text>')
        for column, share in enumerate(shares):
            y, width = top + 2 + 12 * column, 170 * share / largest
            parts.append(f'<rect class="series-{column}" x="134" y="{y}" width="{width:.1f}" height="10"/>')
            parts.append(f'<text x="{138 + width:.1f}" y="{y + 9}">{100 * share:.1f} %</text>')
    total_height = height * len(distribution.rows)
    return (
        f'<svg class="chart" role="img" aria-label="{escape(_describe(distribution))}"'
        f' viewBox="0 0 {CHART_WIDTH} {total_height}">{"".join(parts)}</svg>'
    )


def _describe(distribution: Distribution) -> str:
    rows = [
        f"{label} " + " and ".join(f"{100 * share:.1f} %" for share in shares) for label, shares in distribution.rows
    ]
    return f"{distribution.title}, {' and '.join(distribution.columns)}: {'; '.join(rows)}"


def _short(label: str) -> str:
    return label if len(label) <= 19 else label[:18] + "…"  # noqa: PLR2004 - what fits beside the bars


def line_chart(curve: Curve) -> str:
    """Draw the lines of a training over its steps, with round ticks; the y axis begins at 0."""
    points = [point for series in curve.series for point in series.points]
    right = max(x for x, _ in points) or 1.0
    ticks = _ticks(max(y for _, y in points))
    label = f"{curve.title}: " + ", ".join(f"{one.name} ends at {_number(one.points[-1][1])}" for one in curve.series)
    drawn = [_grid(ticks, right)]
    drawn += [_line(series, index, right, ticks[-1]) for index, series in enumerate(curve.series)]
    return (
        f'<svg class="chart" role="img" aria-label="{escape(label)}" viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}">'
        f"<title>{escape(label)}</title>{''.join(drawn)}</svg>"
    )


def _ticks(largest: float) -> list[float]:
    """Return round numbers from 0 to at least `largest`."""
    if largest <= 0:
        return [0.0, 1.0]
    rough = largest / TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [step * index for index in range(math.ceil(largest / step - 1e-9) + 1)]


def _grid(ticks: Sequence[float], right: float) -> str:
    lines = []
    for tick in ticks:
        y = _y(tick, ticks[-1])
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{CHART_WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(f'<text class="label" x="{LEFT - 6}" y="{y + 4}">{_number(tick)}</text>')
    y = CHART_HEIGHT - BOTTOM + 16
    lines.append(f'<text class="tick" x="{LEFT}" y="{y}">0</text>')
    lines.append(f'<text class="tick end" x="{CHART_WIDTH - RIGHT}" y="{y}">step {_number(right)}</text>')
    return "".join(lines)


def _line(series: Series, index: int, right: float, highest: float) -> str:
    places = [(_x(x, right), _y(y, highest)) for x, y in series.points]
    path = " ".join(f"{x},{y}" for x, y in places)
    # A validation loss is measured a few times only: each measurement is marked.
    dots = places if len(places) <= 12 else places[-1:]  # noqa: PLR2004
    marks = "".join(f'<circle class="series-{index}" cx="{x}" cy="{y}" r="2.5"/>' for x, y in dots)
    return f'<polyline class="line series-{index}" points="{path}"/>{marks}'


def _x(value: float, right: float) -> float:
    return round(LEFT + (CHART_WIDTH - LEFT - RIGHT) * value / right, 1)


def _y(value: float, highest: float) -> float:
    return round(CHART_HEIGHT - BOTTOM - (CHART_HEIGHT - TOP - BOTTOM) * value / highest, 1)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004
