"""The names of a schema as terminals: tables, columns, `table.column` pairs and aliases.

Names that no schema knows are written in two places: behind AS, where they are declared, and, once declared, where they
are used. A free name in front of AS would let a model write anything, so an alias that is not declared yet is one of
`aliases_of`, and a column of a sub-query that is yet to come one of `derived_of`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

from harness.decoding.lexemes import GAP, SPACE, any_of, is_plain, quoted_any_of
from harness.decoding.words import KEYWORDS, OPERATORS
from harness.identifiers import RESERVED
from harness.types import Schema

__all__ = ["Names", "aliases_of", "collect_names", "derived_of", "render_any_names", "render_names"]

_NEVER = RESERVED | KEYWORDS | OPERATORS
_DERIVED = "t t1 t2 a p1 p2 cnt num result rn rnk total max_count"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = ("", *"123456789")
_MOST_NUMBERED = 20
_KEPT = 4096
_LETTERED = frozenset(letter + digit for letter in _LETTERS for digit in _DIGITS)
_PARTS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])")
_ANY_QUOTED = r"(`[^`\x00]+`|\"[^\"\x00]+\"|\[[^\]\x00]+\])"
_ANY_BARE = "[A-Za-z_][A-Za-z0-9_]*"
_NEW_BARE = "[A-Za-z_][A-Za-z0-9_]{0,63}"
_NEW_QUOTED = "|".join(
    rf"{start}[^`\"'\[\]\x00-\x1F]{{1,64}}{end}" for start, end in ("``", "''", r'""', (r"\[", r"\]"))
)


@dataclass(frozen=True)
class Names:
    """What may be named: columns by table as they are spelled, else in lower case.

    `declared` are names that the statement itself made: aliases, CTEs and columns of sub-queries.
    """

    tables: Mapping[str, tuple[str, ...]]
    aliases: frozenset[str]
    derived: frozenset[str]
    declared: frozenset[str] = field(default=frozenset())


def collect_names(schema: Schema, declared: Iterable[str] = ()) -> Names:
    """Return the names of a schema; of names that differ in case alone the first is kept, as SQLite does."""
    tables: dict[str, tuple[str, ...]] = {}
    for table in schema.tables:
        if table.name.lower() not in {name.lower() for name in tables}:
            columns = {column.name.lower(): column.name for column in reversed(table.columns)}
            tables[table.name] = tuple(columns.values())
    return Names(tables, aliases_of(tables), derived_of(tables), frozenset(declared))


def aliases_of(tables: Iterable[str]) -> frozenset[str]:
    """Return the aliases that may stand before they are declared, in lower case.

    `t`, `t1` … `t20`, a letter with or without a digit; of each table its initials and first two to four letters, with
    or without a digit, and its name with `data`, `info` or `details` behind it. Never the name of a table, which
    stands for that table alone, nor a keyword.
    """
    names = {table.lower() for table in tables}
    found = _LETTERED | {f"t{number}" for number in range(1, _MOST_NUMBERED + 1)}
    for table in tables:
        words = [word for word in _PARTS.split(table) if word]
        stems = {"".join(word[0] for word in words), *(table[:size] for size in (2, 3, 4))}
        found |= {stem.lower() + digit for stem in stems for digit in _DIGITS[:5] if is_plain(stem)}
        found |= {f"{table.lower()}{suffix}" for suffix in ("data", "info", "details") if is_plain(table)}
    return frozenset(found) - names - _NEVER


def derived_of(tables: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Return what a column of a sub-query may be called before it is written, as in `SELECT T FROM (SELECT … AS T …)`.

    `T`, a few usual words, `count_COLUMN` and `TABLE_count`. Few on purpose: whoever writes one is held to a sub-query.
    """
    counts = {f"count_{column.lower()}" for columns in tables.values() for column in columns if is_plain(column)}
    counts |= {f"{table.lower()}_count" for table in tables if is_plain(table)}
    return frozenset(counts) | frozenset(_DERIVED.split())


