"""Rewrites inside of conditions and expressions: some keep the meaning, some only look as if they did."""

# ruff: noqa: PLR2004 - shares of a draw, which is no secret

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from sqlglot import exp

__all__ = ["PREDICATE_REWRITES", "pick", "put"]

_MIRRORED = {exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE, exp.EQ: exp.EQ, exp.NEQ: exp.NEQ}
_NEGATED = {exp.GT: exp.LTE, exp.LT: exp.GTE, exp.GTE: exp.LT, exp.LTE: exp.GT, exp.EQ: exp.NEQ, exp.NEQ: exp.EQ}


def pick(tree: Any, random: Random, *kinds: type, test: Callable[[Any], bool] = lambda _node: True) -> Any:
    """Return a node of one of the kinds, `None` where there is none."""
    found = [node for node in tree.find_all(*kinds) if test(node)]
    return random.choice(found) if found else None


def put(tree: Any, node: Any, new: Any) -> Any:
    """Put `new` in the place of `node` and return the tree."""
    if node is tree:
        return new
    node.replace(new)
    return tree


def _wrapped(node: Any) -> Any:
    return exp.Paren(this=node) if isinstance(node, exp.Connector | exp.Predicate | exp.Between | exp.Not) else node


def commute_connector(tree: Any, random: Random) -> Any:
    """Swap the two sides of an AND or OR."""
    node = pick(tree, random, exp.And, exp.Or)
    if node is None:
        return None
    left, right = node.this.copy(), node.expression.copy()
    return put(tree, node, type(node)(this=_wrapped(right), expression=_wrapped(left)))


def mirror_comparison(tree: Any, random: Random) -> Any:
    """Turn `a < b` into `b > a`."""
    node = pick(tree, random, *_MIRRORED)
    if node is None:
        return None
    return put(tree, node, _MIRRORED[type(node)](this=node.expression.copy(), expression=node.this.copy()))


def negate_comparison(tree: Any, random: Random) -> Any:
    """Turn `a < b` into `NOT a >= b`; now and then the NOT is forgotten."""
    node = pick(tree, random, *_NEGATED)
    if node is None:
        return None
    opposite = _NEGATED[type(node)](this=node.this.copy(), expression=node.expression.copy())
    forgotten = random.random() < 0.1
    return put(tree, node, opposite if forgotten else exp.Not(this=exp.Paren(this=opposite)))


def push_not(tree: Any, random: Random) -> Any:
    """Write a condition as NOT of its opposite by De Morgan; now and then the connector stays."""
    node = pick(tree, random, exp.And, exp.Or)
    if node is None:
        return None
    kind = type(node) if random.random() < 0.15 else (exp.Or if isinstance(node, exp.And) else exp.And)
    sides = [exp.Not(this=exp.Paren(this=side.copy())) for side in (node.this, node.expression)]
    return put(tree, node, exp.Not(this=exp.Paren(this=kind(this=sides[0], expression=sides[1]))))


def between(tree: Any, random: Random) -> Any:
    """Write BETWEEN as two comparisons, sometimes with an end excluded; or two comparisons as BETWEEN."""
    node = pick(tree, random, exp.Between)
    if node is not None:
        low, high = random.choice(((exp.GTE, exp.LTE),) * 3 + ((exp.GT, exp.LTE), (exp.GTE, exp.LT)))
        lower = low(this=node.this.copy(), expression=node.args["low"].copy())
        upper = high(this=node.this.copy(), expression=node.args["high"].copy())
        return put(tree, node, exp.Paren(this=exp.And(this=lower, expression=upper)))
    node = pick(tree, random, exp.EQ, test=lambda one: isinstance(one.expression, exp.Literal))
    if node is None:
        return None
    parts = {"this": node.this.copy(), "low": node.expression.copy(), "high": node.expression.copy()}
    return put(tree, node, exp.Between(**parts))


