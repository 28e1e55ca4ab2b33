"""What a proof may believe of a table: its columns' affinity, its keys, and whether it can be reasoned about."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from harness.analysis.equivalence.tokens import fold
from harness.execution.catalogue import Catalogue, CatalogueTable

__all__ = ["Affinity", "TableFacts", "is_numeric", "read_facts", "type_affinity"]

Affinity: TypeAlias = Literal["text", "integer", "real", "numeric", "blob", "none"]
_STRANGE = re.compile(r"\bcollate\b|\bstrict\b|\bgenerated\b|\bas\s*\(|\bvirtual\b", re.IGNORECASE)


@dataclass(frozen=True)
class TableFacts:
    """A table with lower-case column names in order.

    `plain` is false for views, virtual tables and tables with COLLATE, STRICT or generated columns: what
    touches one is never rewritten. `keys` are the sets of columns that no two rows share, NULLs aside; `rowid` is
    the name of the INTEGER PRIMARY KEY, `""` for none.
    """

    name: str
    columns: tuple[str, ...]
    affinities: dict[str, Affinity] = field(hash=False)
    not_null: frozenset[str]
    keys: tuple[frozenset[str], ...]
    rowid: str
    plain: bool


def read_facts(catalogue: Catalogue) -> dict[str, TableFacts]:
    """Return the facts of every table by lower-case name."""
    return {fold(name): _facts(table) for name, table in catalogue.tables.items()}


def type_affinity(declared: str) -> Affinity:
    """Return the affinity that a declared type gives: https://sqlite.org/datatype3.html, section 3.1.

    A column without a type has affinity `blob`; `none` is left to expressions, which SQLite compares differently.
    """
    folded = fold(declared)
    rules: tuple[tuple[tuple[str, ...], Affinity], ...] = (
        (("int",), "integer"),
        (("char", "clob", "text"), "text"),
        (("blob",), "blob"),
        (("real", "floa", "doub"), "real"),
    )
    if not folded.strip():
        return "blob"
    return next((affinity for words, affinity in rules if any(word in folded for word in words)), "numeric")


def is_numeric(affinity: Affinity) -> bool:
    """Whether a comparison with this affinity turns text that looks like a number into one."""
    return affinity in ("integer", "real", "numeric")


def _facts(table: CatalogueTable) -> TableFacts:
    columns = tuple(fold(column.name) for column in table.columns)
    plain = table.kind == "table" and not _STRANGE.search(table.sql) and not any(c.generated for c in table.columns)
    return TableFacts(
        name=fold(table.name),
        columns=columns,
        affinities={fold(column.name): type_affinity(column.type) for column in table.columns},
        not_null=frozenset(fold(column.name) for column in table.columns if column.not_null),
        keys=tuple(_fold_all(key) for key in (*table.unique, table.primary_key) if key),
        rowid=fold(table.rowid_alias),
        plain=plain and len(set(columns)) == len(columns),
    )


def _fold_all(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(fold, names))
