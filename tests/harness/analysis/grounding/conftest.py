"""A small schema, and SQLite's own word on it."""

import re
import sqlite3

import pytest

from harness.types import Column, Schema, Table

DDL = """
CREATE TABLE hero (id INTEGER PRIMARY KEY, name TEXT, colour_id INTEGER, height REAL);
CREATE TABLE colour (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE member (id INTEGER PRIMARY KEY, hero_id INTEGER, team_id INTEGER);
CREATE TABLE single (id INTEGER);
CREATE TABLE "odd table" ("first name" TEXT, "order" INTEGER);
CREATE TABLE umlaut (Ärger TEXT);
CREATE VIEW tall AS SELECT name, height FROM hero WHERE height > 2;
"""


def fold(name):
    """SQLite ignores the case of ASCII letters alone."""
    return re.sub("[A-Z]", lambda letter: letter.group().lower(), name)


class Database:
    """An empty database that compiles statements and says what it reads."""

    def __init__(self, ddl):
        self.connection = sqlite3.connect(":memory:")
        self.connection.executescript(ddl)
        self.reads = set()
        self.connection.set_authorizer(self._note)

    def _note(self, action, table, column, _database, source):
        # What a view reads is the view's business.
        if action == sqlite3.SQLITE_READ and source != "tall" and not table.startswith("sqlite_"):
            self.reads.add((fold(table), fold(column)))
        return sqlite3.SQLITE_OK

    def refusal(self, sql):
        """Compile a statement; `""` when SQLite takes it, else its message."""
        self.reads.clear()
        try:
            self.connection.execute(f"EXPLAIN {sql}", (1, 1, 1, 1) if "?" in sql else ()).close()
        except (sqlite3.Error, sqlite3.Warning) as error:
            return str(error)
        return ""

    def schema(self):
        names = [row[0] for row in self.connection.execute("SELECT name FROM sqlite_schema WHERE type <> 'index'")]
        return Schema("db", tuple(Table(name, self._columns(name)) for name in names))

    def _columns(self, name):
        return tuple(Column(row[1]) for row in self.connection.execute(f'PRAGMA table_info("{name}")'))


@pytest.fixture(scope="session")
def open_database():
    databases = []

    def open_one(ddl=DDL):
        databases.append(Database(ddl))
        return databases[-1]

    yield open_one
    for database in databases:
        database.connection.close()


@pytest.fixture(scope="session")
def database(open_database):
    return open_database()


@pytest.fixture(scope="session")
def schema(database):
    return database.schema()


@pytest.fixture(scope="session")
def refused_name():
    """What SQLite's message says of names: the name it refuses, or None where it speaks of something else."""
    patterns = [
        re.compile(r"(?:no such table|no such column|no such function|ambiguous column name): (.+)", re.DOTALL),
        re.compile(r"ambiguous reference to (.+) in USING\(\)"),
        re.compile(r"cannot join using column (.+) - column not present in both tables"),
    ]

    def read(message):
        found = next((one for one in (pattern.fullmatch(message) for pattern in patterns) if one), None)
        return found.group(1).lower() if found else None

    return read


@pytest.fixture(scope="session")
def named():
    """The names of a grounding's problems as SQLite writes them, double-quoted strings aside."""

    def read(grounding):
        return {one.name.lower().removesuffix(".*") for one in grounding.problems if one.kind != "quoted_string"}

    return read
