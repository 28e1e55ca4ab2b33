"""One form for each condition: BETWEEN, IN, NOT, the direction of a comparison, literals. All in three-valued logic."""

import re
from dataclasses import replace

from harness.analysis.equivalence.facts import is_numeric
from harness.analysis.equivalence.terms import FALSE, NULL, TRUE, Term, conjuncts, rebuild
from harness.analysis.equivalence.world import World

__all__ = ["LITERALS", "Normaliser", "conjunction"]

LITERALS = frozenset({"int", "real", "text", "blob", "null"})
_COMPARISONS = frozenset({"=", "<>", "<", "<="})
_SYNONYMS = {"substring": "substr", "ifnull": "coalesce"}
_NEGATED = {"=": "<>", "<>": "=", "<": "<=", "<=": "<"}
_WHOLE_REAL = re.compile(r"(\d{1,15})\.0*")
_NUMBER_TEXT = re.compile(r"(-?)(\d{1,15}|\d{1,12}\.\d{1,3})")


def conjunction(terms: tuple[Term, ...]) -> Term:
    """Return one term for several that AND connects; true for none."""
    if not terms:
        return TRUE
    return terms[0] if len(terms) == 1 else Term("and", terms)


class Normaliser:
    """Brings the expressions of a query to one form each; what it does holds for every value, NULL included."""

    def __init__(self, world: World) -> None:
        self._world = world

    def normalise(self, term: Term) -> Term:
        """Return the term in its normal form, arguments first; sub-queries stay as they are."""
        if not term.args:
            return term
        term = rebuild(term, tuple(map(self.normalise, term.args)))
        rule = getattr(self, f"_{_RULES[term.head]}", None) if term.head in _RULES else None
        return term if rule is None else rule(term)

    def condition(self, term: Term) -> tuple[Term, ...]:
        """Return the conjuncts of a condition of which only the truth matters: NULL counts as false.

        So `x IS 'a'` is `x = 'a'` and `x = x` is `x IS NOT NULL`: they differ only in NULL against false.
        """
        return self._truths(self.normalise(term))

    def _truths(self, normal: Term) -> tuple[Term, ...]:
        truths = dict.fromkeys(map(self._truth, conjuncts(normal)))
        return tuple(truth for truth in truths if truth != TRUE)

    def _truth(self, part: Term) -> Term:
        if part.head == "is" and part.args[1].head in LITERALS:
            return self._comparison(replace(part, head="="))
        if part.head == "=" and part.args[0] == part.args[1] and part.args[0].head == "column":
            return Term("not", (Term("isnull", part.args[:1]),))
        return part

    def _greater(self, term: Term) -> Term:
        """`a > b` is `b < a`: affinity is applied to both sides alike, and collations are BINARY on plain tables."""
        return self._comparison(Term("<" if term.head == ">" else "<=", term.args[::-1]))

    def _comparison(self, term: Term) -> Term:
        """Literals compared with a numeric column: `'1'`, `1.0` and `1` are one value there.

        A text that looks like a number becomes that number beside an operand of numeric affinity; a REAL equals the
        INTEGER of its value, except beside a TEXT operand, where each is compared as its own text.
        """
        left, right = term.args
        return rebuild(term, (self._literal(left, right), self._literal(right, left)))

    def _literal(self, literal: Term, other: Term) -> Term:
        affinity = self._world.affinity(other)
        if literal.head == "neg":
            inner = (
                self._literal(literal.args[0], other) if literal.args[0].head in ("int", "real") else literal.args[0]
            )
            return rebuild(literal, (inner,))
        if literal.head == "text" and is_numeric(affinity) and (found := _NUMBER_TEXT.fullmatch(literal.text)):
            head = "real" if "." in found[2] else "int"
            number = self._literal(Term(head, text=found[2] if head == "real" else str(int(found[2]))), other)
            return Term("neg", (number,)) if found[1] else number
        if literal.head == "real" and affinity != "text" and (found := _WHOLE_REAL.fullmatch(literal.text)):
            return Term("int", text=str(int(found[1])))
        return literal

    def _apart(self, term: Term) -> Term:
        """`IS NOT` is NOT of IS, which is never NULL."""
        return Term("not", (Term("isnull" if term.head == "notnull" else "is", term.args),))

    def _call(self, term: Term) -> Term:
        """Functions with two names have one here."""
        return replace(term, text=_SYNONYMS.get(term.text, term.text))

    def _between(self, term: Term) -> Term:
        """`x BETWEEN a AND b` is `x >= a AND x <= b`: SQLite compiles it so, with each comparison's own affinity."""
        subject, low, high = term.args
        lower = self._comparison(Term("<=", (low, subject)))
        return self._flat(Term("and", (lower, self._comparison(Term("<=", (subject, high))))))

    def _member(self, term: Term) -> Term:
        """`x IN (a, b)` is `x = a OR x = b`, and SQLite applies the affinity of `x` to literals either way."""
        subject, *items = term.args
        if any(item.head not in LITERALS and item.head != "neg" for item in items):
            return term
        literals = list(dict.fromkeys(self._literal(item, subject) for item in items))
        if len(literals) == 1:
            return self._comparison(Term("=", (subject, literals[0])))
        return Term("in", (subject, *literals))

    def _flat(self, term: Term) -> Term:
        """AND and OR are associative and idempotent; `x = 'a' OR x = 'b'` is `x IN ('a', 'b')`."""
        args: list[Term] = []
        for arg in term.args:
            args.extend(arg.args if arg.head == term.head else (arg,))
        if term.head == "or":
            args = _gather_members(args)
        args = list(dict.fromkeys(args))
        return args[0] if len(args) == 1 and _is_boolean(args[0]) else Term(term.head, tuple(args))

    def _negation(self, term: Term) -> Term:
        """NOT moves inwards: De Morgan holds in three-valued logic; `NOT a < b` is `a >= b`, NULL where either is."""
        (inner,) = term.args
        if inner.head in _COMPARISONS:
            args = inner.args[::-1] if inner.head in ("<", "<=") else inner.args
            return self._comparison(Term(_NEGATED[inner.head], args))
        if inner.head in ("and", "or"):
            negated = tuple(self.normalise(Term("not", (arg,))) for arg in inner.args)
            return self._flat(Term("or" if inner.head == "and" else "and", negated))
        if inner.head == "not" and _is_boolean(inner.args[0]):
            return inner.args[0]
        if inner.head == "in" and all(item.head in LITERALS or item.head == "neg" for item in inner.args[1:]):
            subject, *items = inner.args
            return Term("and", tuple(self._comparison(Term("<>", (subject, item))) for item in items))
        return term

    def _case(self, term: Term) -> Term:
        """Only the truth of a CASE's conditions matters; IIF and CASE with a subject are CASEs like any other."""
        args = list(term.args)
        for index in range(0, len(args) - 1, 2):
            args[index] = conjunction(self._truths(args[index]))
        return Term("case", tuple(args))


