"""From names to columns: every source gets a number, every column its source, WITH tables stand where they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.analysis.equivalence.calls import resolve_call
from harness.analysis.equivalence.facts import TableFacts
from harness.analysis.equivalence.misuse import check_aggregates, check_outer_aggregates
from harness.analysis.equivalence.scopes import Frame, find_column, find_quoted, names_alias
from harness.analysis.equivalence.syntax import CommonTable, FromItem, OrderItem, QuerySyntax, SelectSyntax
from harness.analysis.equivalence.terms import (
    Block,
    Compound,
    Key,
    Query,
    Source,
    Term,
    column,
    conjuncts,
    contains,
    walk,
)
from harness.analysis.equivalence.tokens import UnreadableError

__all__ = ["resolve"]

_MAX_SOURCES = 48


def resolve(syntax: QuerySyntax, tables: Mapping[str, TableFacts]) -> Query:
    """Return the query with every name resolved.

    Raises `UnreadableError` where SQLite would refuse it, or might, and where a meaning is not modelled.
    """
    return _Resolver(tables).resolve_query(syntax, [], {})


@dataclass(frozen=True)
class _Shared:
    """A table of a WITH clause and what its query could see; `None` while it is being defined."""

    table: CommonTable
    frames: list[Frame]
    shared: "Mapping[str, _Shared | None]"


_Visible = Mapping[str, "_Shared | None"]


class _Resolver:
    def __init__(self, tables: Mapping[str, TableFacts]) -> None:
        self._tables = tables
        self._uids = 0

    def resolve_query(self, syntax: QuerySyntax, frames: list[Frame], shared: _Visible) -> Query:
        shared = self._enter_with(syntax, frames, shared)
        if len(syntax.selects) == 1:
            return self._resolve_select(syntax, frames, shared)
        query = self._resolve_plain(syntax.selects[0], frames, shared)
        for operator, select in zip(syntax.operators, syntax.selects[1:], strict=True):
            right = self._resolve_plain(select, frames, shared)
            if len(right.names) != len(query.names):
                raise UnreadableError("SELECTs of different width")
            query = Compound(operator, query, right, query.names)
        if not isinstance(query, Compound):
            raise UnreadableError("a set operation without operands")
        order = tuple(_position(item, query.names) for item in syntax.order)
        return replace(query, order=order, limit=_bound(syntax.limit), offset=_bound(syntax.offset))

    def _enter_with(self, syntax: QuerySyntax, frames: list[Frame], shared: _Visible) -> _Visible:
        visible = {**shared, **{table.name: None for table in syntax.tables}}
        if len({table.name for table in syntax.tables}) < len(syntax.tables):
            raise UnreadableError("two WITH tables of one name")
        for table in syntax.tables:
            entry = _Shared(table, frames, dict(visible))
            visible[table.name] = entry
        return visible

    def _resolve_plain(self, select: SelectSyntax, frames: list[Frame], shared: _Visible) -> "Query":
        return self._resolve_select(QuerySyntax((), (select,), (), (), None, None), frames, shared)

    def _resolve_select(self, syntax: QuerySyntax, frames: list[Frame], shared: _Visible) -> Block:
        select = syntax.selects[0]
        frame = Frame()
        inner = [*frames, frame]
        resolve_term = _TermResolver(self, inner, shared)
        where: list[Term] = []
        sources = [self._resolve_source(item, frames, shared, frame) for item in select.sources]
        merged = [_merge_columns(item, frame, index) for index, item in enumerate(select.sources)]
        outputs, names, frame.aliases = _resolve_outputs(select, frame, resolve_term)
        # SQLite appends the conditions of inner joins to WHERE, in this order; so they see aliases as well.
        for index, item in enumerate(select.sources):
            on = merged[index] or _resolve_on(item, frame, index, resolve_term)
            if item.join == "left":
                sources[index] = replace(sources[index], on=on)
            else:
                where.extend(on)
        if select.where is not None:
            where = [*conjuncts(resolve_term(select.where)), *where]
        group = None if select.group is None else tuple(_group(term, outputs, resolve_term) for term in select.group)
        having = () if select.having is None else tuple(conjuncts(resolve_term(select.having)))
        order = tuple(_order_key(item, outputs, frame, resolve_term) for item in syntax.order)
        block = Block(
            tuple(sources), outputs, names, tuple(where), group, having, order,
            _bound(syntax.limit), _bound(syntax.offset), select.distinct,
        )  # fmt: skip
        check_aggregates(block)
        return block

    def _resolve_source(self, item: FromItem, frames: list[Frame], shared: _Visible, frame: Frame) -> Source:
        self._uids += 1
        if self._uids > _MAX_SOURCES:
            raise UnreadableError("more sources than this prover follows")
        uid = self._uids
        entry = shared.get(item.table) if item.query is None else None
        query: Query | None = None
        rowid = ""
        if item.query is not None:
            query = self.resolve_query(item.query, frames, shared)
        elif entry is not None:
            query = self.resolve_query(entry.table.query, entry.frames, entry.shared)
            query = _rename(query, entry.table.columns)
        elif item.table in shared:
            raise UnreadableError(f"{item.table} is used before it is defined")
        elif item.table in self._tables:
            rowid = self._tables[item.table].rowid
        else:
            raise UnreadableError(f"no such table: {item.table}")
        columns = self._tables[item.table].columns if query is None else _column_names(query)
        if query is not None:
            query = replace(query, names=columns)
        if item.alias and any(alias == item.alias for alias, *_ in frame.sources):
            raise UnreadableError(f"two sources called {item.alias}")
        frame.sources.append((item.alias, uid, columns, rowid))
        return Source(uid, "" if query is not None else item.table, query, item.join, (), entry is not None)


class _TermResolver:
    """Resolves expressions of one SELECT: calling it gives the expression with columns instead of names."""

    def __init__(self, resolver: _Resolver, frames: list[Frame], shared: _Visible) -> None:
        self._resolver = resolver
        self._frames = frames
        self._shared = shared

    def __call__(self, term: Term) -> Term:
        resolved = self._resolve(term)
        if contains(resolved, lambda part: part.head == "clock" and part.text != "year"):
            raise UnreadableError("the clock is read")
        return resolved

    def _resolve(self, term: Term) -> Term:
        if term.head == "name":
            return find_column(self._frames, term.text, term.args[0].text if term.args else "")
        if term.head == "quoted":
            return find_quoted(self._frames, term.text)
        args = tuple(map(self._resolve, term.args))
        if term.head == "call":
            return resolve_call(term.text, args)
        if term.syntax is None:
            return replace(term, args=args) if args else term
        query = self._resolver.resolve_query(term.syntax, self._frames, self._shared)
        if term.head != "exists" and len(query.names) != 1:
            raise UnreadableError("a sub-query with several columns")
        check_outer_aggregates(query)
        return Term(term.head, args, query=query)


def _resolve_on(item: FromItem, frame: Frame, index: int, resolve_term: _TermResolver) -> tuple[Term, ...]:
    """Return the join condition; it may name only what stands to its left, as SQLite has it from version 3.39 on."""
    if item.on is None:
        return ()
    on = tuple(conjuncts(resolve_term(item.on)))
    later = {uid for _, uid, _, _ in frame.sources[index + 1 :]}
    if any(part.head == "column" and part.uid in later for term in on for part in walk(term)):
        raise UnreadableError("a join condition on a table to its right")
    return on


def _merge_columns(item: FromItem, frame: Frame, index: int) -> tuple[Term, ...]:
    """Return the equalities that USING stands for, and hide the right one of each pair of columns."""
    if index == 0 and (item.on is not None or item.using):
        raise UnreadableError("a join condition without a join")
    _, uid, columns, _ = frame.sources[index]
    terms = []
    for name in item.using:
        earlier = Frame(frame.sources[:index], frame.hidden).owners(name, "")
        if len(earlier) != 1 or name not in columns:
            raise UnreadableError(f"USING ({name}) does not name one column on each side")
        terms.append(Term("=", (earlier[0], column(uid, name))))
        frame.hidden.add((uid, name))
    return tuple(terms)


_Outputs = tuple[tuple[Term, ...], tuple[str, ...], dict[str, Term]]


def _resolve_outputs(select: SelectSyntax, frame: Frame, resolve_term: _TermResolver) -> _Outputs:
    """Return the result columns, their names, and which of them their aliases name: the first of each name."""
    outputs: list[Term] = []
    names: list[str] = []
    aliases: dict[str, Term] = {}
    for item in select.outputs:
        if item.term is not None:
            term = resolve_term(item.term)
            outputs.append(term)
            names.append(item.alias or (item.term.text if item.term.head in ("name", "quoted") else ""))
            if item.alias:
                aliases.setdefault(item.alias, term)
            continue
        chosen = [source for source in frame.sources if item.alias in ("", source[0])]
        if not chosen:
            raise UnreadableError("a star without a table")
        for _, uid, columns, _ in chosen:
            visible = [name for name in columns if item.alias or (uid, name) not in frame.hidden]
            outputs.extend(column(uid, name) for name in visible)
            names.extend(visible)
    return tuple(outputs), tuple(names), aliases


def _group(term: Term, outputs: tuple[Term, ...], resolve_term: _TermResolver) -> Term:
    return outputs[_checked_position(term, len(outputs))] if term.head == "int" else resolve_term(term)


def _order_key(item: OrderItem, outputs: tuple[Term, ...], frame: Frame, resolve_term: _TermResolver) -> Key:
    term = names_alias(frame, item.term)
    if term is None:
        term = _group(item.term, outputs, resolve_term)
    return Key(term, item.descending, item.nulls_first)


def _checked_position(term: Term, count: int) -> int:
    if not 1 <= int(term.text) <= count:
        raise UnreadableError("a position out of range")
    return int(term.text) - 1


def _position(item: OrderItem, names: tuple[str, ...]) -> tuple[int, bool, bool]:
    if item.term.head == "int":
        index = _checked_position(item.term, len(names))
    elif item.term.head in ("name", "quoted") and not item.term.args and names.count(item.term.text.lower()) == 1:
        index = names.index(item.term.text.lower())
    else:
        raise UnreadableError("an ORDER BY of a set operation that names no result column")
    return index, item.descending, item.nulls_first


def _bound(term: Term | None) -> Term | None:
    """Check a LIMIT or OFFSET: only literal numbers are modelled."""
    if term is not None and term.head != "int":
        raise UnreadableError("a LIMIT that is no literal number")
    return term


def _rename(query: Query, columns: tuple[str, ...]) -> Query:
    if columns and len(columns) != len(query.names):
        raise UnreadableError("a WITH table with another number of columns")
    return replace(query, names=columns) if columns else query


def _column_names(query: Query) -> tuple[str, ...]:
    """Name the columns of a sub-query; those that nothing outside can name get a mark that no name can have."""
    names: list[str] = []
    for index, name in enumerate(query.names):
        names.append(name if name and name not in names else f"{name}:{index}")
    return tuple(names)
