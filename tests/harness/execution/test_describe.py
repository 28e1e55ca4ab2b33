"""What the catalogue claims is what SQLite does when somebody tries the opposite."""

import sqlite3
import time
from itertools import combinations

import pytest

from harness.errors import DataError
from harness.execution import Executor, Limits

QUIRKS = {
    "rowid alias": "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
    "rowid alias in a constraint": "CREATE TABLE t (b TEXT, a integer, PRIMARY KEY (a))",
    "rowid alias, descending, in a constraint": "CREATE TABLE t (b TEXT, a INTEGER, PRIMARY KEY (a DESC))",
    "the DESC quirk": "CREATE TABLE t (a INTEGER PRIMARY KEY DESC, b TEXT)",
    "INT is not INTEGER": "CREATE TABLE t (a INT PRIMARY KEY, b TEXT)",
    "BIGINT is not INTEGER": "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT)",
    "autoincrement": "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT)",
    "text key of a rowid table": "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT)",
    "composite key of a rowid table": "CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER, PRIMARY KEY (b, a))",
    "without rowid": "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT) WITHOUT ROWID",
    "composite, without rowid": "CREATE TABLE t (a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID",
    "integer key without rowid": "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID",
    "strict": "CREATE TABLE t (a TEXT PRIMARY KEY, b ANY, c INT UNIQUE) STRICT",
    "strict with a rowid alias": "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL) STRICT",
    "not null": "CREATE TABLE t (a TEXT NOT NULL, b INTEGER NOT NULL DEFAULT 0, c)",
    "not null that replaces": "CREATE TABLE t (a TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'x', b)",
    "unique constraints": "CREATE TABLE t (a UNIQUE, b, c, UNIQUE (b, c))",
    "unique index": "CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (a, b)",
    "plain index": "CREATE TABLE t (a, b); CREATE INDEX i ON t (a)",
    "partial index": "CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (a) WHERE b = 'never'",
    "expression index": "CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (lower(a), b)",
    "quoted names": 'CREATE TABLE t ("a ""b""" INTEGER PRIMARY KEY, [c d] TEXT UNIQUE, `e` NOT NULL)',
    "no types": "CREATE TABLE t (a, b)",
    "made from a query": "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b",
    "added column": "CREATE TABLE t (a); ALTER TABLE t ADD COLUMN b TEXT NOT NULL DEFAULT ''",
}


@pytest.fixture(scope="module")
def owner():
    with Executor({}, workers=1) as made:
        yield made


@pytest.fixture
def describe(owner, tmp_path):
    """Return a function that makes a database from a script and describes it."""

    def make(script: str):
        path = tmp_path / "db.sqlite"
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
        return owner.on({"db": path}).describe("db")

    return make