def render_names(names: Names) -> str:
    """Return the terminals of the names of a schema."""
    # What the schema has is spelled once: a statement that makes names has its grammar rendered anew.
    columns = frozenset(column for table in names.tables.values() for column in table) | names.derived
    known, tables, declared = names.aliases, frozenset(names.tables), names.declared
    after_dot = "|".join(_spelled(part, after_dot=True) for part in (columns, declared) if part)
    pairs: list[tuple[tuple[frozenset[str], ...], str]] = [
        ((frozenset([table]),), _spelled(frozenset(own), after_dot=True)) for table, own in names.tables.items()
    ]
    pairs.append(((known, declared), after_dot))
    ctes = " | DECLARED{} (K_AS1 NEW1 | IMPLICIT1)?" if declared else ""
    lines = []
    for shape, space in (("0", SPACE), ("1", GAP)):
        qualified = [rf"({_any(parts, space, doubly=False)})\.({rest})" for parts, rest in pairs]
        lines += [
            f"COLUMN{shape}: /{'|'.join([_any((columns, declared), space), *qualified])}/",
            f"TABLE{shape}: /{_any((tables,), space)}/",
            f"named_source{shape}: TABLE{shape} (K_AS1 NEW1 | ALIAS1)?{ctes.format(shape)}",
            rf"QUALIFIED_STAR{shape}: /({_any((known, tables, declared), space, doubly=False)})\.\*/",
        ]
        if declared:
            lines.append(f"DECLARED{shape}: /{_any((declared,), space)}/")
    aliases = "|".join(_spelled(part) for part in (known, declared) if part)
    return "\n".join([*lines, f"ALIAS1: /{GAP}({aliases})/", _render_new()])


def render_any_names() -> str:
    """Return the same terminals for any names at all."""
    lines = []
    for shape, space in (("0", SPACE), ("1", GAP)):
        bare = f"(/{space}{_ANY_BARE}/ & ~/{space}{any_of(RESERVED)}/)"
        name = f"({bare} | /{SPACE}{_ANY_QUOTED}/)"
        lines += [
            rf"COLUMN{shape}: {name} | {name} /\.({_ANY_BARE}|{_ANY_QUOTED})/",
            f"TABLE{shape}: {name}",
            f"named_source{shape}: TABLE{shape} (K_AS1 NEW1 | ALIAS1)?",
            rf"QUALIFIED_STAR{shape}: {name} /\.\*/",
        ]
    return "\n".join([*lines, f"ALIAS1: /{GAP}{_ANY_BARE}/ & ~/{GAP}{any_of(_NEVER)}/", _render_new()])


def _any(parts: Iterable[frozenset[str]], space: str, *, doubly: bool = True) -> str:
    return "|".join(_spaced(part, space, doubly=doubly) for part in parts if part)


@lru_cache(maxsize=_KEPT)
def _spelled(names: frozenset[str], *, after_dot: bool = False) -> str:
    known = sorted(names)
    bare = [name for name in known if is_plain(name, after_dot=after_dot)]
    return f"({'|'.join([*([any_of(bare)] if bare else []), quoted_any_of(known)])})"


@lru_cache(maxsize=_KEPT)
def _spaced(names: frozenset[str], space: str, *, doubly: bool = True) -> str:
    """Return the names with white space in front: what is quoted needs none.

    A qualifier is never `doubly` quoted: until its dot it would look like a string, as SQLite takes one.
    """
    known = sorted(names)
    bare = [name for name in known if is_plain(name)]
    return "|".join([*([f"{space}{any_of(bare)}"] if bare else []), f"{SPACE}({quoted_any_of(known, doubly=doubly)})"])


@cache
def _render_new() -> str:
    """Return the terminals of names that are made up: they end somewhere, so that nobody is lost in them."""
    spaced = {space: f"(/{space}{_NEW_BARE}/ & ~/{space}{any_of(_NEVER)}/)" for space in (SPACE, GAP)}
    quoted = f"/{SPACE}({_NEW_QUOTED})/"
    return f"IMPLICIT1: {spaced[GAP]}\nNEW0: {spaced[SPACE]} | {quoted}\nNEW1: {spaced[GAP]} | {quoted}"
