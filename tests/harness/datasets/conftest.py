"""Small data folders, built where a test asks for them."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from harness.types import Column, Dataset, Example, Schema, Table

ITEMS = (
    (7, "shop", "How many items?", "", "SELECT count(*) FROM item", "simple"),
    (9, "shop", "Dearest?", "dearest: max(price)", "SELECT name FROM item ORDER BY price DESC LIMIT 1", "moderate"),
    (11, "zoo", "Names?", "", "SELECT name FROM animal", "simple"),
)
FIELDS = ("question_id", "db_id", "question", "evidence", "SQL", "difficulty")
TABLES = [
    {
        "db_id": "shop",
        "table_names_original": ["item"],
        "table_names": ["item"],
        "column_names_original": [[-1, "*"], [0, "id"], [0, "name"], [0, "price"]],
        "column_names": [[-1, "*"], [0, "id"], [0, "name"], [0, "price"]],
        "column_types": ["text", "integer", "text", "real"],
        "primary_keys": [1],
        "foreign_keys": [],
    },
    {
        "db_id": "zoo",
        "table_names_original": ["keeper", "animal"],
        "table_names": ["keeper", "animal"],
        "column_names_original": [[-1, "*"], [0, "id"], [1, "name"], [1, "keeper"], [1, "since"]],
        "column_names": [[-1, "*"], [0, "id"], [1, "name"], [1, "keeper"], [1, "since"]],
        "column_types": ["text", "integer", "text", "integer", "date"],
        "primary_keys": [1, [2, 3]],
        "foreign_keys": [[3, 1]],
    },
]
SCRIPTS = {
    "shop": "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);"
    "INSERT INTO item VALUES (1, 'nail', 0.5), (2, 'saw', 20);",
    "zoo": "CREATE TABLE keeper (id INTEGER PRIMARY KEY);"
    "CREATE TABLE animal (name TEXT, keeper INTEGER REFERENCES keeper (id), since DATE, PRIMARY KEY (name, keeper));"
    "INSERT INTO animal VALUES ('owl', 1, '2020-01-01');",
}


def write_database(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


@pytest.fixture
def make_database():
    return write_database


@pytest.fixture
def questions():
    return [dict(zip(FIELDS, item, strict=True)) for item in ITEMS]


@pytest.fixture
def tables():
    return json.loads(json.dumps(TABLES))


@pytest.fixture
def make_bird(questions, tables):
    """Return a function that writes a BIRD folder and returns it."""

    def build(root: Path, split: str = "dev", databases_folder: str = "dev_databases") -> Path:
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{split}.json").write_text(json.dumps(questions))
        (root / "dev_tables.json").write_text(json.dumps(tables))
        for db_id, script in SCRIPTS.items():
            write_database(root / databases_folder / db_id / f"{db_id}.sqlite", script)
        return root

    return build


@pytest.fixture
def dataset():
    """Five questions whose ids are not their positions, though some ids could be taken for positions."""
    schema = Schema("shop", (Table("item", (Column("id", "integer"),)),))
    other = Schema("zoo", (Table("animal", (Column("name", "text"),)),))
    ids = (3, 0, 900, 901, "x7")
    examples = tuple(
        Example(identifier, "zoo" if identifier == 901 else "shop", f"Question {identifier}?", "SELECT 1")
        for identifier in ids
    )
    return Dataset("bird", "dev", examples, {"shop": schema, "zoo": other}, {}, (Path("dev.json"), Path("t.json")))


@pytest.fixture(scope="session")
def shared_data():
    folder = os.environ.get("T2S_SHARED_DATA")
    if not folder:
        pytest.skip("T2S_SHARED_DATA is not set")
    return Path(folder)
