import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets.ddl import to_ddl
from harness.datasets.schema import compare, parse_tables_entry, read_sqlite, read_tables, verify_sqlite
from harness.errors import DataError
from harness.identifiers import quote
from harness.types import Column, ForeignKey, Schema, Table


def create(schema):
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(to_ddl(schema))
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


def test_a_tables_entry_becomes_a_schema_with_its_keys(tables):
    schema, notes = parse_tables_entry(tables[1])
    assert [table.name for table in schema.tables] == ["keeper", "animal"]
    assert schema.tables[0].primary_key == ("id",)
    assert schema.tables[1].primary_key == ("name", "keeper")
    assert schema.tables[1].columns == (Column("name", "text"), Column("keeper", "integer"), Column("since", "date"))
    assert schema.foreign_keys == (ForeignKey("animal", "keeper", "keeper", "id"),)
    assert notes == ()


@pytest.mark.parametrize("key", [[-1, 1], [1, 99], [0, 1], [1], [-1], 3, ["a", 1]])
def test_a_foreign_key_that_points_nowhere_is_noted_and_left_out(tables, key):
    tables[0]["foreign_keys"] = [key]
    schema, notes = parse_tables_entry(tables[0])
    assert schema.foreign_keys == ()
    assert len(notes) == 1
    assert "foreign key" in notes[0]


@pytest.mark.parametrize("key", [99, 0, -1, [1, 99]])
def test_a_primary_key_that_points_nowhere_is_noted_and_left_out(tables, key):
    tables[0]["primary_keys"] = [key]
    schema, notes = parse_tables_entry(tables[0])
    assert schema.tables[0].primary_key == ()
    assert "primary key" in notes[0]


def test_a_broken_tables_file_names_every_broken_entry(tmp_path, tables):
    del tables[0]["db_id"]
    tables[1]["column_names_original"][1] = [5, "x"]
    path = tmp_path / "dev_tables.json"
    path.write_text(json.dumps(tables))
    with pytest.raises(DataError, match=r"2 problems.*\n.*entry 0.*\n.*entry 1"):
        read_tables(path)


def test_sqlite_is_read_with_views_keys_and_declared_types(tmp_path, make_database):
    path = make_database(
        tmp_path / "a b?#%.sqlite",
        """
        CREATE TABLE "Parent Table" (a INTEGER, "b c" VARCHAR(20), PRIMARY KEY ("b c", a));
        CREATE TABLE child (x TEXT, y INT, z, gen AS (y + 1),
            FOREIGN KEY (x, y) REFERENCES "parent table", FOREIGN KEY (z) REFERENCES child (y));
        CREATE VIEW seen AS SELECT x FROM child;
        CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT);
        """,
    )
    schema = read_sqlite(path)
    tables = {table.name: table for table in schema.tables}
    assert set(tables) == {"Parent Table", "child", "seen", "counted"}
    assert tables["Parent Table"].primary_key == ("b c", "a")
    assert tables["Parent Table"].columns[1] == Column("b c", "VARCHAR(20)")
    assert [column.name for column in tables["child"].columns] == ["x", "y", "z", "gen"]
    assert schema.foreign_keys == (
        ForeignKey("child", "x", "Parent Table", "b c"),
        ForeignKey("child", "y", "Parent Table", "a"),
        ForeignKey("child", "z", "child", "y"),
    )


def test_reading_a_database_leaves_no_file_behind(tmp_path, make_database):
    path = make_database(tmp_path / "a.sqlite", "CREATE TABLE t (a);")
    before = path.read_bytes()
    read_sqlite(path)
    assert [one.name for one in tmp_path.iterdir()] == ["a.sqlite"]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"SQLite format 3\0" + b"x" * 500]
)
def test_what_is_no_database_is_refused(tmp_path, content):
    path = tmp_path / "broken.sqlite"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.sqlite"):
        read_sqlite(path)
    assert "broken.sqlite" in verify_sqlite(path)


