import sqlite3

import pytest

from harness.datasets import to_ddl
from harness.types import Column, Schema, Table


def table(name, *columns):
    return Table(name, tuple(Column(column) for column in columns))


@pytest.fixture(scope="session")
def schema():
    """A small shop: names with spaces, reserved words, a column of two tables, a table called like a keyword."""
    return Schema(
        "shop",
        (
            table("city", "id", "name", "Area (km2)", "mayor"),
            table("shop", "shop_id", "city_id", "title", "opened", "end"),
            table("order", "order_id", "shop_id", "amount", "date"),
            table("set_translations", "code", "language"),
        ),
    )


@pytest.fixture
def prepare(schema):
    """SQLite's message for a statement on the schema, `""` where it takes it."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(to_ddl(schema))

    def ask(sql):
        try:
            connection.execute(f"EXPLAIN {sql}").close()
        except sqlite3.Error as error:
            return str(error)
        return ""

    yield ask
    connection.close()
