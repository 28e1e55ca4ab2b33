"""llguidance, kept in one place: its limits, its errors and its vocabularies.

Its matcher never raises: a grammar that cannot be compiled and a limit that was reached leave it in an error state,
which must be asked for.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from harness.errors import RunError

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLParserLimits, LLTokenizer

__all__ = ["byte_vocabulary", "compile_grammar", "limits"]


@cache
def limits() -> "LLParserLimits":
    """Return limits that real schemas and long statements respect; the defaults are for small grammars."""
    from llguidance import LLParserLimits  # noqa: PLC0415 - 40 ms that only a constraint pays

    return LLParserLimits(
        max_items_in_row=20_000,
        initial_lexer_fuel=100_000_000,
        step_lexer_fuel=20_000_000,
        step_max_items=1_000_000,
        max_lexer_states=1_000_000,
        max_grammar_size=5_000_000,
        verbose_errors=False,
    )


@cache
def byte_vocabulary() -> "LLTokenizer":
    """Return the vocabulary whose tokens are the bytes: a grammar can be checked without a tokeniser."""
    from llguidance import LLTokenizer  # noqa: PLC0415

    return LLTokenizer("byte")


def compile_grammar(grammar: str, tokenizer: "LLTokenizer") -> "LLMatcher":
    """Return a matcher at the beginning of a grammar in Lark text; raises `RunError` when it cannot be compiled."""
    from llguidance import LLMatcher  # noqa: PLC0415

    matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar), limits=limits(), log_level=0)
    complain(matcher)
    return matcher


def complain(matcher: Any) -> None:
    """Raise `RunError` where a matcher is in its error state."""
    if matcher.is_error():
        reason = matcher.get_error().partition("\n")[0]
        raise RunError(
            f'constrained decoding: llguidance stopped: {reason}; report the statement, or set constraint = "off"'
        )
