"""`eda.json`, what a training set looks like before and after sampling → pictures and a table.

The file is written by `t2s data stats --out` and by every training; parts that are not there are not shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["STATISTICS", "Distribution", "Eda", "Lengths", "read_eda"]

SIDES = (("before", "all questions"), ("after", "sample"))
SHARES = (
    ("evidence_buckets", "Evidence length"),
    ("sql_features", "In the gold SQL"),
    ("by_difficulty", "Difficulty"),
    ("by_database", "Database"),
)
STATISTICS = ("mean", "median", "p95", "max")
MOST_BARS = 20


@dataclass(frozen=True, slots=True)
class Distribution:
    """Shares by label, as fractions, one for each of `columns`; `omitted` counts the labels left out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class Lengths:
    """Mean, median, 95th percentile and maximum of a length, for each of the file's sides."""

    name: str
    side: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Eda:
    """A training set in shares and lengths; `facts` are (name, value) pairs."""

    facts: tuple[tuple[str, str], ...]
    distributions: tuple[Distribution, ...]
    lengths: tuple[Lengths, ...]


def read_eda(content: Mapping[str, Any]) -> Eda:
    """Return what the file holds of the parts known here."""
    sides = [(title, side) for key, title in SIDES if isinstance(side := content.get(key), Mapping)]
    return Eda(
        facts=tuple(_facts(content, sides)),
        distributions=tuple(_distributions(sides)),
        lengths=tuple(_lengths(sides)),
    )


def _facts(content: Mapping[str, Any], sides: list[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    for title, side in sides:
        for key in ("questions", "databases"):
            if isinstance(side.get(key), int):
                yield f"{title}, {key}" if key != "questions" else title, f"{side[key]:,}"
        if isinstance(side.get("evidence_present"), float):
            yield f"{title}, with evidence", f"{100 * side['evidence_present']:.1f} %"
    for key in ("fraction", "seed"):
        if key in content:
            yield f"sampling {key}", str(content[key])


def _distributions(sides: list[tuple[str, Mapping[str, Any]]]) -> Iterator[Distribution]:
    for key, title in SHARES:
        columns = {name: _shares(side.get(key)) for name, side in sides}
        labels = list(dict.fromkeys(label for shares in columns.values() for label in shares))
        rows = [(label, tuple(shares.get(label, 0.0) for shares in columns.values())) for label in labels]
        rows = [row for row in rows if any(row[1])]
        if len(rows) > MOST_BARS:
            rows.sort(key=lambda row: -max(row[1]))
        if len(rows) > 1:
            yield Distribution(title, tuple(columns), tuple(rows[:MOST_BARS]), max(0, len(rows) - MOST_BARS))


def _shares(group: Any) -> dict[str, float]:
    if not isinstance(group, Mapping):
        return {}
    return {
        str(label).replace("_", " "): float(counted["share"])
        for label, counted in group.items()
        if isinstance(counted, Mapping) and isinstance(counted.get("share"), int | float)
    }


def _lengths(sides: list[tuple[str, Mapping[str, Any]]]) -> Iterator[Lengths]:
    tables = [(title, _table(side, "lengths")) for title, side in sides]
    for text in dict.fromkeys(text for _, table in tables for text in table):
        for unit in ("words", "characters"):
            for title, table in tables:
                spread = _table(_table(table, text), unit)
                if spread:
                    yield Lengths(f"{text}, {unit}", title, tuple(spread.get(name) for name in STATISTICS))


def _table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = tree.get(key)
    return value if isinstance(value, Mapping) else {}
