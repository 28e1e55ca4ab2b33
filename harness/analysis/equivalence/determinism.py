"""Where a result hangs on the order in which SQLite visits rows: there, nothing may be moved.

* SUM, AVG and TOTAL over anything that may be REAL: floating-point addition is not associative, and a sum of
  integers may overflow on the way in one order and not in the other. Over ones, zeros and lengths both are out of the
  question.
* GROUP_CONCAT. Columns that neither are grouped by nor follow from the group's keys.
* LIMIT below the top, or at the top without ORDER BY; a sub-query used as a value that may have several rows.
* The form of a value that stands for several equal ones: MAX over `1` and `1.0`, a GROUP BY key, what DISTINCT keeps.
* What can fail at run time: whether a failing expression is reached depends on everything around it.
"""

from collections.abc import Iterator

from harness.analysis.equivalence.aggregates import ignores_duplicates
from harness.analysis.equivalence.contexts import walk_exact
from harness.analysis.equivalence.dependencies import Dependencies, columns_of
from harness.analysis.equivalence.equalities import Classes
from harness.analysis.equivalence.functions import FUNCTIONS
from harness.analysis.equivalence.grouping import aggregates_rows
from harness.analysis.equivalence.predicates import LITERALS
from harness.analysis.equivalence.terms import Block, Compound, Frozen, Query, Term, walk
from harness.analysis.equivalence.world import World

__all__ = ["at_most_one_row", "find_fragility", "find_order_dependence", "is_whole"]

_COUNTING = ("sum_if", "sum_some", "sum_ones", "avg_if")
_MAX_PATTERN = 1000


def find_fragility(query: Query, world: World, *, always_run: bool = True) -> str:
    """Return why a query may fail at run time, or may not be reasoned about, at any depth; `""` if it may.

    With the same plan, SUM overflows in both queries or in none, if they are `always_run`: a sub-query in an expression
    is only run when SQLite gets there.
    """
    return next(_fragilities(query, world, always_run=always_run), "")


def _fragilities(query: Query, world: World, *, always_run: bool) -> Iterator[str]:
    if isinstance(query, Frozen):
        yield from _fragilities(query.query, world, always_run=always_run)
    elif isinstance(query, Compound):
        yield from _fragilities(query.left, world, always_run=always_run)
        yield from _fragilities(query.right, world, always_run=always_run)
    else:
        for source in query.sources:
            if source.query is not None:
                yield from _fragilities(source.query, world, always_run=always_run)
            elif not world.tables[source.table].plain:
                yield f"{source.table} is a view or has collations, generated columns or strict types"
        for part in (part for term in query.terms() for part in walk(term)):
            if reason := _fragile(part, same_plan=world.same_plan and always_run):
                yield reason
            if part.query is not None:
                yield from _fragilities(part.query, world, always_run=False)


def find_order_dependence(block: Block, world: World, outer: Classes, *, exact: bool) -> str:
    """Return why the bag of rows of a block hangs on SQLite's plan, `""` if it doesn't.

    `exact` says that somebody looks at the form of the values. LIMIT is left to the caller.
    """
    for term in block.terms():
        for part in walk(term):
            if part.head == "aggregate" and (reason := _aggregate(part, same_plan=world.same_plan)):
                return reason
    dependencies = Dependencies(block, world, outer)
    if aggregates_rows(block):
        return _grouped(block, world, dependencies, exact=exact)
    return _distinct(block, world, dependencies, exact=exact) if block.distinct else ""


def at_most_one_row(block: Block, world: World, outer: Classes) -> bool:
    """Whether a block gives one row or none on every database, its LIMIT aside."""
    if block.group is None and aggregates_rows(block):
        return True
    return Dependencies(block, world, outer).decide_all(())


def is_whole(term: Term) -> bool:
    """Whether a term is NULL or a number whose sums are exact: small whole numbers, in INTEGER or REAL form."""
    if term.head == "int":
        return abs(int(term.text)) < 1 << 20
    if term.head == "real":
        return term.text in ("0.0", "1.0")
    if term.head == "case":
        return all(map(is_whole, (*term.args[1:-1:2], term.args[-1])))
    if term.head == "-":
        return all(map(_is_year, term.args))
    if term.head == "aggregate":
        return term.text.startswith("count")
    heads = (
        "null",
        "and",
        "or",
        "not",
        "isnull",
        "exists",
        "in",
        "in_query",
        "like",
        "glob",
        "is",
        "=",
        "<>",
        "<",
        "<=",
    )
    return term.head in heads or (term.head == "call" and term.text in ("length", "instr"))


