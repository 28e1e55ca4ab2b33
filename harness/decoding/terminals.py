"""The terminals of the grammar that are the same for every schema: signs, literals, joins, keywords and functions.

A number at the end of a name is its shape, as in `rules`: 1 behind a word, 0 behind punctuation.
"""

import re
from collections.abc import Iterator
from functools import cache

from harness.decoding.functions import calls
from harness.decoding.lexemes import DOUBLE_QUOTED, GAP, NUMBER, SPACE, STRING, any_of, one_of, phrase
from harness.decoding.rules import function_terminal

__all__ = ["render_terminals"]

_KEYWORD = re.compile(r"\bK_([A-Z_]+)([01])\b")
_TYPES = (
    "int integer tinyint smallint bigint real double float numeric decimal text varchar char date datetime time "
    "timestamp blob boolean signed unsigned"
)
_CONSTANTS = one_of("null true false current_date current_time current_timestamp")
_LITERAL = rf"{NUMBER}|[xX]'([0-9a-fA-F][0-9a-fA-F])*'|{_CONSTANTS}"
_OUTER = f"{one_of('left right full')}({GAP}{phrase('outer')})?"
_JOIN = f"(({one_of('inner cross')}|{_OUTER}){GAP})?{phrase('join')}"
_NATURAL_JOIN = f"{phrase('natural')}{GAP}(({phrase('inner')}|{_OUTER}){GAP})?{phrase('join')}"
_EDGES = ["unbounded preceding", "unbounded following", "current row"]
_TERMINALS = rf"""
END: /{SPACE};/
TRAIL: /{GAP}/
LP: /{SPACE}\(/
RP: /{SPACE}\)/
COMMA0: /{SPACE},/
STAR0: /{SPACE}\*/
COMPARE: /{SPACE}(=|==|<>|!=|<=|>=|<|>)/
OPERATOR: /{SPACE}(\|\||\+|-|\*|\/|%|&|\||<<|>>|->>|->)/
SIGN: /{SPACE}[\-+~]/
SPACED_SIGN: /{GAP}[\-+~]/
STRING0: /{SPACE}{STRING}/
DOUBLE0: /{SPACE}{DOUBLE_QUOTED}/
LITERAL0: /{SPACE}({_LITERAL}|{STRING})/
LITERAL1: /{GAP}({_LITERAL})|{SPACE}{STRING}/
NUMBER0: /{SPACE}{NUMBER}/
NUMBER1: /{GAP}{NUMBER}/
LOGIC1: /{GAP}{one_of("and or")}/
IN1: /{GAP}({one_of("not")}{GAP})?{one_of("in")}/
LIKE1: /{GAP}({one_of("not")}{GAP})?{one_of("like")}/
GLOB1: /{GAP}({one_of("not")}{GAP})?{one_of("glob")}/
BETWEEN1: /{GAP}({one_of("not")}{GAP})?{one_of("between")}/
JOIN1: /{GAP}{_JOIN}/
NATURAL_JOIN1: /{GAP}{_NATURAL_JOIN}/
DIRECTION1: /{GAP}{one_of("asc desc")}/
EXTREME1: /{GAP}{one_of("first last")}/
FRAME1: /{GAP}{one_of("rows range groups")}/
EDGE1: /{GAP}({"|".join(map(phrase, _EDGES))})/
BOUND1: /{GAP}{one_of("preceding following")}/
COLLATION1: /{GAP}{one_of("binary nocase rtrim")}/
TYPE1: /{GAP}{one_of(_TYPES)}/
"""


@cache
def render_terminals(rules: str) -> str:
    """Return the terminals, with those of the keywords that the rules name."""
    return "\n".join([_TERMINALS, *_keywords(rules), *_functions()])


def _keywords(rules: str) -> Iterator[str]:
    for name, shape in sorted(set(_KEYWORD.findall(rules))):
        space, words = GAP if shape == "1" else SPACE, name.replace("_", " ")
        yield f"K_{name}{shape}: /{space}{phrase(words)}/"


def _functions() -> Iterator[str]:
    for call, names in calls().items():
        for shape, space in (("0", SPACE), ("1", GAP)):
            yield f"{function_terminal(call)}_{shape}: /{space}{any_of(names)}/"
