"""What SQLite itself knows and enforces of a database: the facts that a proof may use and a mutation must keep."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Catalogue", "CatalogueColumn", "CatalogueTable"]


@dataclass(frozen=True, slots=True)
class CatalogueColumn:
    """A column as SQLite has it.

    `type` is the declared type, `""` for none. `not_null` says that no row can hold NULL here: declared NOT NULL, the
    rowid's alias, or a primary key column WITHOUT ROWID; a primary key of a rowid table alone does not forbid NULL.
    """

    name: str
    type: str
    not_null: bool
    generated: bool = False


@dataclass(frozen=True, slots=True)
class CatalogueTable:
    """A table or view.

    `unique` holds the sets of columns that no two rows agree on (NULLs aside, as SQLite has it): primary key, UNIQUE
    constraints and plain unique indexes, where columns and index both have BINARY collation; partial and expression
    indexes are left out. `rowid_alias` is the INTEGER PRIMARY KEY column, `""` for none. `sql` is the statement that
    made it; `kind` is `table`, `view` or `virtual`, and on the last two nothing is enforced. Hidden columns of virtual
    tables are left out, and so are all columns of a view that SQLite cannot read any more.
    """

    name: str
    kind: str
    columns: tuple[CatalogueColumn, ...]
    primary_key: tuple[str, ...]
    unique: tuple[frozenset[str], ...]
    rowid_alias: str
    without_rowid: bool
    sql: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All tables and views by lower-case name, without SQLite's own and those behind virtual tables.

    `indexes` are the CREATE INDEX statements; tables and indexes are in order of creation.
    """

    tables: Mapping[str, CatalogueTable]
    indexes: tuple[str, ...] = ()