def in_list(tree: Any, random: Random) -> Any:
    """Write IN as OR, OR as IN, `=` as IN; now and then NULL joins the list."""
    node = pick(tree, random, exp.In, test=lambda one: bool(one.expressions))
    if node is not None:
        values = [value.copy() for value in node.expressions]
        if random.random() < 0.15:
            values.pop()
        if not values:
            return None
        return put(
            tree, node, exp.Paren(this=exp.or_(*(exp.EQ(this=node.this.copy(), expression=one) for one in values)))
        )
    node = pick(tree, random, exp.EQ, exp.NEQ, test=lambda one: isinstance(one.expression, exp.Literal))
    if node is None:
        return None
    values = [node.expression.copy()] * random.choice((1, 1, 2))
    if random.random() < 0.3:
        values.append(exp.null())
    new: Any = exp.In(this=node.this.copy(), expressions=[value.copy() for value in values])
    return put(tree, node, exp.Not(this=new) if isinstance(node, exp.NEQ) else new)


def is_for_equals(tree: Any, random: Random) -> Any:
    """Write `=` as IS, `!=` as IS NOT, which differ on NULL."""
    node = pick(tree, random, exp.EQ, exp.NEQ)
    if node is None:
        return None
    new: Any = exp.Is(this=node.this.copy(), expression=node.expression.copy())
    return put(tree, node, exp.Not(this=new) if isinstance(node, exp.NEQ) else new)


def case_and_iif(tree: Any, random: Random) -> Any:
    """Write CASE as IIF and IIF as CASE, sometimes with another ELSE."""
    node = pick(tree, random, exp.Case, test=lambda one: one.this is None and len(one.args["ifs"]) == 1)
    if node is None:
        node = pick(tree, random, exp.If, test=lambda one: not isinstance(one.parent, exp.Case))
        if node is None:
            return None
        otherwise = node.args.get("false")
        branch = exp.If(this=node.this.copy(), true=node.args["true"].copy())
        return put(tree, node, exp.Case(ifs=[branch], default=otherwise.copy() if otherwise else None))
    branch, otherwise = node.args["ifs"][0], node.args.get("default")
    otherwise = otherwise.copy() if otherwise else exp.null()
    if random.random() < 0.3:
        otherwise = random.choice((exp.null(), exp.Literal.number(0)))
    return put(tree, node, exp.If(this=branch.this.copy(), true=branch.args["true"].copy(), false=otherwise))


def retype_literal(tree: Any, random: Random) -> Any:
    """Write 1 as '1' or 1.0, '1' as 1; or change a text's case."""
    node = pick(
        tree, random, exp.Literal, test=lambda one: not isinstance(one.parent, exp.Limit | exp.Offset | exp.TimeToStr)
    )
    if node is None:
        return None
    text = str(node.this)
    if node.is_string:
        digits = text.replace(".", "", 1).isdigit()
        new = exp.Literal.number(text) if digits else exp.Literal.string(text.swapcase())
    else:
        new = exp.Literal.string(text) if random.random() < 0.5 else exp.Literal.number(f"{text}.0".replace("..", "."))
        if text.count("."):
            new = exp.Literal.string(text)
    return put(tree, node, new)


def integer_bound(tree: Any, random: Random) -> Any:
    """Write `x > 5` as `x >= 6`, which only integers allow."""
    node = pick(
        tree, random, exp.GT, exp.LT, test=lambda one: isinstance(one.expression, exp.Literal) and one.expression.is_int
    )
    if node is None:
        return None
    shift, kind = (1, exp.GTE) if isinstance(node, exp.GT) else (-1, exp.LTE)
    return put(
        tree, node, kind(this=node.this.copy(), expression=exp.Literal.number(int(node.expression.this) + shift))
    )