_RULES = {
    ">": "greater", ">=": "greater", "=": "comparison", "<>": "comparison", "<": "comparison", "<=": "comparison",
    "between": "between", "in": "member", "and": "flat", "or": "flat", "not": "negation", "case": "case",
    "isnot": "apart", "notnull": "apart", "call": "call",
}  # fmt: skip


def _is_boolean(term: Term) -> bool:
    """Whether a term is 0, 1 or NULL whatever stands in it."""
    heads = {"and", "or", "not", "isnull", "exists", "in", "in_query", "like", "glob", "is"}
    return term.head in _COMPARISONS or term.head in heads or term in (TRUE, FALSE, NULL)


def _gather_members(args: list[Term]) -> list[Term]:
    """Join `x = literal` and `x IN (literals)` over one `x`, in the order of their first appearance."""
    gathered: dict[Term, list[Term]] = {}
    others: list[Term] = []
    for arg in args:
        subject, *items = arg.args or (arg,)
        if arg.head == "=" and subject.head in LITERALS:
            subject, items = items[0], [subject]
        if arg.head in ("=", "in") and items and all(item.head in LITERALS for item in items):
            gathered.setdefault(subject, []).extend(items)
        else:
            others.append(arg)
    return others + [_members(subject, items) for subject, items in gathered.items()]


def _members(subject: Term, items: list[Term]) -> Term:
    items = list(dict.fromkeys(items))
    return Term("=", (subject, items[0])) if len(items) == 1 else Term("in", (subject, *items))
