import csv
import json

import pytest

from harness.datasets.descriptions import attach_descriptions, attach_names, decode, read_descriptions
from harness.types import Column, Schema, Table

HEADER = "original_column_name,column_name,column_description,data_format,value_description\n"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("café".encode(), "café"),
        ("café".encode("utf-8-sig"), "café"),
        ("café • “x”".encode("cp1252"), "café • “x”"),
        (b"caf\xe9 \x81", "café "),
        ("a \x95 b".encode(), "a • b"),
    ],
)
def test_every_encoding_is_read(raw, text):
    assert decode(raw) == text


def test_description_and_values_are_joined_and_white_space_is_collapsed(tmp_path):
    path = tmp_path / "t.csv"
    rows = 'a,long a,"what\n  a is",text,"1: yes\n0: no"\nb,long b,,,\nc,C,,,\n,,nothing,,\nd,only\n'
    path.write_text(HEADER + rows)
    assert read_descriptions(path) == {"a": "what a is; 1: yes 0: no", "b": "long b", "c": "", "d": "only"}


def test_ragged_rows_nul_bytes_and_an_open_quote_are_tolerated(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes((HEADER + 'a,b,c,d,e,f,g\nx\0y,,text\nz,,"never closed\nmore').encode())
    assert read_descriptions(path) == {"a": "c; e", "xy": "text", "z": "never closed more"}


def test_an_empty_file_describes_nothing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"")
    assert read_descriptions(path) == {}


def test_a_file_that_csv_cannot_read_is_noted_and_left_out(tmp_path):
    folder = tmp_path / "db" / "database_description"
    folder.mkdir(parents=True)
    (folder / "T.csv").write_text(HEADER + "a,," + "x" * (csv.field_size_limit() + 1))
    schema = Schema("db", (Table("t", (Column("a"),)),))
    described, notes = attach_descriptions({"db": schema}, tmp_path)
    assert described["db"] == schema
    assert "db/T.csv" in notes[0]


def test_readable_names_are_attached_where_they_say_more_than_the_column_itself(tmp_path):
    tables = tmp_path / "tables.json"
    entry = {
        "db_id": "lab",
        "table_names_original": ["Test"],
        "column_names_original": [[-1, "*"], [0, "ID"], [0, "patient_id"], [0, "GOT"]],
        "column_names": [[-1, "*"], [0, "ID"], [0, "Patient  ID"], [0, "aspartate\n transaminase"]],
    }
    tables.write_text(json.dumps([entry]))
    columns = (Column("ID"), Column("patient_id"), Column("GOT"))
    schemas = {"lab": Schema("lab", (Table("Test", columns),)), "other": Schema("other", (Table("t", columns),))}
    named = attach_names(schemas, tables)
    assert [one.description for one in named["lab"].tables[0].columns] == ["", "", "aspartate transaminase"]
    assert named["other"] == schemas["other"]
    assert attach_names(schemas, None) == schemas
