"""Queries as they are written, before anybody knows what their names mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.analysis.equivalence.terms import Term

__all__ = ["CommonTable", "FromItem", "OrderItem", "OutputItem", "QuerySyntax", "SelectSyntax"]


@dataclass(frozen=True, slots=True)
class OutputItem:
    """A result column; `term` is `None` for a star, which `alias` then qualifies (`""` for a bare one)."""

    term: Term | None
    alias: str


@dataclass(frozen=True, slots=True)
class FromItem:
    """A table or query of FROM with the operator in front of it: `inner`, `cross` or `left`."""

    table: str
    query: QuerySyntax | None
    alias: str
    join: str
    on: Term | None
    using: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderItem:
    """A term of ORDER BY."""

    term: Term
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class SelectSyntax:
    """One SELECT without ORDER BY and LIMIT, which belong to the whole query."""

    distinct: bool
    outputs: tuple[OutputItem, ...]
    sources: tuple[FromItem, ...]
    where: Term | None
    group: tuple[Term, ...] | None
    having: Term | None


@dataclass(frozen=True, slots=True)
class CommonTable:
    """One table of a WITH clause; `columns` is empty when it names none."""

    name: str
    columns: tuple[str, ...]
    query: QuerySyntax


@dataclass(frozen=True, slots=True)
class QuerySyntax:
    """A whole query: `operators[i]` stands between `selects[i]` and `selects[i + 1]`, applied from left to right."""

    tables: tuple[CommonTable, ...]
    selects: tuple[SelectSyntax, ...]
    operators: tuple[str, ...]
    order: tuple[OrderItem, ...]
    limit: Term | None
    offset: Term | None
