"""What this SQLite says of itself."""

import sqlite3

import pytest

from harness.execution.build import installed_functions, numbers_subqueries


@pytest.mark.parametrize("name", ["count", "substr", "strftime", "row_number", "concat", "if", "regexp", "left"])
def test_a_function_is_listed_when_it_can_be_called(name):
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f'EXPLAIN SELECT "{name}"(1, 2, 3, 4, 5, 6, 7, 8)')
        message = ""
    except sqlite3.OperationalError as error:
        message = str(error)
    finally:
        connection.close()
    assert (name in installed_functions()) == (not message.startswith("no such function"))


def test_the_rowid_of_a_subquery_is_what_sqlite_makes_of_it():
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("SELECT rowid FROM (SELECT 1)")
        numbered = True
    except sqlite3.OperationalError:
        numbered = False
    finally:
        connection.close()
    assert numbers_subqueries() is numbered
