"""Cells freed of their format: when two values say the same thing in another way of writing."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from harness.types import Cell

__all__ = ["Plain", "agree_rounded", "plain"]

Plain = None | float | str
"""A cell without its format; numbers are floats, texts are folded."""

_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ t]00:00(?::00(?:\.0+)?)?)?")
_DATE_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_NUMBER = re.compile(r"[$€£]?\s*([+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?(?:e[+-]?\d+)?)\s*%?", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d+")
_LARGEST_EXACT = 2**53
_DECIMALS_THAT_SHOW_ROUNDING = 2
_RELATIVE = 0.02
"""How far a value may be from one with at most one decimal to count as rounded to it."""
_HALF = 0.5 + 1e-9
_MOST_DIGITS = 12
_EXACT = 1e15
"""Above this a double has no decimals left to round."""


def plain(cell: Cell) -> Plain:
    """Return a cell freed of type and format.

    Numeric text becomes its number (thousands separators, `%` and currency signs dropped), `2019/1/5`,
    `1/5/2019` and `2019-01-05 00:00:00` become `2019-01-05`, other text loses case and repeated white space, and
    UTF-8 bytes become text. A number keeps its value as a float, an integer beyond 2^53 its digits.
    """
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        return _plain_text(" ".join(cell.split()).casefold())
    return None if cell is None else _plain_number(cell)


def _plain_number(number: float) -> float | str:
    """Return a float, or an integer's digits where a float would have to round it."""
    return str(number) if isinstance(number, int) and abs(number) > _LARGEST_EXACT else float(number)


def _plain_text(text: str) -> Plain:
    if date := _DATE.fullmatch(text):
        year, month, day = date.groups()
        return f"{year}-{int(month):02}-{int(day):02}"
    if date := _DATE_US.fullmatch(text):
        month, day, year = date.groups()
        return f"{year}-{int(month):02}-{int(day):02}"
    number = _NUMBER.fullmatch(text)
    digits = number.group(1).replace(",", "") if number else ""
    try:
        return _plain_number(int(digits) if _INTEGER.fullmatch(digits) else float(digits))
    except ValueError:
        return text


def agree_rounded(first: Sequence[Plain], second: Sequence[Plain]) -> tuple[list[Plain], list[Plain]]:
    """Round the numbers of two columns to the decimals of the coarser one.

    With two decimals or more that is taken for rounding whatever the values; with fewer, values are rounded only
    where that changes them by at most 2 %, so that 5 and 5.3 stay different.
    """
    digits = min(_decimals(first), _decimals(second))
    return [_round(cell, digits) for cell in first], [_round(cell, digits) for cell in second]


def _decimals(column: Sequence[Plain]) -> int:
    return max((_count_decimals(cell) for cell in column if isinstance(cell, float)), default=_MOST_DIGITS)


def _count_decimals(number: float) -> int:
    try:
        exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    except InvalidOperation:
        return 0
    return min(_MOST_DIGITS, max(0, -exponent)) if isinstance(exponent, int) else 0


def _round(cell: Plain, digits: int) -> Plain:
    scale = 10.0**digits
    if not isinstance(cell, float) or not abs(cell) * scale < _EXACT:
        return cell
    # Half away from zero, as SQLite's ROUND; the nudge is for values that binary fractions miss by a hair.
    rounded = math.copysign(math.floor(abs(cell) * scale + _HALF) / scale, cell)
    if digits >= _DECIMALS_THAT_SHOW_ROUNDING or abs(rounded - cell) <= _RELATIVE * abs(cell):
        return rounded
    return cell
