"""SQLite's SELECT as rules, without the names: what may follow what.

A rule comes in two shapes: `…1` follows a word, so that its first word needs white space in front, `…0` follows
punctuation. Expressions come in three kinds, since SQLite refuses an aggregate where it means nothing: `any`
(aggregates and windows; the SELECT list and ORDER BY), `group` (aggregates; HAVING) and `row` (neither). A terminal
`K_ORDER_BY1` is the keywords ORDER BY. The rules are flat, without the precedence of operators: an Earley parser
pays for every level, and a mask needs to know only what may come next.

Source: https://sqlite.org/lang_select.html and https://sqlite.org/lang_expr.html. Not covered: comments,
parameters, row values, joins in brackets, INDEXED BY, table-valued functions, MATCH and REGEXP without a function
behind them, ISNULL, NOTNULL and NOT NULL behind an expression, a second LIKE, IN, IS or BETWEEN behind the first
without brackets (few parsers agree on it), WITH in front of VALUES, windows with names, frames that EXCLUDE, and
WITHIN GROUP.
"""

from collections.abc import Iterator
from functools import cache

from harness.decoding.functions import Call, calls

__all__ = ["function_terminal", "render_rules"]

_QUERY = """
start: query0 (END | TRAIL)?
query0: K_WITH0 K_RECURSIVE1? cte1 (COMMA0 cte0)* select0 behind | compound0
behind: order? limit? | set_operator compound1
subquery: LP query0 RP
set_operator: K_UNION1 K_ALL1? | K_INTERSECT1 | K_EXCEPT1
cte1: NEW1 cte_body
cte0: NEW0 cte_body
cte_body: (LP NEW0 (COMMA0 NEW0)* RP)? K_AS1 (K_NOT1? K_MATERIALIZED1)? subquery
order: K_ORDER_BY1 term1 (COMMA0 term0)*
limit: K_LIMIT1 bound1 (K_OFFSET1 bound1 | COMMA0 bound0)?
bound1: NUMBER1 | SIGN NUMBER0 | subquery
bound0: NUMBER0 | SIGN NUMBER0 | subquery
from: K_FROM1 source1 joined*
joined: COMMA0 source0
    | JOIN1 source1 (K_ON1 expr1_row | K_USING1 LP COLUMN0 (COMMA0 COLUMN0)* RP)?
    | NATURAL_JOIN1 source1
where: K_WHERE1 expr1_row
group: K_GROUP_BY1 expr1_row (COMMA0 expr0_row)* (K_HAVING1 expr1_group)?
filter: K_FILTER1 LP K_WHERE0 expr1_row RP
over: K_OVER1 window_body
window_body: LP (K_PARTITION_BY0 expr1_any (COMMA0 expr0_any)* (K_ORDER_BY1 sorted_by)? | K_ORDER_BY0 sorted_by)? RP
sorted_by: term1 (COMMA0 term0)* frame?
frame: FRAME1 (edge | K_BETWEEN1 edge K_AND1 edge)
edge: EDGE1 | NUMBER1 BOUND1
type: TYPE1 (LP NUMBER0 (COMMA0 NUMBER0)? RP)?
row: LP value_expr0_row (COMMA0 value_expr0_row)* RP
"""
_SHAPED = """
compound@: select@ behind | K_VALUES@ row (COMMA0 row)* (set_operator compound1)?
select@: K_SELECT@ (K_DISTINCT1 | K_ALL1)? item1 (COMMA0 item0)* from? where? group?
item@: STAR0 | QUALIFIED_STAR@ | expr@_any (K_AS1 NEW1 | IMPLICIT1)?
term@: expr@_any DIRECTION1? (K_NULLS1 EXTREME1)?
source@: named_source@ | subquery (K_AS1 NEW1 | IMPLICIT1)?
"""
_KINDED = """
rest_#: OPERATOR tail_# | COMPARE value0_# | K_COLLATE1 COLLATION1
range_#: K_IS1 K_NOT1? K_DISTINCT_FROM1? value1_# (OPERATOR tail_#)*
    | IN1 (subquery | LP (value_expr0_# (COMMA0 value_expr0_#)*)? RP)
    | LIKE1 value1_# (OPERATOR tail_#)* (K_ESCAPE1 STRING0)?
    | GLOB1 value1_# (OPERATOR tail_#)*
    | BETWEEN1 value1_# (OPERATOR tail_#)* K_AND1 value1_# (OPERATOR tail_#)*
tail_#: operand0_# | SPACED_SIGN operand0_#
when_#: K_WHEN1 expr1_# K_THEN1 value_expr1_#
"""
_BOTH = """
expr@_#: head@_# rest_#* range_#? (LOGIC1 head1_# rest_#* range_#?)*
head@_#: operand@_# | SIGN operand0_# | K_NOT@ head1_#
value@_#: operand@_# | SIGN operand0_# | DOUBLE0
value_expr@_#: expr@_# | DOUBLE0 (OPERATOR tail_#)*
operand@_#: LITERAL@ | COLUMN@ | LP (expr0_# | query0) RP | K_EXISTS@ subquery
    | K_CASE@ expr1_#? when_#+ (K_ELSE1 value_expr1_#)? K_END1
    | K_CAST@ LP value_expr0_# K_AS1 type RP
    | %
"""


@cache
def render_rules() -> str:
    """Return the rules; `named_source…` and the terminals of names and literals are left for others to define."""
    parts = [_QUERY]
    parts += [_SHAPED.replace("@", shape) for shape in "01"]
    for kind in ("any", "group", "row"):
        parts += [_KINDED.replace("#", kind)]
        for shape in "01":
            called = "\n    | ".join(_call_rules(kind, shape))
            parts.append(_BOTH.replace("#", kind).replace("@", shape).replace("%", called))
    return "\n".join(parts)


def function_terminal(call: Call) -> str:
    """Return the name of the terminal that holds the functions which are called like this."""
    return f"F_{call.kind.upper()}_{call.fewest}_{'N' if call.most is None else call.most}"


def _call_rules(kind: str, shape: str) -> Iterator[str]:
    for call in calls():
        name = f"{function_terminal(call)}_{shape}"
        if call.kind == "scalar":
            yield f"{name} LP {_arguments(call, kind)} RP"
        elif call.kind == "window" and kind == "any":
            yield f"{name} LP {_arguments(call, 'group')} RP over"
        elif call.kind == "aggregate" and kind != "row":
            rest = "filter? over?" if kind == "any" else "filter?"
            distinct = " | K_DISTINCT0 expr1_row" if call.fewest <= 1 else ""
            yield f"{name} LP ({_arguments(call, 'row')}{distinct}) RP {rest}"
    if kind != "row":
        yield f"K_COUNT{shape} LP STAR0 RP {'filter? over?' if kind == 'any' else 'filter?'}"


def _arguments(call: Call, kind: str) -> str:
    """Return the arguments of a call; they are grouped so that nothing may be written where SQLite wants one more."""
    first, more = f"value_expr0_{kind}", f"COMMA0 value_expr0_{kind}"
    if call.most == 0:
        return ""
    least, most = max(call.fewest, 1), call.most
    tail = f"({more})*" if most is None else f"({more}){{{0},{most - least}}}" if most > least else ""
    found = " ".join([first, *[more] * (least - 1), tail]).strip()
    return f"({found})?" if call.fewest == 0 else found
