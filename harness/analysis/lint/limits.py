"""Doubts about LIMIT: what it cuts, and what stands first because it is NULL.

Every query of the statement that runs by itself is looked at. A probe that SQLite refuses says nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from harness.analysis.clauses import Term
from harness.analysis.lint.flags import Flag
from harness.analysis.lint.subqueries import Block
from harness.analysis.ordering import find_ties
from harness.types import Execution

__all__ = ["lint_limit"]

Run = Callable[[str], Execution]
_SAMPLE = 1_000
"""How many of the rows that an unordered LIMIT leaves out are looked at."""
_CHOICES = 20
"""How many of the tied rows of a sub-query are tried in each other's place."""


def lint_limit(block: Block, statement: str, run: Run) -> Iterator[Flag]:
    """Yield `tie_at_limit`, `null_first` or `unordered_limit` for a query with LIMIT, part of `statement`."""
    if not block.select.limit:
        return
    kept = run(block.runnable)
    if not kept.ok or not kept.rows:
        return
    if not block.select.terms:
        yield from _lint_unordered(block, kept, run)
        return
    yield from _lint_tie(block, kept, statement, run)
    yield from _lint_null(block, run)


def _lint_unordered(block: Block, kept: Execution, run: Run) -> Iterator[Flag]:
    more = run(f"{block.select.body} LIMIT {len(kept.rows) + _SAMPLE}")
    if more.ok and len(more.rows) > len(kept.rows) and len(set(more.rows)) > 1:
        yield Flag("unordered_limit", f"{_limit(block)} without ORDER BY keeps any {len(kept.rows)} of more rows")


def _lint_tie(block: Block, kept: Execution, statement: str, run: Run) -> Iterator[Flag]:
    ties = find_ties(block.runnable, kept, run)
    if isinstance(ties, str):
        return
    for position, rows in ties.blocks:
        places = range(position, position + len(rows))
        cut = any(position < edge < places.stop for edge in (ties.start, ties.end))
        if cut and len(set(rows)) > 1 and (block.outer or _matters(block, statement, places, run)):
            chosen = min(places.stop, ties.end) - max(position, ties.start)
            tied = f"{len(rows)} rows ({len(set(rows))} different) that tie in its ORDER BY"
            yield Flag("tie_at_limit", f"{_limit(block)} keeps {chosen} of {tied}")
            return


def _matters(block: Block, statement: str, tied: range, run: Run) -> bool:
    """Whether a sub-query that keeps one of several tied rows changes the statement's result by keeping another."""
    limit = block.tail.upper().rfind("LIMIT")
    if block.select.limit != "1" or limit < 0:
        return True
    ordered = block.sql[: len(block.sql) - len(block.tail) + limit]
    variants = (f"{ordered}LIMIT 1 OFFSET {place}" for place in tied[:_CHOICES])
    results = [run(statement.replace(block.sql, variant, 1)) for variant in variants]
    return len({frozenset(Counter(result.rows).items()) for result in results if result.ok}) > 1


def _lint_null(block: Block, run: Run) -> Iterator[Flag]:
    term = block.select.terms[0]
    expression = _expression(block, term)
    if not _puts_null_first(term) or not expression:
        return
    probe = f"({expression}) IS NULL"
    kept = run(block.extend(probe, tail=True))
    if not kept.ok or not any(row[-1] for row in kept.rows):
        return
    everything = run(block.extend(probe, tail=False))
    if everything.ok and not all(row[-1] for row in everything.rows):
        nulls = sum(bool(row[-1]) for row in kept.rows)
        rows = f"{nulls} row{'s' if nulls > 1 else ''}"
        yield Flag("null_first", f"{_limit(block)} keeps {rows} because {expression} is NULL, which comes first")


def _puts_null_first(term: Term) -> bool:
    suffix = " ".join(term.suffix.upper().split())
    return "NULLS FIRST" in suffix or ("DESC" not in suffix and "NULLS LAST" not in suffix)


def _expression(block: Block, term: Term) -> str:
    """Return what a term orders by, aliases and positions resolved; `""` where it cannot be added to the result."""
    select = block.select
    if select.insertion < 0:
        return ""
    if len(term.tokens) > 1:
        return select.slice(term.tokens)
    (token,) = term.tokens
    if token.text.isdecimal():
        place = int(token.text) - 1
        items = [] if any(item.star for item in select.items) else select.items[place : place + 1]
        return select.slice(items[0].tokens) if items else ""
    named = [item for item in select.items if item.alias and item.alias == token.name]
    return select.slice(named[0].tokens) if named else token.text


def _limit(block: Block) -> str:
    where = "" if block.outer else " of a sub-query"
    return f"LIMIT {block.select.limit}{where}"
