"""Percentages and ratios: the same IEEE operations on the same numbers, however they are spelled.

Nothing is re-associated. Used is only: SQLite converts an INTEGER beside a REAL to REAL before it multiplies or
divides; multiplication commutes; `x * 1.0` is `CAST(x AS REAL)` for a number `x`; and division by zero or NULL gives
NULL.
"""

from dataclasses import replace

from harness.analysis.equivalence.terms import TRUE, Block, Term, rebuild

__all__ = ["is_count", "simplify_arithmetic"]

_ZEROS = (Term("int", text="0"), Term("real", text="0.0"))
_ONE = Term("real", text="1.0")


def is_count(term: Term) -> bool:
    """Whether a term is a whole number or NULL whatever the data: COUNT, or SUM over ones and zeros."""
    if term.head == "scalar" and isinstance(term.query, Block) and term.query.group is None:
        (output,) = term.query.outputs
        return output.head == "aggregate" and is_count(output)
    counts = ("count", "count distinct", "count_if", "sum_if", "sum_some")
    return (term.head == "aggregate" and term.text in counts) or term.head == "int"


def simplify_arithmetic(term: Term, *, by_value: bool) -> Term:
    """Return the term with its products and quotients in normal form.

    `real*` and `real/` stand for operations on numbers converted to REAL, `to_real` for `CAST(count AS REAL)`.
    `by_value` says that `0` may stand for `0.0` in the result: SUM over `1.0` and `0` is REAL unless it is zero.
    """
    if not term.args:
        return term
    if by_value and term.head == "aggregate" and term.text == "sum_ones":
        return Term("to_real", (replace(term, text="sum_if"),))
    below = by_value and (term.head in ("*", "/") or (term.head == "call" and term.text == "round"))
    term = rebuild(term, tuple(simplify_arithmetic(arg, by_value=below) for arg in term.args))
    if term.head == "cast" and _casts_to_real(term) and _is_ones(term.args[0]):
        term = replace(term, args=(replace(term.args[0], text="sum_if"),))
    if term.head == "cast" and _casts_to_real(term) and is_count(term.args[0]):
        term = _real(term.args[0])
    elif term.head == "*":
        term = _product(term)
    elif term.head == "/":
        term = _quotient(term)
    elif term.head == "aggregate" and term.text == "avg_if":
        term = Term("real/", (Term("aggregate", term.args, "count_if"), Term("aggregate", (), "count")))
    return term


def _product(term: Term) -> Term:
    left, right = term.args
    if not (_is_real(left) or _is_real(right)) or not (_is_number(left) and _is_number(right)):
        return term
    if _ONE in (left, right):
        other = left if right == _ONE else right
        return _real(other) if is_count(other) else other
    return Term("real*", (_bare(left), _bare(right)))


def _quotient(term: Term) -> Term:
    """A quotient by a count needs its numerator only where the count is not zero, that is, where there are rows.

    There, SUM over ones and zeros is a COUNT; both are NULL or zero in a divisor where there are none. `NULLIF(n, 0)`
    as a divisor is `n`: either way the quotient is NULL.
    """
    above, below = term.args
    below = _divisor(below)
    if _counts_rows(below):
        above = _among_rows(above)
    if (_is_real(above) or _is_real(below)) and _is_number(above) and _is_number(below):
        return Term("real/", (_bare(above), _bare(below)))
    return Term("/", (above, below))


def _divisor(term: Term) -> Term:
    if term.head == "call" and term.text == "nullif" and term.args[1] in _ZEROS and _is_number(term.args[0]):
        term = term.args[0]
    if term.head == "aggregate" and term.text in ("sum_if", "sum_some"):
        return _counted(term)
    if term.head == "to_real":
        return Term("to_real", (_divisor(term.args[0]),))
    return term


def _counted(total: Term) -> Term:
    return Term("aggregate", text="count") if total.args[0] == TRUE else replace(total, text="count_if")


def _counts_rows(term: Term) -> bool:
    return _bare(term).head == "aggregate" and _bare(term).text in ("count", "count distinct", "count_if")


def _among_rows(term: Term) -> Term:
    """Replace SUM over ones and zeros by COUNT, which it equals unless there are no rows."""
    if term.head == "aggregate":
        return _counted(term) if term.text == "sum_if" else term
    if term.head in ("to_real", "real*", "real/", "*", "+", "-", "neg"):
        return rebuild(term, tuple(map(_among_rows, term.args)))
    return term


def _is_ones(term: Term) -> bool:
    return term.head == "aggregate" and term.text == "sum_ones"


def _is_real(term: Term) -> bool:
    """Whether a term is REAL or NULL whatever the data."""
    return term.head in ("real", "to_real", "real*", "real/") or (term.head == "cast" and _casts_to_real(term))


def _is_number(term: Term) -> bool:
    return is_count(term) or _is_real(term)


def _real(count: Term) -> Term:
    return Term("real", text=f"{count.text}.0") if count.head == "int" else Term("to_real", (count,))


def _bare(term: Term) -> Term:
    """Drop a conversion to REAL that the operation makes by itself; an integer literal becomes the REAL it is."""
    if term.head == "to_real":
        return term.args[0]
    return _real(term) if term.head == "int" else term


def _casts_to_real(term: Term) -> bool:
    return any(word in term.text for word in ("real", "floa", "doub")) and "int" not in term.text
