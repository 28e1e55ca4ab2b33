"""Whether a prediction's rows are right, and if not, what sets them apart.

`judge_strict` is what “equal” means everywhere: bags of rows with the same number of columns and typed cells, in
an order that the gold's own ORDER BY and LIMIT allow.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.analysis.ordering import find_ties, is_limited, is_ordered
from harness.comparison import Relaxation, equal_official, equal_relaxed, equal_typed
from harness.types import Execution

__all__ = ["CAUSES", "TIED", "Verdict", "explain_gap", "is_empty_match", "judge_lenient", "judge_strict"]

CAUSES = ("duplicates", "order", "type", "columns", "float", "empty", "rows")
"""Why two results differ.

`duplicates`: the same rows, another number of times · `order`: the same bag, in an order that the gold excludes ·
`type`: equal once numeric text counts as its number · `columns`: another number of columns, or the same in another
order · `float`: equal within the tolerance · `empty`: one of them has no row · `rows`: other rows.
"""

TIED = "tied rows, in another order or another choice"
"""The note of a verdict that is equal because the gold's ORDER BY and LIMIT leave a choice."""

_LENIENT = Relaxation()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two results are equal; `cause` is one of `CAUSES` when not, else `""`.

    `note` is `TIED`, or says why ties could not be told where that mattered: then only the gold's own order and rows
    are right.
    """

    equal: bool
    cause: str = ""
    note: str = ""


def judge_strict(gold_sql: str, gold: Execution, predicted: Execution, run: Callable[[str], Execution]) -> Verdict:
    """Compare a prediction's result with its gold's, both executed without a fault on one database.

    `run` executes SQL on that database; it is only called when the gold has a top-level ORDER BY or LIMIT and the rows
    are not simply the gold's. Ties of that ORDER BY may come in any order, and a LIMIT that cuts a tie accepts any
    of the tied rows; a LIMIT without ORDER BY accepts any rows of the unlimited result. Two results without rows are
    equal when they have as many columns.
    """
    if _width(gold) != _width(predicted):
        return Verdict(False, "columns")
    if predicted.rows == gold.rows:
        return Verdict(True)
    same_bag = equal_typed(predicted.rows, gold.rows)
    if same_bag and not is_ordered(gold_sql):
        return Verdict(True)
    note = ""
    if len(gold.rows) == len(predicted.rows) and (same_bag or is_limited(gold_sql)):
        ties = find_ties(gold_sql, gold, run)
        if isinstance(ties, str):
            note = ties
        elif ties.allow(predicted.rows):
            return Verdict(True, note=TIED)
    return Verdict(False, "order" if same_bag else _name_cause(gold, predicted, _LENIENT), note)


def judge_lenient(
    gold: Execution, predicted: Execution, strict: Verdict | None = None, relaxation: Relaxation = _LENIENT
) -> Verdict:
    """Compare like `judge_strict`, forgiving what `relaxation` says and any order of rows.

    Duplicates count. Give the `strict` verdict where it is known: what is strictly right is right here too, also where
    that took the gold's ties, which are not looked for again.
    """
    if strict is not None and strict.equal:
        return strict
    if _width(gold) != _width(predicted):
        return Verdict(False, "columns")
    if equal_relaxed(predicted.rows, gold.rows, relaxation):
        return Verdict(True)
    return Verdict(False, _name_crude_cause(gold, predicted))


def explain_gap(official: bool, strict: Verdict, lenient: Verdict) -> str:  # noqa: FBT001
    """Return why three verdicts on one answer disagree, as one of `CAUSES`; `""` when they agree.

    An answer that is officially right and strictly wrong, for its columns, has no rows to have them in: `empty`.
    One that is strictly right and officially wrong returns other tied rows than the gold: `order`.
    """
    if official == strict.equal == lenient.equal:
        return ""
    if strict.equal:
        return "order"
    return "empty" if official and strict.cause == "columns" else strict.cause


def is_empty_match(gold: Execution, predicted: Execution) -> bool:
    """Return whether neither result has a row: equal by all three verdicts, which says little about the SQL."""
    return gold.ok and predicted.ok and not gold.rows and not predicted.rows


def _width(execution: Execution) -> int:
    return len(execution.rows[0]) if execution.rows else len(execution.columns)


def _name_cause(gold: Execution, predicted: Execution, relaxation: Relaxation) -> str:
    """Return what sets apart two results of the same width whose bags differ: the least that must be forgiven."""
    crude = _name_crude_cause(gold, predicted)
    if crude != "rows" or not equal_relaxed(predicted.rows, gold.rows, relaxation):
        return crude
    straight = replace(relaxation, permuted=False)
    if equal_relaxed(predicted.rows, gold.rows, replace(straight, relative=0.0, absolute=0.0)):
        return "type"
    if equal_relaxed(predicted.rows, gold.rows, replace(straight, numeric_text=False)):
        return "float"
    return "type" if equal_relaxed(predicted.rows, gold.rows, straight) else "columns"


def _name_crude_cause(gold: Execution, predicted: Execution) -> str:
    if not gold.rows or not predicted.rows:
        return "empty"
    return "duplicates" if equal_official(predicted.rows, gold.rows) else "rows"
