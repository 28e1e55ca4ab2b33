"""How a result differs from the gold's: columns, rows, order, or only the way of writing.

Works on values alone, so that it says what a person would see in the two tables. Cells are equal as in
`execution_accuracy_strict`: INTEGER and REAL by value, text never equal to a number.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from harness.analysis.cells import agree_rounded, plain
from harness.types import Execution, Row

__all__ = ["DIFFERENCES", "classify_difference"]

DIFFERENCES = (
    "order",
    "duplicates",
    "type_or_format",
    "extra_columns",
    "missing_columns",
    "wrong_columns",
    "wrong_rows",
    "empty_result",
)
"""Every answer of `classify_difference`, the smallest fault first."""

_MOST_CELLS = 5_000_000
"""How many cells a search for a selection of columns may compare before it gives up."""


def classify_difference(predicted: Execution, gold: Execution, columns: frozenset[str] = frozenset()) -> str:
    """Name the difference between two results that are known not to be equal.

    `columns` holds the column names of the database in lower case: a result of plain columns, other ones than the
    gold's, with as many rows, counts as another selection. In order of precedence:

    - `empty_result`: no row, though the gold has some
    - `extra_columns`, `missing_columns`: one result is, by values, a selection of the other's columns
    - `wrong_columns`: another number of columns otherwise; the same columns in another order; as many rows where
      some of the columns, not all, are the gold's; other columns of the database by name
    - `order`: the same rows, `duplicates`: the same rows counted once
    - `type_or_format`: the same rows once types, rounding, dates, case and white space are levelled
    - `wrong_rows`: everything else
    """
    if gold.rows and not predicted.rows:
        return "empty_result"
    if len(predicted.columns) != len(gold.columns):
        return _compare_widths(predicted, gold)
    if Counter(predicted.rows) == Counter(gold.rows):
        return "order"
    if set(predicted.rows) == set(gold.rows):
        return "duplicates"
    if _equal_but_for_format(predicted.rows, gold.rows):
        return "type_or_format"
    return "wrong_columns" if _other_selection(predicted, gold, columns) else "wrong_rows"


def _compare_widths(predicted: Execution, gold: Execution) -> str:
    wider = len(predicted.columns) > len(gold.columns)
    large, small = (predicted, gold) if wider else (gold, predicted)
    if not _find_selection(large.rows, small.rows, len(small.columns)):
        return "wrong_columns"
    return "extra_columns" if wider else "missing_columns"


def _other_selection(predicted: Execution, gold: Execution, columns: frozenset[str]) -> bool:
    """Whether results of one width, both with rows or none in the gold, differ in which columns they hold."""
    width = len(gold.columns)
    if _find_selection(predicted.rows, gold.rows, width):
        return True
    if len(predicted.rows) != len(gold.rows):
        return False
    names, wanted = _names(predicted), _names(gold)
    if set(names) != set(wanted) and columns.issuperset(names) and columns.issuperset(wanted):
        return True
    shared = [place for place in range(width) if _column(predicted.rows, place) == _column(gold.rows, place)]
    # One row of constants agrees by chance: only names can tell there.
    return bool(shared) and len(gold.rows) > 1


def _names(execution: Execution) -> list[str]:
    return [name.lower() for name in execution.columns]


def _column(rows: Sequence[Row], place: int) -> Counter[object]:
    return Counter(row[place] for row in rows)


def _find_selection(large: Sequence[Row], small: Sequence[Row], width: int) -> bool:
    """Whether some `width` columns of `large`, in any order, hold `small`'s rows.

    Rows count with their multiplicity where both have as many, else once. A bounded search: it answers no when
    `_MOST_CELLS` have been compared.
    """
    if not large or not small:
        return not large and not small
    collect: Callable[[Iterable[object]], object] = Counter if len(large) == len(small) else frozenset
    target = collect(small)
    tries = max(1, _MOST_CELLS // (len(large) * width))
    for chosen in islice(_assignments(_match_columns(large, small, collect)), tries):
        if collect(tuple(row[place] for place in chosen) for row in large) == target:
            return True
    return False


def _match_columns(
    large: Sequence[Row], small: Sequence[Row], collect: Callable[[Iterable[object]], object]
) -> list[list[int]]:
    """Return for each column of `small` the columns of `large` that hold the same values."""
    offered = [collect(column) for column in zip(*large, strict=True)]
    wanted = [collect(column) for column in zip(*small, strict=True)]
    return [[place for place, values in enumerate(offered) if values == one] for one in wanted]


def _assignments(candidates: Sequence[list[int]]) -> Iterator[tuple[int, ...]]:
    """Yield one different column for each entry of `candidates`, in every possible way.

    Two entries are the same list or share nothing, so an entry that is shared more often than it is long
    rules everything out at once, and the walk below has no dead ends.
    """
    if all(candidates.count(entry) <= len(entry) for entry in candidates):
        yield from _choose(candidates, ())


def _choose(candidates: Sequence[list[int]], chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if len(chosen) == len(candidates):
        yield chosen
        return
    for place in candidates[len(chosen)]:
        if place not in chosen:
            yield from _choose(candidates, (*chosen, place))


def _equal_but_for_format(predicted: Sequence[Row], gold: Sequence[Row]) -> bool:
    if len(predicted) != len(gold):
        return False
    pairs = [
        agree_rounded([plain(cell) for cell in first], [plain(cell) for cell in second])
        for first, second in zip(zip(*predicted, strict=True), zip(*gold, strict=True), strict=True)
    ]
    left = zip(*(first for first, _ in pairs), strict=True)
    right = zip(*(second for _, second in pairs), strict=True)
    return Counter(left) == Counter(right)
