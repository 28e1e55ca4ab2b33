import sqlite3

import pytest

from harness.execution.authorizer import Authorizer


@pytest.mark.parametrize("table", ["pragma_table_info", "PRAGMA_database_list", "dbstat", "sqlite_stmt"])
def test_a_look_into_the_engine_is_refused_by_name(table):
    authorizer = Authorizer()
    assert authorizer(sqlite3.SQLITE_READ, table, "", "main", None) == sqlite3.SQLITE_DENY
    assert authorizer.refusal == f"table {table.lower()} is not allowed"


def test_the_first_refusal_is_the_reason_until_the_next_statement():
    authorizer = Authorizer()
    authorizer(sqlite3.SQLITE_DELETE, "emp", None, "main", None)
    authorizer(sqlite3.SQLITE_INSERT, "sqlite_master", None, "main", None)
    assert (authorizer.refusal, authorizer.unnamed) == ("DELETE on emp is not allowed", False)
    authorizer.reset()
    assert authorizer.refusal == ""


def test_every_action_but_four_is_refused():
    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
    for action in range(40):
        expected = sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY
        assert Authorizer()(action, "first", "second", "main", None) == expected


def test_every_function_of_this_sqlite_is_either_known_or_refused():
    connection = sqlite3.connect(":memory:")
    names = {row[0] for row in connection.execute("SELECT name FROM pragma_function_list")}
    connection.close()
    refused = {name for name in names if Authorizer()(sqlite3.SQLITE_FUNCTION, None, name, None, None)}
    assert "load_extension" not in names - refused
    assert {"count", "substr", "strftime", "json_extract", "group_concat", "iif"} <= names - refused
    harmless = {"abs", "round", "coalesce", "like", "printf", "row_number", "total", "julianday"}
    assert not harmless & refused
