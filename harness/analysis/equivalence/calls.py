"""Function calls, checked as SQLite checks them."""

from harness.analysis.equivalence.functions import AGGREGATES, FUNCTIONS, is_aggregate
from harness.analysis.equivalence.terms import Term
from harness.analysis.equivalence.tokens import UnreadableError

__all__ = ["resolve_call"]


def resolve_call(name: str, args: tuple[Term, ...]) -> Term:
    """Return the term of a call: `case` for IIF, `aggregate` for an aggregate, else `call`.

    Raises `UnreadableError` for a function that is not known or does not take so many arguments.
    """
    if name == "count(*)":
        return Term("aggregate", text="count")
    if name.endswith("(distinct)"):
        return _distinct_aggregate(name.removesuffix("(distinct)"), args)
    if is_aggregate(name, len(args)):
        return Term("aggregate", args, text=name)
    function = FUNCTIONS.get(name)
    if function is None or not function.fewest <= len(args) <= function.most:
        raise UnreadableError(f"a call of {name}() that is not modelled")
    if function.dated:
        return _dated(name, args)
    return Term("case", args, text="iif") if name == "iif" else Term("call", args, text=name)


def _dated(name: str, args: tuple[Term, ...]) -> Term:
    """Return a call of a date function; those of the clock only where all that shows is the year.

    The year is the same in two queries that run one after the other, except on New Year's Eve; what is finer is
    refused.
    """
    moment = args[1:] if name == "strftime" else args
    now = not moment or _is_now(moment[0])
    if not now:
        return Term("call", args, text=name)
    if len(moment) <= 1 and name == "strftime" and args[0] == Term("text", text="%Y"):
        return Term("clock", text="year")
    if len(moment) <= 1 and name in ("date", "datetime"):
        return Term("clock", text="current_timestamp")
    raise UnreadableError("the clock is read")


def _is_now(moment: Term) -> bool:
    if moment.head == "clock":
        return moment.text in ("current_date", "current_timestamp")
    return moment.head == "text" and moment.text.lower() == "now"


def _distinct_aggregate(name: str, args: tuple[Term, ...]) -> Term:
    if name not in AGGREGATES or len(args) != 1:
        raise UnreadableError(f"DISTINCT in a call of {name}() that is not modelled")
    return Term("aggregate", args, text=f"{name} distinct")
