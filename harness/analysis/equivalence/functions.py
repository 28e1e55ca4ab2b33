"""SQLite's functions, as far as a proof may reason about them; a call of any other function proves nothing."""

from dataclasses import dataclass

__all__ = ["AGGREGATES", "FUNCTIONS", "Function", "is_aggregate"]

_MANY = 127


@dataclass(frozen=True, slots=True)
class Function:
    """A deterministic scalar function.

    `strict` says that one NULL argument makes NULL; `raises` that it can fail at run time, so that whether it is
    reached matters; `dated` that an argument may mean the clock.
    """

    fewest: int
    most: int
    strict: bool = True
    raises: bool = False
    dated: bool = False


FUNCTIONS: dict[str, Function] = {
    "abs": Function(1, 1, raises=True),  # abs(-9223372036854775808)
    "coalesce": Function(2, _MANY, strict=False),
    "date": Function(0, _MANY, dated=True),
    "datetime": Function(0, _MANY, dated=True),
    "ifnull": Function(2, 2, strict=False),
    "iif": Function(3, 3, strict=False),
    "instr": Function(2, 2),
    "julianday": Function(0, _MANY, dated=True),
    "length": Function(1, 1),
    "lower": Function(1, 1),
    "ltrim": Function(1, 2),
    "max": Function(2, _MANY),
    "min": Function(2, _MANY),
    "nullif": Function(2, 2, strict=False),
    "printf": Function(1, _MANY, strict=False, raises=True),  # strings that grow too long
    "replace": Function(3, 3, raises=True),
    "round": Function(1, 2),
    "rtrim": Function(1, 2),
    "strftime": Function(1, _MANY, dated=True),
    "substr": Function(2, 3),
    "substring": Function(2, 3),
    "time": Function(0, _MANY, dated=True),
    "trim": Function(1, 2),
    "typeof": Function(1, 1, strict=False),
    "unicode": Function(1, 1),
    "upper": Function(1, 1),
}

AGGREGATES = frozenset({"avg", "count", "group_concat", "max", "min", "sum", "total"})


def is_aggregate(name: str, arguments: int) -> bool:
    """Whether a call by this bare name with so many arguments aggregates: `max` of two values does not."""
    if name in ("min", "max"):
        return arguments == 1
    if name == "count":
        return arguments <= 1
    if name == "group_concat":
        return arguments in (1, 2)
    return name in AGGREGATES and arguments == 1
