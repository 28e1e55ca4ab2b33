"""Spider's equality of results, as its test-suite evaluator computes it.

Source: taoyds/test-suite-sql-eval, exec_eval.py. Cells are equal as in Python. Its quick rejection sorts the cells of a
row by their text and type, so that rows of equal numbers written as INTEGER here and as REAL there may be told apart:
(10, 10.5) and (10.0, 10.5) sort differently. That is repeated.
"""

from collections import Counter
from collections.abc import Sequence

from harness.comparison.columns import Relaxation
from harness.comparison.relaxed import equal_relaxed
from harness.types import Cell, Row

__all__ = ["equal_spider"]

_PERMUTED = Relaxation(permuted=True, numeric_text=False, relative=0.0, absolute=0.0)


def equal_spider(predicted: Sequence[Row], gold: Sequence[Row], *, ordered: bool) -> bool:
    """Return whether two results are equal under some permutation of columns, as sequences or as bags of rows.

    Their code tries the permutations one by one; here the search is bounded, see `harness.comparison.relaxed`.
    """
    if len(predicted) != len(gold):
        return False
    if not gold:
        return True
    if len(predicted[0]) != len(gold[0]):
        return False
    ours, theirs = list(map(_sort_cells, predicted)), list(map(_sort_cells, gold))
    if ordered:
        return ours == theirs and Counter(zip(*predicted, strict=True)) == Counter(zip(*gold, strict=True))
    return set(ours) == set(theirs) and equal_relaxed(predicted, gold, _PERMUTED)


def _sort_cells(row: Row) -> Row:
    return tuple(sorted(row, key=_describe))


def _describe(cell: Cell) -> str:
    return f"{cell!s}{type(cell)}"
