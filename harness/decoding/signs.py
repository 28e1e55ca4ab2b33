"""Signs in one token: which of them need a look at the scope where a lexeme begins, and whether they fit there.

What the grammar refuses at a place anyway needs none. That saves most of the work of a mask and must take nothing away:
a sign that the rules allow at such a place has to be possible here.
"""

from functools import cache

from harness.decoding.lexing import Lexeme, split
from harness.decoding.permits import admits
from harness.decoding.permitting import permit
from harness.decoding.scope import Scope
from harness.decoding.steps import step

__all__ = ["fits", "impossible_signs", "leads"]

_ALL_LEADS = "=(,."
_LEADS = {
    "operand": "=(",
    "after": "=,",
    "after_source": ",",
    "after_alias": "=,",  # a text in double quotes with a quote in it looks like an operand and its alias
    "source": "(",
    "source_alias": "",
    "item_alias": "",
    "call": "(",
    "dot": ".",
}
_IMPOSSIBLE = {"operand": "),;=<>!/|%&", "source": "),;*.=", "after_source": "(*.="}


def leads(scope: Scope) -> frozenset[str]:
    """Return the signs that a word may have in front where a lexeme begins; `=` stands for all operators."""
    if scope.word == "filter":  # it is behind an operand, and is followed by a parenthesis
        return frozenset(_ALL_LEADS)
    return frozenset(_LEADS.get(scope.expect, _ALL_LEADS))


def impossible_signs(scope: Scope) -> str:
    """Return the signs with which no lexeme begins here; behind a parenthesis just opened all may come."""
    return "" if scope.fresh else _IMPOSSIBLE.get(scope.expect, "")


def fits(scope: Scope, signs: str) -> bool:
    """Return whether these signs may come, one after the other; what stands in a string among them is free."""
    lexemes = _lexemes(signs)
    for place, lexeme in enumerate(lexemes, 1):
        if not admits(permit(scope), lexeme):
            return False
        if place < len(lexemes):
            scope = step(scope, lexeme)
    return True


@cache
def _lexemes(signs: str) -> tuple[Lexeme, ...]:
    """Return the lexemes of signs that a vocabulary has: they are few."""
    return tuple(split(signs)[0])
