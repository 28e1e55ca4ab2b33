"""Where NULL cannot be: three-valued logic, read off expressions and conditions."""

from harness.analysis.equivalence.functions import FUNCTIONS
from harness.analysis.equivalence.terms import NULL, Block, Term
from harness.analysis.equivalence.world import World

__all__ = ["Column", "NotNull", "rejected_by", "strict_columns"]

Column = tuple[int, str]
_STRICT = frozenset(
    {"=", "<>", "<", "<=", "+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>", "neg", "pos", "bitnot", "cast", "not"}
    | {"like", "glob", "real*", "real/", "to_real"}
)
_NOTHING: frozenset[Column] = frozenset()


def strict_columns(term: Term) -> frozenset[Column]:
    """Return the columns whose NULL makes the whole term NULL.

    AND, OR, CASE, COALESCE, IS and aggregates can be true or have a value beside a NULL; IN (query) is false, not
    NULL, where the query is empty.
    """
    if term.head == "column":
        return frozenset({(term.uid, term.text)})
    if term.head in _STRICT or (term.head == "call" and FUNCTIONS[term.text].strict):
        return _NOTHING.union(*map(strict_columns, term.args))
    return strict_columns(term.args[0]) if term.head == "in" else _NOTHING


def rejected_by(condition: Term) -> frozenset[Column]:
    """Return the columns that are not NULL in any row for which `condition` is true."""
    if condition.head == "and":
        return _NOTHING.union(*map(rejected_by, condition.args))
    if condition.head == "or":
        first, *others = map(rejected_by, condition.args)
        return first.intersection(*others)
    if condition.head == "not" and condition.args[0].head == "isnull":
        return strict_columns(condition.args[0].args[0])
    if condition.head == "in_query":
        return strict_columns(condition.args[0])
    return strict_columns(condition)


class NotNull:
    """Decides, for one block, which expressions have a value in every row that reaches the result."""

    def __init__(self, block: Block, world: World, without: Term | None = None) -> None:
        """`without` is a condition that must not be used, because it is itself in question."""
        inner = {source.uid: world.sources[source.uid] for source in block.sources if source.join != "left"}
        self._declared = frozenset((uid, name) for uid, facts in inner.items() for name in facts.not_null)
        self._rejected = _NOTHING.union(*(rejected_by(term) for term in block.where if term is not without))

    def holds(self, term: Term) -> bool:
        """Whether the term cannot be NULL."""
        if term.head == "column":
            return (term.uid, term.text) in self._declared or (term.uid, term.text) in self._rejected
        if term.head in ("int", "real", "text", "blob", "isnull", "exists", "is"):
            return True
        if term.head == "aggregate":
            return term.text in ("count", "count distinct", "count_if", "total")
        if term.head in ("=", "<>", "<", "<=", "and", "or", "not", "in"):
            return all(map(self.holds, term.args))
        if term.head == "case":
            return all(map(self.holds, (*term.args[1:-1:2], term.args[-1])))
        return term.head == "call" and term.text == "coalesce" and any(map(self.holds, term.args))

    def given(self, condition: Term, term: Term) -> bool:
        """Whether the term cannot be NULL in rows for which `condition` is true as well."""
        known = rejected_by(condition)
        return self.holds(term) or (term != NULL and term.head == "column" and (term.uid, term.text) in known)
