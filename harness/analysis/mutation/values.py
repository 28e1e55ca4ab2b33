"""Values worth trying: a constant's neighbours, what satisfies a comparison, fresh keys, small changes."""

import datetime as dt
import re
from collections.abc import Iterable
from random import Random

from harness.types import Cell

__all__ = ["default", "freshen", "instantiate", "neighbours", "perturb", "satisfying", "through_dates"]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEAR = re.compile(r"[12]\d{3}")
_MONTH = re.compile(r"[12]\d{3}-\d{2}")
_PART = re.compile(r"\d{1,2}")
_DIGITS = re.compile(r"\d+")
_LARGEST = 2**62
_LONGEST_AGE = 150
_EPSILON = 0.01


def neighbours(value: Cell) -> tuple[Cell, ...]:
    """Return the value itself and what lies closest around it, nearest first."""
    if value is None:
        return (None,)
    if isinstance(value, int):
        return (value, value + 1, value - 1, float(value) + 0.5) if abs(value) < _LARGEST else (value,)
    if isinstance(value, float):
        return value, value + _EPSILON, value - _EPSILON, value + 1, value - 1
    if isinstance(value, bytes):
        return value, value + b"x"
    return tuple(dict.fromkeys(_near_text(value)))


def _near_text(text: str) -> Iterable[Cell]:
    yield text
    if _DATE.match(text):
        yield from _near_date(text)
    if re.fullmatch(r"-?\d{1,15}", text):
        yield from (int(text), str(int(text) + 1), str(int(text) - 1))
    elif re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text):
        yield from (float(text), float(text) + _EPSILON, float(text) - _EPSILON)
    yield from (text.swapcase(), f"{text}x", f"x{text}", text[:-1])


def _near_date(text: str) -> Iterable[str]:
    try:
        day = dt.date.fromisoformat(text[:10])
    except ValueError:
        return
    one = dt.timedelta(days=1)
    if dt.date.min + one <= day <= dt.date.max - one:
        yield from (f"{day - one}{text[10:]}", f"{day + one}{text[10:]}")
    yield text[:10] if len(text) > len("2000-01-01") else f"{text} 00:00:00"


def satisfying(operator: str, value: Cell) -> Cell:
    """Return a value for which `column operator value` is likely to hold."""
    if operator == "like":
        return instantiate(value)[0] if isinstance(value, str) else value
    if isinstance(value, int | float):
        return value + {">": 1, "<": -1, "!=": 1}.get(operator, 0)
    if isinstance(value, str):
        near = neighbours(value)
        return {"<": value[:-1], ">": f"{value}x", "!=": near[1]}.get(operator, value)
    return "x" if operator == "not null" else value


def instantiate(pattern: str) -> tuple[Cell, ...]:
    """Return texts that a LIKE pattern accepts, and close ones that it does not."""
    bare = pattern.replace("%", "").replace("_", "a")
    filled = pattern.replace("%", "zz").replace("_", "b")
    return bare, filled, bare[1:], bare[:-1], f"q{bare}", f"{bare}q", bare.swapcase(), f"q{filled}q"


def through_dates(value: Cell) -> tuple[Cell, ...]:
    """Return dates around a constant that is compared with a part of a date, or with a span of years."""
    text = str(value)
    if _DATE.match(text):
        return (text[:10], *_near_date(text[:10]))
    if _MONTH.fullmatch(text):
        return f"{text}-01", f"{text}-28", f"{text[:4]}-01-01", f"{text[:4]}-12-31"
    if _YEAR.fullmatch(text):
        year = int(text)
        return f"{year}-06-15", f"{year}-01-01", f"{year}-12-31", f"{year - 1}-12-31", f"{year + 1}-01-01"
    dates: list[Cell] = []
    if _PART.fullmatch(text) and 1 <= int(text) <= 12:  # noqa: PLR2004  (months)
        month = int(text)
        dates = [f"1991-{month:02}-10", f"1991-{month % 12 + 1:02}-10", f"1992-{month:02}-28"]
    if isinstance(value, int) and 0 < value < _LONGEST_AGE:
        this_year = dt.datetime.now(tz=dt.UTC).year
        ages = [year - value + shift for year in (this_year, 1991) for shift in (0, 1, -1)]
        dates += [f"{year}-06-15" for year in ages]
        dates.append("1991-06-15")
    return tuple(dates)


def freshen(value: Cell, number: int) -> Cell:
    """Return a value that differs from `value` in shape as little as may be, another one for each `number`."""
    if isinstance(value, str) and (found := _DIGITS.search(value)):
        digits = found.group()
        fresh = (int(digits) + number) % 10 ** max(len(digits), 4)
        return f"{value[: found.start()]}{fresh:0{len(digits)}}{value[found.end() :]}"
    if isinstance(value, str):
        return f"{value}{number}"
    if isinstance(value, bytes):
        return value + str(number).encode()
    if isinstance(value, float):
        return value + number
    return (value or 0) + number if abs(value or 0) < _LARGEST else number


def perturb(value: Cell, random: Random) -> Cell:
    """Return a value close to `value`, or NULL."""
    if value is None:
        return random.choice((0, 1, "a"))
    near = [one for one in neighbours(value) if one != value]
    zero: Cell = "" if isinstance(value, str) else 0
    return random.choice([*near, *near, zero, None])


def default(declared: str, number: int) -> Cell:
    """Return a value of a declared type, for a column that nothing is known of."""
    kind = declared.lower()
    if "date" in kind or "time" in kind:
        return f"1991-06-{number % 28 + 1:02}"
    if "int" in kind:
        return number
    if any(word in kind for word in ("real", "floa", "doub", "num", "dec")):
        return number + 0.5
    return f"t{number}"