def insert(script: str, columns: list[str], rows: list[list[object]]) -> sqlite3.Connection | None:
    """Return a database with these rows, `None` where SQLite refuses one."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(script)
    connection.execute("DELETE FROM t")
    names = ", ".join('"{}"'.format(column.replace('"', '""')) for column in columns)
    try:
        connection.executemany(f"INSERT INTO t ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
    except sqlite3.IntegrityError:
        return None
    return connection


@pytest.mark.parametrize("script", QUIRKS.values(), ids=QUIRKS.keys())
def test_a_column_is_not_null_exactly_where_sqlite_lets_no_null_in(describe, script):
    table = describe(script).tables["t"]
    names = [column.name for column in table.columns]
    for number, column in enumerate(table.columns):
        values = [None if position == number else position + 1 for position in range(len(names))]
        made = insert(script, names, [values])
        quoted = column.name.replace('"', '""')
        holds_null = made is not None and made.execute(f'SELECT "{quoted}" FROM t').fetchone() == (None,)
        assert column.not_null is not holds_null


@pytest.mark.parametrize("script", QUIRKS.values(), ids=QUIRKS.keys())
def test_a_set_is_unique_exactly_where_sqlite_refuses_two_rows_that_agree_on_it(describe, script):
    table = describe(script).tables["t"]
    names = [column.name for column in table.columns]
    if script == QUIRKS["expression index"]:
        assert table.unique == ()  # stricter than it says; nothing is claimed
        return
    for size in range(1, len(names) + 1):
        for chosen in combinations(names, size):
            rows = [[10 if name in chosen else 100 * row + place for place, name in enumerate(names)] for row in (1, 2)]
            claimed = any(one <= set(chosen) for one in table.unique)
            assert (insert(script, names, rows) is None) is claimed


@pytest.mark.parametrize(
    ("quirk", "alias", "key"),
    [
        ("rowid alias", "a", ("a",)),
        ("rowid alias in a constraint", "a", ("a",)),
        ("rowid alias, descending, in a constraint", "a", ("a",)),
        ("the DESC quirk", "", ("a",)),
        ("INT is not INTEGER", "", ("a",)),
        ("autoincrement", "a", ("a",)),
        ("composite key of a rowid table", "", ("b", "a")),
        ("composite, without rowid", "", ("c", "a")),
        ("integer key without rowid", "", ("a",)),
        ("no types", "", ()),
        ("quoted names", 'a "b"', ('a "b"',)),
    ],
)
def test_the_rowid_alias_and_the_order_of_the_key_are_known(describe, quirk, alias, key):
    table = describe(QUIRKS[quirk]).tables["t"]
    assert (table.rowid_alias, table.primary_key) == (alias, key)
    assert table.without_rowid is ("WITHOUT ROWID" in QUIRKS[quirk])


@pytest.mark.parametrize(
    ("script", "unique"),
    [
        ("CREATE TABLE t (a TEXT COLLATE NOCASE UNIQUE, b TEXT UNIQUE)", {"b"}),
        ("CREATE TABLE t (a TEXT COLLATE NOCASE, b); CREATE UNIQUE INDEX i ON t (a COLLATE BINARY)", None),
        ("CREATE TABLE t (a TEXT, b); CREATE UNIQUE INDEX i ON t (a COLLATE NOCASE)", None),
        ("CREATE TABLE t (a TEXT COLLATE binary UNIQUE, b)", {"a"}),
        ("CREATE TABLE t (a TEXT COLLATE RTRIM, b TEXT, UNIQUE (a, b))", None),
        ("CREATE TABLE t (a TEXT DEFAULT 'collate' UNIQUE, b)", {"a"}),
        ("CREATE TABLE t (a TEXT UNIQUE, b TEXT CHECK (b <> 'x' COLLATE NOCASE))", {"a"}),
        ("CREATE TABLE t (a TEXT COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID", None),
    ],
)
def test_only_binary_columns_under_binary_indexes_are_unique(describe, script, unique):
    assert describe(script).tables["t"].unique == ((frozenset(unique),) if unique else ())


def test_generated_columns_are_there_and_marked(describe):
    script = "CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a + 1), c INT AS (a * 2) STORED NOT NULL)"
    columns = describe(script).tables["t"].columns
    assert [(one.name, one.generated, one.not_null) for one in columns] == [
        ("a", False, False),
        ("b", True, False),
        ("c", True, True),
    ]


def test_types_and_statements_stand_as_they_were_declared(describe):
    script = "CREATE TABLE Staff (Name VARCHAR(20), pay DECIMAL(10, 2) NOT NULL);CREATE INDEX By_Pay ON Staff (pay)"
    catalogue = describe(script)
    table = catalogue.tables["staff"]
    assert (table.name, table.kind) == ("Staff", "table")
    assert [one.type for one in table.columns] == ["VARCHAR(20)", "DECIMAL(10, 2)"]
    assert [table.sql, *catalogue.indexes] == script.split(";")


def test_tables_and_indexes_come_in_order_of_creation_without_sqlites_own(describe):
    catalogue = describe(
        """
        CREATE TABLE z (id INTEGER PRIMARY KEY AUTOINCREMENT, n UNIQUE);
        CREATE TABLE a (n); INSERT INTO z DEFAULT VALUES;
        CREATE INDEX y ON z (n); CREATE INDEX b ON a (n); ANALYZE;
        """
    )
    assert list(catalogue.tables) == ["z", "a"]
    assert catalogue.indexes == ("CREATE INDEX y ON z (n)", "CREATE INDEX b ON a (n)")


def test_views_and_virtual_tables_promise_nothing(describe):
    catalogue = describe(
        """
        CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL);
        CREATE VIEW v AS SELECT a AS x, b FROM t;
        CREATE TEMP TABLE gone (a);
        CREATE VIRTUAL TABLE words USING fts5(body, title);
        """
    )
    assert {name: table.kind for name, table in catalogue.tables.items()} == {
        "t": "table",
        "v": "view",
        "words": "virtual",
    }
    for name, columns in (("v", ["x", "b"]), ("words", ["body", "title"])):
        table = catalogue.tables[name]
        assert [one.name for one in table.columns] == columns
        assert not any(one.not_null for one in table.columns)
        assert (table.unique, table.primary_key, table.rowid_alias) == ((), (), "")


def test_a_view_of_nothing_has_no_columns(describe):
    catalogue = describe("CREATE TABLE t (a); CREATE VIEW v AS SELECT b FROM gone")
    assert catalogue.tables["v"].columns == ()
    assert len(catalogue.tables["t"].columns) == 1


def test_a_database_without_tables_has_an_empty_catalogue(describe):
    catalogue = describe("CREATE TABLE t (a); DROP TABLE t")
    assert (dict(catalogue.tables), catalogue.indexes) == ({}, ())


def test_the_schema_stands_in_where_the_file_is_missing():
    with Executor({}, ddl={"db": "CREATE TABLE t (a INTEGER PRIMARY KEY, b)"}, workers=1) as executor:
        assert executor.describe("db").tables["t"].rowid_alias == "a"


def test_a_catalogue_is_read_once_for_one_state_of_the_file(tmp_path):
    path = tmp_path / "db.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    with Executor({"db": path}, workers=1) as executor:
        first = executor.describe("db")
        assert executor.describe("db") is first
        connection.execute("CREATE TABLE u (a)")
        connection.close()
        time.sleep(0.1)  # a file counts as unchanged for half of that
        assert list(executor.describe("db").tables) == ["t", "u"]


def test_describing_leaves_the_guard_in_place(executor):
    executor.describe("company")
    for sql in ("PRAGMA table_list", "DELETE FROM emp", "SELECT * FROM pragma_table_list"):
        assert executor.execute("company", sql).status == "forbidden"


def test_what_cannot_be_read_is_an_error_of_the_data(tmp_path):
    path = tmp_path / "db.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with Executor({"db": path}, limits=Limits(timeout_s=5), workers=1) as executor:
        with pytest.raises(DataError, match="not a readable SQLite database"):
            executor.describe("db")
        with pytest.raises(DataError, match="other: there is no database of this name"):
            executor.describe("other")
