"""Whether SQLite visits the rows of two queries in the same order: then their sums, and what LIMIT keeps, are the same.

`determinism` names what hangs on the order of rows. Where two queries are one tree but for that, the order decides,
and SQLite's planner decides on the order. It is asked: the plans of both, and the movements of their cursors, must
agree without statistics and for made-up ones. So this proof, unlike the others, holds for the version of SQLite that
is asked.
"""

import re
from collections.abc import Iterator

from harness.analysis.equivalence.syntax import QuerySyntax
from harness.analysis.equivalence.terms import Term, walk
from harness.execution.catalogue import Catalogue
from harness.execution.plans import read_plans

__all__ = ["visit_alike"]

_WRAPPERS = ("CO-ROUTINE ", "SCAN ")
_VERBS = (*_WRAPPERS, "SEARCH ", "BLOOM FILTER ON ")
_AUTOMATIC = re.compile(r"(AUTOMATIC [A-Z ]*INDEX )\((.*)\)$")


def visit_alike(queries: tuple[tuple[str, QuerySyntax], tuple[str, QuerySyntax]], catalogue: Catalogue) -> bool:
    """Whether SQLite visits the rows of both queries, given as text and syntax, in the same order.

    False wherever that cannot be told: a table that occurs twice, a name that means two things.
    """
    names = [_names(syntax) for _, syntax in queries]
    if names[0] is None or names[1] is None:
        return False
    plans = read_plans(catalogue, tuple(sql.rstrip("; \n") for sql, _ in queries))
    if not plans:
        return False
    first, second = plans
    return all(_rename(one, names[0]) == _rename(other, names[1]) for one, other in zip(first, second, strict=True))


def _rename(plan: tuple[str, ...], names: dict[str, str]) -> tuple[str, ...]:
    """Put tables' names where SQLite shows aliases, and leave out the lines of a sub-query that is read row by row."""
    lines = []
    for line in plan[:-1]:
        verb = next((verb for verb in _VERBS if line.startswith(verb)), "")
        rest = line[len(verb) :]
        alias = max((name for name in names if verb and _begins(rest, name)), key=len, default="")
        if alias and names[alias] == "" and verb in _WRAPPERS:
            continue
        renamed = f"{verb}{names[alias]}{rest[len(alias) :]}" if alias else line
        lines.append(_AUTOMATIC.sub(_sort_terms, renamed))
    return (*lines, plan[-1])


def _sort_terms(found: re.Match[str]) -> str:
    """An automatic index is made for equalities only: in whichever order, they find the same rows, in rowid order."""
    return f"{found[1]}({' AND '.join(sorted(found[2].split(' AND ')))})"


def _begins(text: str, name: str) -> bool:
    return text.lower().startswith(name) and text[len(name) : len(name) + 1] in ("", " ")


def _names(syntax: QuerySyntax) -> dict[str, str] | None:
    """Return the table behind each alias, `""` for a sub-query; `None` where a name or a table comes twice."""
    names: dict[str, str] = {}
    for alias, table in _sources(syntax):
        if alias in names or (table and table in names.values()) or not alias:
            return None
        names[alias] = table
    return names


def _sources(syntax: QuerySyntax) -> Iterator[tuple[str, str]]:
    for common in syntax.tables:
        yield common.name, ""
        yield from _sources(common.query)
    for select in syntax.selects:
        for item in select.sources:
            yield item.alias, item.table
            if item.query is not None:
                yield from _sources(item.query)
        terms = [item.term for item in select.outputs] + [select.where, select.having, *(select.group or ())]
        terms += [item.on for item in select.sources]
        for term in terms:
            yield from () if term is None else _nested(term)
    for order in syntax.order:
        yield from _nested(order.term)


def _nested(term: Term) -> Iterator[tuple[str, str]]:
    for part in walk(term):
        if part.syntax is not None:
            yield from _sources(part.syntax)
