"""A query in which nothing may be moved, written down as it stands: only names and spelling are gone."""

from collections.abc import Mapping

from harness.analysis.equivalence.terms import Block, Compound, Frozen, Key, Query, Source, Term

__all__ = ["write_frozen"]

Names = Mapping[int, str]


def write_frozen(query: Query, names: Names) -> str:
    """Write a query with its sources numbered in the order of FROM; `names` are those of the queries around it.

    SQLite makes one program of two queries that are written the same: aliases, case, parentheses and `JOIN` for
    `INNER JOIN` leave no trace in it, and the conditions of inner joins are moved behind those of WHERE before
    planning.
    """
    if isinstance(query, Frozen):
        return write_frozen(query.query, names)
    if isinstance(query, Compound):
        bounds = [term.text if term else "" for term in (query.limit, query.offset)]
        sides = f"{write_frozen(query.left, names)} {query.operator} {write_frozen(query.right, names)}"
        return f"({sides} order {query.order} limit {bounds})"
    return _write_block(query, names)


def _write_block(block: Block, outer: Names) -> str:
    names = dict(outer)
    for source in block.sources:
        names[source.uid] = f"#{len(names)}"

    def write(term: Term) -> str:
        if term.head == "column":
            return f"{names[term.uid]}.{term.text!r}"
        args = [write(arg) for arg in term.args]
        if term.query is not None:
            args.append(write_frozen(term.query, names))
        return f"{term.head}{term.text!r}({', '.join(args)})"

    def write_source(source: Source) -> str:
        kind = "shared" if source.shared else source.join
        what = source.table if source.query is None else write_frozen(source.query, outer)
        return f"{source.join}/{kind} {what!r} {names[source.uid]} on {[write(term) for term in source.on]}"

    def write_key(key: Key) -> str:
        return f"{write(key.term)} {key.descending} {key.nulls_first}"

    group = "none" if block.group is None else [write(term) for term in block.group]
    bounds = [term.text if term else "" for term in (block.limit, block.offset)]
    return (
        f"(from {[write_source(source) for source in block.sources]} where {[write(term) for term in block.where]}"
        f" group {group} having {[write(term) for term in block.having]} distinct {block.distinct}"
        f" {[write(term) for term in block.outputs]} order {[write_key(key) for key in block.order]} limit {bounds})"
    )