def like_and_equals(tree: Any, random: Random) -> Any:
    """Write LIKE as `=`, `=` as LIKE, `LIKE '%x%'` as INSTR: LIKE does not mind case."""
    node = pick(tree, random, exp.Like, test=lambda one: isinstance(one.expression, exp.Literal))
    if node is not None:
        text = str(node.expression.this)
        found = exp.func("INSTR", node.this.copy(), exp.Literal.string(text.strip("%")))
        new: Any = exp.EQ(this=node.this.copy(), expression=exp.Literal.string(text))
        return put(tree, node, exp.GT(this=found, expression=exp.Literal.number(0)) if "%" in text else new)
    node = pick(tree, random, exp.EQ, test=lambda one: isinstance(one.expression, exp.Literal))
    if node is None:
        return None
    return put(tree, node, exp.Like(this=node.this.copy(), expression=node.expression.copy()))


def redundant_condition(tree: Any, random: Random) -> Any:
    """Add `AND 1 = 1`, the condition once more, `AND x = x` or `AND x IS NOT NULL`."""
    node = pick(tree, random, exp.Where)
    if node is None:
        return None
    column = pick(node, random, exp.Column)
    added: list[Any] = [
        exp.EQ(this=exp.Literal.number(1), expression=exp.Literal.number(1)),
        exp.Paren(this=node.this.copy()),
    ]
    if column is not None:
        added.append(exp.EQ(this=column.copy(), expression=column.copy()))
        added.append(exp.Not(this=exp.Is(this=column.copy(), expression=exp.null())))
    chosen = random.choice(added)
    node.set("this", exp.And(this=exp.Paren(this=node.this.copy()), expression=chosen))
    return tree


def arithmetic(tree: Any, random: Random) -> Any:
    """Move CAST … AS REAL, swap factors, divide first: integers don't forgive all of it."""
    node = pick(tree, random, exp.Mul, exp.Add, exp.Div, exp.Sub)
    if node is None:
        return None
    left, right = node.this.copy(), node.expression.copy()
    if isinstance(node, exp.Mul | exp.Add):
        return put(tree, node, type(node)(this=_bracketed(right), expression=_bracketed(left)))
    if isinstance(node, exp.Sub):
        return put(tree, node, exp.Add(this=left, expression=exp.Neg(this=_bracketed(right))))
    real = exp.DataType.build("REAL")
    plain = left.this.copy() if isinstance(left, exp.Cast) else left
    options = [
        exp.Div(this=plain, expression=exp.Cast(this=right.copy(), to=real)),
        exp.Div(this=exp.Cast(this=_bracketed(plain), to=real), expression=right.copy()),
        exp.Div(this=exp.Mul(this=exp.Literal.number("1.0"), expression=_bracketed(plain)), expression=right.copy()),
        exp.Div(this=plain, expression=right.copy()),
    ]
    return put(tree, node, random.choice(options))


def _bracketed(node: Any) -> Any:
    return exp.Paren(this=node) if isinstance(node, exp.Binary) else node


def null_handling(tree: Any, random: Random) -> Any:
    """Wrap a column in COALESCE, IFNULL or NULLIF, or add COLLATE NOCASE."""
    node = pick(tree, random, exp.Column, test=lambda one: not isinstance(one.this, exp.Star))
    if node is None:
        return None
    zero = exp.Literal.number(0)
    options: Iterator[Any] = iter(
        (
            exp.func("COALESCE", node.copy(), zero),
            exp.func("COALESCE", node.copy(), node.copy()),
            exp.func("NULLIF", node.copy(), exp.Literal.string("")),
            exp.Collate(this=node.copy(), expression=exp.to_identifier("NOCASE")),
            exp.Paren(this=node.copy()),
            exp.Add(this=node.copy(), expression=zero.copy()),
        )
    )
    return put(tree, node, random.choice(list(options)))


PREDICATE_REWRITES = (
    *(commute_connector, mirror_comparison, negate_comparison, push_not, between, in_list, is_for_equals),
    *(case_and_iif, retype_literal, integer_bound, like_and_equals, redundant_condition, arithmetic, null_handling),
)
