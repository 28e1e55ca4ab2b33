"""The words in which a database of the mini set is described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Cell", "Column", "Database", "Kind", "Row", "Table"]

Kind = Literal["text", "integer", "real", "date"]
Cell = str | int | float | None
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """One column; `refers_to` is `table.column` where the column is a foreign key.

    `about` and `values` are the description and the value description that BIRD keeps in CSV files.
    """

    name: str
    kind: Kind
    about: str
    values: str = ""
    label: str = ""
    nullable: bool = False
    refers_to: str = ""

    @property
    def title(self) -> str:
        """The column's name in plain words: the label, or the name with spaces."""
        return self.label or self.name.replace("_", " ")

    @property
    def quoted(self) -> str:
        """The name as SQL wants it: in backticks where it holds a space."""
        return f"`{self.name}`" if " " in self.name else self.name


@dataclass(frozen=True)
class Table:
    """One table with its rows; `key` names the columns of the primary key, in order."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """The table's name in plain words."""
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class Database:
    """One database; a table stands after the tables that its foreign keys refer to."""

    db_id: str
    tables: tuple[Table, ...]
