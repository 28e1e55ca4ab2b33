"""SELECT statements, read as SQLite's grammar has them."""

from harness.analysis.equivalence.expressions import ExpressionReader
from harness.analysis.equivalence.syntax import (
    CommonTable,
    FromItem,
    OrderItem,
    OutputItem,
    QuerySyntax,
    SelectSyntax,
)
from harness.analysis.equivalence.terms import Term
from harness.analysis.equivalence.tokens import UnreadableError, fold, tokenize

__all__ = ["read_statement"]


def read_statement(sql: str) -> QuerySyntax:
    """Read the one query that `sql` holds.

    Raises `UnreadableError`, with the reason, for anything else and for what is not modelled: window functions,
    recursive tables, NATURAL, RIGHT and FULL joins, COLLATE, VALUES, row values, parameters.
    """
    reader = ExpressionReader(tokenize(sql))
    statement = _StatementReader(reader)
    reader.read_query = statement.read_query
    query = statement.read_query()
    if reader.next_kind() != "end":
        raise UnreadableError(f"cannot read on from {reader.take().value!r}")
    return query


class _StatementReader:
    def __init__(self, reader: ExpressionReader) -> None:
        self._reader = reader

    def read_query(self) -> QuerySyntax:
        tables = self._read_with() if self._reader.accept("with") else ()
        selects = [self._read_select()]
        operators: list[str] = []
        while operator := self._read_operator():
            operators.append(operator)
            selects.append(self._read_select())
        order = self._read_order() if self._reader.accept("order", "by") else ()
        limit, offset = self._read_limit() if self._reader.accept("limit") else (None, None)
        return QuerySyntax(tables, tuple(selects), tuple(operators), order, limit, offset)

    def _read_with(self) -> tuple[CommonTable, ...]:
        if self._reader.peek("recursive"):
            raise UnreadableError("recursive tables are not modelled")
        tables = [self._read_common_table()]
        while self._reader.accept(","):
            tables.append(self._read_common_table())
        return tuple(tables)

    def _read_common_table(self) -> CommonTable:
        reader = self._reader
        name = reader.read_name()
        columns = self._read_names() if reader.accept("(") else ()
        reader.expect("as")
        reader.expect("(")
        table = CommonTable(name, columns, self.read_query())
        reader.expect(")")
        return table

    def _read_names(self) -> tuple[str, ...]:
        names = [self._reader.read_name()]
        while self._reader.accept(","):
            names.append(self._reader.read_name())
        self._reader.expect(")")
        return tuple(names)

    def _read_operator(self) -> str:
        if self._reader.accept("union", "all"):
            return "union all"
        return next((word for word in ("union", "intersect", "except") if self._reader.accept(word)), "")

    def _read_select(self) -> SelectSyntax:
        reader = self._reader
        reader.expect("select")
        distinct = reader.accept("distinct")
        if not distinct:
            reader.accept("all")
        outputs = [self._read_output()]
        while reader.accept(","):
            outputs.append(self._read_output())
        sources = self._read_sources() if reader.accept("from") else ()
        where = reader.read_expression() if reader.accept("where") else None
        group = self._read_terms() if reader.accept("group", "by") else None
        having = reader.read_expression() if reader.accept("having") else None
        if having is not None and group is None:
            raise UnreadableError("HAVING without GROUP BY is not modelled")
        return SelectSyntax(distinct, tuple(outputs), sources, where, group, having)

    def _read_terms(self) -> tuple[Term, ...]:
        terms = [self._reader.read_expression()]
        while self._reader.accept(","):
            terms.append(self._reader.read_expression())
        return tuple(terms)

    def _read_output(self) -> OutputItem:
        reader = self._reader
        star = reader.accept_star()
        if star is not None:
            return OutputItem(None, star)
        return OutputItem(reader.read_expression(), self._read_alias())

    def _read_alias(self) -> str:
        reader = self._reader
        if reader.accept("as"):
            return fold(reader.take().value) if reader.next_kind() == "text" else reader.read_name()
        if reader.next_kind() == "text":
            return fold(reader.take().value)
        return reader.read_name() if reader.at_name() else ""

    def _read_sources(self) -> tuple[FromItem, ...]:
        sources = [self._read_source("inner")]
        while join := self._read_join():
            sources.append(self._read_source(join))
        return tuple(sources)

    def _read_join(self) -> str:
        reader = self._reader
        if reader.accept(",") or reader.accept("join") or reader.accept("inner", "join"):
            return "inner"
        if reader.accept("cross", "join"):
            return "cross"
        if reader.accept("left", "join") or reader.accept("left", "outer", "join"):
            return "left"
        return ""

    def _read_source(self, join: str) -> FromItem:
        reader = self._reader
        query, table = None, ""
        if reader.accept("("):
            query = self.read_query()
            reader.expect(")")
        else:
            table = reader.read_name()
            if reader.accept("."):
                if table != "main":
                    raise UnreadableError("a table of another database")
                table = reader.read_name()
        alias = self._read_alias()
        on = reader.read_expression() if reader.accept("on") else None
        using: tuple[str, ...] = ()
        if on is None and reader.accept("using"):
            reader.expect("(")
            using = self._read_names()
        return FromItem(table, query, alias or table, join, on, using)

    def _read_order(self) -> tuple[OrderItem, ...]:
        items = [self._read_order_item()]
        while self._reader.accept(","):
            items.append(self._read_order_item())
        return tuple(items)

    def _read_order_item(self) -> OrderItem:
        reader = self._reader
        term = reader.read_expression()
        descending = reader.accept("desc")
        if not descending:
            reader.accept("asc")
        nulls_first = not descending
        if reader.accept("nulls", "first"):
            nulls_first = True
        elif reader.accept("nulls", "last"):
            nulls_first = False
        return OrderItem(term, descending, nulls_first)

    def _read_limit(self) -> tuple[Term, Term | None]:
        first = self._reader.read_expression()
        if self._reader.accept("offset"):
            return first, self._reader.read_expression()
        if self._reader.accept(","):
            return self._reader.read_expression(), first
        return first, None
