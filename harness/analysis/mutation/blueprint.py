"""The part of a database that two queries touch: its tables as they were declared, its views, no rows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness.execution.catalogue import Catalogue, CatalogueTable

__all__ = ["Blueprint", "draw", "mentions"]

_STAR = re.compile(r"(?<!\()\s*\*|\bnatural\b", re.IGNORECASE)
_SELF_CHECKING = re.compile(r"\b(?:check|generated|as)\b", re.IGNORECASE)
_INDEX = re.compile(r"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\b.*?\bON\s+(.+?)\s*\(", re.IGNORECASE | re.DOTALL)
_INTERNAL = re.compile(r"\bsqlite_(?:master|schema|sequence|stat\d|temp_master|temp_schema)\b", re.IGNORECASE)
_STRICT = re.compile(r"\)[^)]*\bSTRICT\b[^)]*\Z", re.IGNORECASE)
_ALIASING = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|\bINTEGER\b|\bAUTOINCREMENT\b""", re.IGNORECASE
)
_QUOTES = "\"'`[]"


@dataclass(frozen=True)
class Blueprint:
    """What is made before the rows (`before`: tables and their indexes) and after them (`after`: views).

    `tables` and `views` go by lower-case name; `used` holds (table, column), lower-case, of every column that the
    queries might read or that a constraint looks at: the others may stay NULL. `strict` names the STRICT tables.
    """

    tables: Mapping[str, CatalogueTable]
    views: Mapping[str, CatalogueTable]
    before: tuple[str, ...]
    after: tuple[str, ...]
    used: frozenset[tuple[str, str]]
    strict: frozenset[str]

    def unordered(self) -> "Blueprint":
        """Return the same tables without rowid aliases, so that rows are visited in the order of their insertion.

        `INT PRIMARY KEY` is a key like any other: https://sqlite.org/lang_createtable.html#rowid.
        """
        return replace(self, before=tuple(_ALIASING.sub(_plain_key, sql) for sql in self.before))


def draw(catalogue: Catalogue, sqls: Iterable[str]) -> Blueprint | None:
    """Return the blueprint for queries, `None` where they read virtual or internal tables, which can't be made."""
    texts = list(sqls)
    if any(_INTERNAL.search(text) for text in texts):
        return None
    touched = _touched(catalogue, texts)
    if any(table.kind == "virtual" for table in touched.values()):
        return None
    views = {name: table for name, table in touched.items() if table.kind == "view"}
    tables = {name: table for name, table in touched.items() if table.kind == "table"}
    text = "\n".join([*texts, *(view.sql for view in views.values())])
    made = [name for name in catalogue.tables if name in views]
    return Blueprint(
        tables=tables,
        views=views,
        before=(*(_ended(table.sql) for table in tables.values()), *_indexes(catalogue, tables)),
        after=tuple(_ended(views[name].sql) for name in made),
        used=frozenset(
            (name, column.name.lower())
            for name, table in tables.items()
            for column in table.columns
            if not column.generated and _matters(table, column.name, text)
        ),
        strict=frozenset(name for name, table in tables.items() if _STRICT.search(table.sql)),
    )


def mentions(text: str, name: str) -> bool:
    """Return whether a name stands in SQL as a word of its own, case aside."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def _touched(catalogue: Catalogue, texts: list[str]) -> dict[str, CatalogueTable]:
    found: dict[str, CatalogueTable] = {}
    waiting = list(texts)
    while waiting:
        text = waiting.pop()
        for name, table in catalogue.tables.items():
            if name not in found and mentions(text, name):
                found[name] = table
                if table.kind == "view":
                    waiting.append(table.sql)
    return {name: found[name] for name in catalogue.tables if name in found}


def _matters(table: CatalogueTable, column: str, text: str) -> bool:
    lower = column.lower()
    declared = any(one.not_null and one.name == column for one in table.columns)
    key = any(lower in {part.lower() for part in unique} for unique in (*table.unique, table.primary_key))
    checked = _SELF_CHECKING.search(table.sql) is not None
    return declared or key or checked or _STAR.search(text) is not None or mentions(text, column)


def _indexes(catalogue: Catalogue, tables: Mapping[str, CatalogueTable]) -> list[str]:
    found = []
    for sql in catalogue.indexes:
        match = _INDEX.match(sql)
        if match and match[1].strip(_QUOTES + " ").lower() in tables:
            found.append(_ended(sql))
    return found


def _plain_key(found: re.Match[str]) -> str:
    """Rewrite the two words that make a key the rowid; what stands in quotes is no such word."""
    return {"INTEGER": "INT", "AUTOINCREMENT": ""}.get(found.group().upper(), found.group())


def _ended(sql: str) -> str:
    # A declaration may end in a line comment: the semicolon goes on its own line then.
    text = sql.strip().rstrip(";")
    return f"{text}\n;" if "--" in text.rsplit("\n", 1)[-1] else f"{text};"