def test_a_missing_database_is_refused_and_not_created(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_sqlite(tmp_path / "none.sqlite")
    assert not list(tmp_path.iterdir())


def test_a_page_overwritten_with_noise_is_found(tmp_path, make_database):
    script = (
        "CREATE TABLE t (a TEXT); BEGIN;"
        + "".join(f"INSERT INTO t VALUES ('{'x' * 900}{i}');" for i in range(200))
        + "COMMIT;"
    )
    path = make_database(tmp_path / "t.sqlite", script)
    assert verify_sqlite(path) == ""
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
    path.write_bytes(content)
    assert "corrupt" in verify_sqlite(path) or "not a readable" in verify_sqlite(path)


def test_content_that_breaks_a_constraint_is_sloppy_and_not_corrupt(tmp_path, make_database):
    path = make_database(
        tmp_path / "t.sqlite",
        """
        CREATE TABLE t (a TEXT, b INT CHECK (b > 0));
        PRAGMA ignore_check_constraints = ON;
        INSERT INTO t VALUES (NULL, -1);
        PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = 'CREATE TABLE t (a TEXT NOT NULL, b INT CHECK (b > 0))';
        """,
    )
    assert verify_sqlite(path) == ""


def test_differences_of_declared_and_actual_schema_are_named():
    declared = Schema("d", (Table("A", (Column("x"), Column("gone")), ("x",)), Table("lost", (Column("q"),))))
    actual = Schema("d", (Table("a", (Column("X"), Column("new")), ("new",)), Table("extra", (Column("q"),))))
    assert compare(declared, actual) == [
        "table lost is not in the database",
        "table extra is not in the tables file",
        "column A.gone is not in the database",
        "column A.new is not in the tables file",
        "primary key of A: x in the tables file, new in the database",
    ]


def test_equal_schemas_have_no_differences_whatever_their_case_and_types():
    declared = Schema("d", (Table("A", (Column("x", "number"),)),))
    assert compare(declared, Schema("d", (Table("a", (Column("X", "INTEGER"),)),))) == []


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("plain_1", "plain_1"), ("order", '"order"'), ("a b", '"a b"'), ('q"q', '"q""q"'), ("1st", '"1st"'), ("é", '"é"')],
)
def test_names_are_quoted_where_needed(name, quoted):
    assert quote(name, '"') == quoted


def test_the_ddl_copes_with_repeated_names_missing_columns_and_keys_to_nowhere():
    schema = Schema(
        "d",
        (
            Table("t", (Column("a", "others"), Column("A", "text"), Column("b", "table")), ("a", "A", "none")),
            Table("T", (Column("x"),)),
            Table("empty", ()),
            Table("sqlite_sequence", (Column("name"), Column("seq"))),
            Table("sqlite_stat1", (Column("tbl"),)),
        ),
        (ForeignKey("t", "b", "nowhere", "c"), ForeignKey("t", "zz", "t", "a")),
    )
    assert create(schema) == {"t", "empty", "sqlite_sequence"}


NAMES = st.text(min_size=1, max_size=8)
COLUMNS = st.builds(Column, NAMES, st.one_of(st.just("integer"), st.text(max_size=6), st.just("varchar(10)")))


@given(st.lists(st.builds(Table, NAMES, st.lists(COLUMNS, max_size=4).map(tuple)), max_size=4))
def test_every_schema_can_be_created(tables):
    assert len(create(Schema("d", tuple(tables)))) <= len(tables)


def test_names_that_differ_in_more_than_ascii_case_are_kept_apart():
    assert create(Schema("d", tuple(Table(name, (Column("x"),)) for name in ("É", "é", "E", "e")))) == {"É", "é", "E"}


def test_the_ddl_of_a_database_gives_the_same_schema_again(tmp_path, make_database):
    script = """
        CREATE TABLE "group" (id INTEGER PRIMARY KEY, "a-b" REAL, c VARCHAR(10));
        CREATE TABLE member (g INTEGER REFERENCES "group" (id), n TEXT, PRIMARY KEY (g, n));
    """
    first = read_sqlite(make_database(tmp_path / "one.sqlite", script), "d")
    second = read_sqlite(make_database(tmp_path / "two.sqlite", to_ddl(first)), "d")
    assert second == first