def _is_year(term: Term) -> bool:
    """Whether a term is a year in digits, or NULL: SQLite knows the years 0000 to 9999."""
    stated = term.head == "call" and term.text == "strftime" and term.args[0] == Term("text", text="%Y")
    return stated or term == Term("clock", text="year")


def _fragile(term: Term, *, same_plan: bool) -> str:
    if term.head == "call" and FUNCTIONS[term.text].raises:
        return f"{term.text}() can fail at run time"
    if term.head == "||":
        return "|| can make a text that is too long"
    if term.head in ("like", "glob"):
        pattern = term.args[1]
        if pattern.head != "text" or len(pattern.text) > _MAX_PATTERN or len(term.args) > 2:  # noqa: PLR2004
            return f"{term.head.upper()} with a pattern that is no plain text can fail at run time"
    sums = term.head == "aggregate" and term.text in ("sum", "sum distinct")
    if sums and not same_plan and not is_whole(term.args[0]):
        return "SUM can overflow"
    return "GROUP_CONCAT follows the order of rows" if term.text.startswith("group_concat") else ""


def _aggregate(term: Term, *, same_plan: bool) -> str:
    adds = term.text.split()[0] in ("sum", "avg", "total")
    if adds and not same_plan and not is_whole(term.args[0]):
        return f"{term.text.upper()} adds what may be REAL, in the order of rows"
    known = adds or term.text.startswith("count") or term.text in _COUNTING or ignores_duplicates(term)
    return "" if known else f"{term.text} follows the order of rows"


def _grouped(block: Block, world: World, dependencies: Dependencies, *, exact: bool) -> str:
    own = {source.uid for source in block.sources}
    keys = block.group or ()
    known, decided = dependencies.closure((key.uid, key.text) for key in keys if key.head == "column")
    shown = [(term, exact) for term in block.outputs]
    shown += [(term, False) for term in block.having] + [(key.term, False) for key in block.order]
    for whole, shows in shown:
        if whole in keys and not (shows and whole.head != "column"):
            if shows and whole.head == "column" and not _is_fixed(whole, world, decided):
                return "the form of a GROUP BY key is any of its rows'"
            continue
        for part, form in walk_exact(whole, world, exact=shows):
            if part.head == "column" and part.uid in own:
                if (part.uid, part.text) not in known:
                    return f"{part.text} is neither grouped by nor decided by what is"
                if form and not _is_fixed(part, world, decided):
                    return "the form of a GROUP BY key is any of its rows'"
            if form and _picks(part) and not _is_fixed(part.args[0], world, set()):
                return f"the form of {part.text.upper()} is any of its rows'"
            if part.query is not None and _reads_own(part.query, own, known):
                return "a sub-query reads what is neither grouped by nor decided by what is"
    return ""


def _distinct(block: Block, world: World, dependencies: Dependencies, *, exact: bool) -> str:
    shown = [(term.uid, term.text) for term in block.outputs if term.head == "column"]
    known, decided = dependencies.closure(shown)
    for key in block.order:
        if key.term not in block.outputs and not (set(columns_of(key.term)) <= known and _is_flat(key.term)):
            return "DISTINCT keeps one of several rows, and ORDER BY reads another column of it"
    for term in block.outputs if exact else ():
        fixed = term.head in LITERALS or (term.head == "column" and _is_fixed(term, world, decided))
        if not fixed:
            return "the form of what DISTINCT keeps is any of its rows'"
    return ""


def _is_fixed(term: Term, world: World, decided: set[int]) -> bool:
    if term.head != "column":
        return term.head in LITERALS
    return term.uid in decided or world.is_settled(term)


def _picks(term: Term) -> bool:
    return term.head == "aggregate" and term.text[:3] in ("min", "max")


def _is_flat(term: Term) -> bool:
    return term.head == "column"


def _reads_own(query: Query, own: set[int], known: set[tuple[int, str]]) -> bool:
    return any(place[0] in own and place not in known for place in _all_columns(query))


def _all_columns(query: Query) -> Iterator[tuple[int, str]]:
    if isinstance(query, Frozen):
        yield from _all_columns(query.query)
    elif isinstance(query, Compound):
        yield from _all_columns(query.left)
        yield from _all_columns(query.right)
    else:
        for source in query.sources:
            if source.query is not None:
                yield from _all_columns(source.query)
        for term in query.terms():
            yield from columns_of(term)
            for part in walk(term):
                if part.query is not None:
                    yield from _all_columns(part.query)
