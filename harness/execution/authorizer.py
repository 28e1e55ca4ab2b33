"""What SQLite may be asked to do while it compiles a statement: read, and call functions of a closed list."""

import sqlite3

__all__ = ["FUNCTIONS", "Authorizer"]

_FAMILIES = {
    "https://sqlite.org/lang_corefunc.html": (
        "abs changes char coalesce concat concat_ws format glob hex if ifnull iif instr last_insert_rowid length like "
        "likelihood likely lower ltrim match max min nullif octet_length printf quote random randomblob regexp replace "
        "round rtrim sign soundex sqlite_version substr substring subtype total_changes trim typeof unhex unicode "
        "unistr unistr_quote unlikely upper zeroblob"
    ),
    "https://sqlite.org/lang_datefunc.html": (
        "current_date current_time current_timestamp date datetime julianday strftime time timediff unixepoch"
    ),
    "https://sqlite.org/lang_aggfunc.html": (
        "avg count group_concat median percentile percentile_cont percentile_disc string_agg sum total"
    ),
    "https://sqlite.org/windowfunctions.html": (
        "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number"
    ),
    "https://sqlite.org/lang_mathfunc.html": (
        "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow "
        "power radians sin sinh sqrt tan tanh trunc"
    ),
    "https://sqlite.org/json1.html": (
        "-> ->> json json_array json_array_insert json_array_length json_error_position json_extract json_group_array "
        "json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set "
        "json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array jsonb_group_object "
        "jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set"
    ),
    "https://sqlite.org/fts5.html": "bm25 highlight matchinfo offsets snippet",
}
FUNCTIONS = frozenset(name for names in _FAMILIES.values() for name in names.split())
"""Everything that may be called, this SQLite's and later ones': none of it reaches beyond its arguments."""

_OK, _READ = sqlite3.SQLITE_OK, sqlite3.SQLITE_READ
_HARMLESS: set[str] = set()
"""Tables that were found to be harmless, as they are spelled."""
_MOST_HARMLESS = 10_000

_SIMPLE = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE})
# Full-text tables ask these of their own database while they are read; they tell and change nothing.
_INTERNAL_PRAGMAS = frozenset({"data_version", "page_size"})
_INTERNAL_TABLES = frozenset({"bytecode", "dbstat", "sqlite_dbpage", "sqlite_memstat", "sqlite_stmt", "tables_used"})
_SCHEMA_TABLES = frozenset({"sqlite_master", "sqlite_temp_master", "sqlite_schema", "sqlite_temp_schema"})
_ACTIONS = {
    sqlite3.SQLITE_ALTER_TABLE: "ALTER TABLE",
    sqlite3.SQLITE_ANALYZE: "ANALYZE",
    sqlite3.SQLITE_ATTACH: "ATTACH",
    sqlite3.SQLITE_DELETE: "DELETE",
    sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_INSERT: "INSERT",
    sqlite3.SQLITE_PRAGMA: "PRAGMA",
    sqlite3.SQLITE_REINDEX: "REINDEX",
    sqlite3.SQLITE_SAVEPOINT: "SAVEPOINT",
    sqlite3.SQLITE_TRANSACTION: "TRANSACTION",
    sqlite3.SQLITE_UPDATE: "UPDATE",
}
_ON_TABLE = frozenset({sqlite3.SQLITE_DELETE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE})


class Authorizer:
    """Decides, and remembers why it first said no: `refusal` is `""` until then.

    `unnamed` says that the action does not tell what the statement wants: a schema command writes to SQLite's own
    catalogue, and so does the first use of a table-valued function.
    """

    def __init__(self) -> None:
        self.refusal = ""
        self.unnamed = False

    def reset(self) -> None:
        """Forget the last statement."""
        self.refusal = ""
        self.unnamed = False

    def __call__(
        self, action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
    ) -> int:
        """Answer SQLite: https://sqlite.org/c3ref/c_alter_table.html lists actions and their arguments."""
        if action == _READ:  # asked for every column that a statement names
            return _OK if first in _HARMLESS else self._read(first or "")
        if action in _SIMPLE:
            return _OK
        if action == sqlite3.SQLITE_FUNCTION:
            name = (second or "").lower()
            return _OK if name in FUNCTIONS else self._refuse(f"function {name}")
        if action == sqlite3.SQLITE_PRAGMA and second is None and first in _INTERNAL_PRAGMAS:
            return _OK
        if not self.refusal:
            self.unnamed = action not in _ACTIONS or (first or "").lower() in _SCHEMA_TABLES
        return self._refuse(_name_action(action, first))

    def _read(self, name: str) -> int:
        table = name.lower()
        if table.startswith("pragma_") or table in _INTERNAL_TABLES:
            return self._refuse(f"table {table}")
        if len(_HARMLESS) < _MOST_HARMLESS:
            _HARMLESS.add(name)
        return _OK

    def _refuse(self, what: str) -> int:
        self.refusal = self.refusal or f"{what} is not allowed"
        return sqlite3.SQLITE_DENY


def _name_action(action: int, first: str | None) -> str:
    name = _ACTIONS.get(action, "this")
    if action in _ON_TABLE:
        return f"{name} on {first}"
    return f"{name} {first}" if action == sqlite3.SQLITE_PRAGMA and first else name
