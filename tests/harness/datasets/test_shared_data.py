"""The real benchmarks, where they are at hand; the figures are those of the data's own README."""

import sqlite3

import pytest

from harness.datasets import load, read_predictions, read_tables, to_ddl
from harness.datasets.check import check
from harness.errors import DataError

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize(
    ("folder", "split", "questions", "databases"),
    [
        ("bird", "dev", 595, 4),
        ("bird", "mini_dev", 190, 4),
        ("bird_partial", "dev", 389, 7),
        ("bird_partial", "mini_dev", 128, 7),
        ("bird_questions", "dev", 1534, 0),
        ("bird_questions", "mini_dev", 500, 0),
        ("bird_train", "train", 6601, 0),
        ("spider", "dev", 972, 19),
        ("spider", "train", 6904, 138),
    ],
)
def test_every_split_is_read_whole(shared_data, folder, split, questions, databases):
    dataset = load(shared_data / folder, split)
    assert (len(dataset.examples), len(dataset.databases)) == (questions, databases)
    assert {one.db_id for one in dataset.examples} == set(dataset.schemas)


@pytest.mark.parametrize(("name", "schemas"), [("bird_questions/dev", 11), ("bird_train/train", 69), ("spider/", 166)])
def test_every_schema_can_be_created(shared_data, name, schemas):
    path = shared_data / (f"{name}_tables.json" if not name.endswith("/") else f"{name}tables.json")
    tables = read_tables(path)
    assert (len(tables.schemas), tables.notes) == (schemas, ())
    for schema in tables.schemas.values():
        connection = sqlite3.connect(":memory:")
        connection.executescript(to_ddl(schema))
        for table in schema.tables:
            name = table.name.replace('"', '""')
            found = [row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')]
            assert found == [column.name for column in table.columns]
        connection.close()


@pytest.mark.parametrize(
    ("system", "missing", "unknown"),
    [
        ("c3", 7, 120),
        ("chessv1", 4, 124),
        ("codes-15b", 8, 118),
        ("dail", 8, 119),
        ("gpt-3.5", 0, 128),
        ("gpt-4", 0, 128),
    ],
)
def test_published_answers_are_paired_by_id(shared_data, system, missing, unknown):
    dataset = load(shared_data / "bird", "mini_dev")
    path = shared_data / "predictions" / f"{system}.json"
    found = read_predictions(path, dataset, allow_missing=True)
    assert (len(found.missing), len(found.unknown), len(found.by_index)) == (missing, unknown, 190 - missing)
    with pytest.raises(DataError, match=rf"\({unknown} in all\)"):
        read_predictions(path, dataset)


@pytest.mark.parametrize(
    ("system", "fenced"), [("gpt-4-turbo", 57), ("gpt-4", 0), ("mistralai-mixtral-8x7b-instru-4", 0)]
)
def test_official_files_are_paired_by_position(shared_data, system, fenced):
    path = shared_data / "predictions" / "official_format" / f"predict_mini_dev_{system}_sqlite.json"
    found = read_predictions(path, load(shared_data / "bird_questions", "mini_dev"))
    assert (len(found.by_index), found.missing, found.unknown) == (500, (), ())
    assert sum(text.lstrip().startswith("```") for text in found.by_index.values()) == fenced
    with pytest.raises(DataError, match="another database"):
        read_predictions(path, load(shared_data / "bird", "mini_dev"), allow_missing=True)


def test_completions_are_paired_by_id(shared_data):
    dataset = load(shared_data / "bird_questions", "dev")
    for path in (shared_data / "completions").glob("*.jsonl"):
        assert len(read_predictions(path, dataset).by_index) == 1534


@pytest.mark.parametrize(
    ("folder", "split", "problems", "count", "value"),
    [
        ("bird", "dev", 0, "golds_empty", 1),
        ("bird_train", "train", 0, "golds_prepared", 6601 - 81),
        ("spider", "dev", 0, "golds_empty", 49),
        ("spider", "train", 3, "golds_empty", 254),
    ],
)
def test_checks_find_what_is_known_to_be_wrong(shared_data, folder, split, problems, count, value):
    report = check(shared_data / folder, split, workers=2)
    assert len(report.problems) == problems
    assert report.counts[count] == value


def test_descriptions_reach_the_columns_of_real_tables(shared_data):
    dataset = load(shared_data / "bird", "dev", descriptions=True)
    columns = [column for schema in dataset.schemas.values() for table in schema.tables for column in table.columns]
    described = [column for column in columns if column.description]
    assert len(described) / len(columns) > 0.9
