import json
import shutil
from dataclasses import replace
from importlib.resources import files

import pytest

from harness.datasets import load, load_single, read
from harness.datasets.hashing import hashes, sha256
from harness.datasets.questions import read_gold_sql
from harness.errors import DataError


def test_a_bird_folder_is_read_with_schemas_and_databases(tmp_path, make_bird):
    dataset = load(make_bird(tmp_path / "data"))
    assert (dataset.name, dataset.split) == ("bird", "dev")
    assert [one.question_id for one in dataset.examples] == [7, 9, 11]
    assert dataset.examples[1].evidence == "dearest: max(price)"
    assert dataset.examples[1].difficulty == "moderate"
    assert set(dataset.schemas) == set(dataset.databases) == {"shop", "zoo"}
    assert [one.name for one in dataset.sources] == ["dev.json", "dev_tables.json"]
    assert dataset.notes == ()


def test_mini_dev_uses_the_tables_and_databases_of_dev(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data", split="mini_dev_sqlite")
    dataset = load(folder, "mini_dev")
    assert dataset.split == "mini_dev"
    assert len(dataset.databases) == 2


@pytest.mark.parametrize(
    ("inside", "databases_folder"),
    [
        ("dev_20240627", "dev_databases"),
        ("minidev/MINIDEV", "dev_databases"),
        (".", "dev_databases/dev_databases"),
        ("a/b", "dev_databases/dev_databases"),
    ],
)
def test_what_archives_unpack_into_is_found_by_looking(tmp_path, make_bird, inside, databases_folder):
    make_bird(tmp_path / "data" / inside, databases_folder=databases_folder)
    (tmp_path / "data" / "__MACOSX").mkdir()
    (tmp_path / "data" / "__MACOSX" / "dev.json").write_text("[]")
    assert len(load(tmp_path / "data").databases) == 2


def test_a_split_of_ones_own_uses_the_tables_and_databases_of_dev(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data", split="hard")
    assert len(load(folder, "hard").databases) == 2


def test_a_split_that_is_there_twice_is_not_guessed(tmp_path, make_bird):
    make_bird(tmp_path / "one")
    make_bird(tmp_path / "two")
    with pytest.raises(DataError, match="more than once"):
        load(tmp_path)


def test_a_split_that_is_not_there_is_answered_with_those_that_are(tmp_path, make_bird):
    with pytest.raises(DataError, match=r"'train'.*this folder has dev"):
        load(make_bird(tmp_path / "data"), "train")
    with pytest.raises(DataError, match="no such folder"):
        load(tmp_path / "nowhere")


def test_items_without_id_and_difficulty_are_called_by_their_position(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    for item in questions:
        del item["question_id"], item["difficulty"], item["evidence"]
    (folder / "dev.json").write_text(json.dumps(questions))
    dataset = load(folder)
    assert [(one.question_id, one.difficulty, one.evidence) for one in dataset.examples] == [
        (i, "", "") for i in range(3)
    ]


def test_an_id_of_0_is_an_id(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    questions[2]["question_id"] = 0
    (folder / "dev.json").write_text(json.dumps(questions))
    assert [one.question_id for one in load(folder).examples] == [7, 9, 0]


def test_several_golds_of_a_question_are_kept_in_order(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    questions[0]["SQL"] = ["SELECT 1", "SELECT 2", "SELECT 3"]
    (folder / "dev.json").write_text(json.dumps(questions))
    example = load(folder).examples[0]
    assert (example.gold_sql, example.alternative_gold_sql) == ("SELECT 1", ("SELECT 2", "SELECT 3"))


def test_a_limit_keeps_the_first_questions_and_their_databases(tmp_path, make_bird):
    dataset = load(make_bird(tmp_path / "data"), limit=2)
    assert [one.question_id for one in dataset.examples] == [7, 9]
    assert set(dataset.schemas) == set(dataset.databases) == {"shop"}


def test_a_folder_without_databases_is_questions_only(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data")
    shutil.rmtree(folder / "dev_databases")
    dataset = load(folder)
    assert dataset.databases == {}
    assert "questions only" in dataset.notes[0]


def test_schemas_come_from_the_databases_where_no_tables_file_has_them(tmp_path, make_bird, tables):
    folder = make_bird(tmp_path / "data")
    (folder / "dev_tables.json").write_text(json.dumps(tables[:1]))
    dataset = load(folder)
    assert [table.name for table in dataset.schemas["zoo"].tables] == ["animal", "keeper"]
    assert dataset.schemas["shop"].tables[0].columns[2].type == "real"
    assert "zoo" in dataset.notes[0]
    (folder / "dev_tables.json").unlink()
    assert load(folder).schemas["shop"].tables[0].columns[2].type == "REAL"


def test_no_database_is_opened_where_a_tables_file_describes_it(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data")
    (folder / "dev_databases" / "zoo" / "zoo.sqlite").write_bytes(b"not a database")
    assert len(load(folder).databases) == 2


def test_everything_wrong_with_a_questions_file_is_said_at_once(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    broken = [*questions, {"question_id": 7, "db_id": "mars", "question": "?", "SQL": "SELECT 1"}]
    broken += [
        {"db_id": "shop", "question": 5, "SQL": "SELECT 1"},
        {"question_id": 1.5, "db_id": "shop", "question": "?"},
    ]
    (folder / "dev.json").write_text(json.dumps(broken))
    with pytest.raises(DataError) as caught:
        load(folder)
    message = str(caught.value)
    for expected in ("no text under 'question': items 4", "no gold SQL", "1.5", "more than once: 7", "mars"):
        assert expected in message
    assert len(read(folder).problems) == 4


@pytest.mark.parametrize(("content", "message"), [("{", "not JSON"), ('{"a": 1}', "a list"), ("[1]", "not objects")])
def test_a_questions_file_of_another_shape_is_refused(tmp_path, make_bird, content, message):
    folder = make_bird(tmp_path / "data")
    (folder / "dev.json").write_text(content)
    with pytest.raises(DataError, match=message):
        load(folder)


def test_golds_may_stand_in_a_file_of_their_own(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    golds = "".join(f"{item.pop('SQL')}\t{item['db_id']}\n" for item in questions)
    (folder / "dev.json").write_text(json.dumps(questions))
    (folder / "dev_gold.sql").write_text(golds)
    assert load(folder).examples[2].gold_sql == "SELECT name FROM animal"
    (folder / "dev_gold.sql").write_text(golds.replace("\tzoo", "\tshop"))
    with pytest.raises(DataError, match="differs from the question's at 2"):
        load(folder)


def test_a_gold_file_is_a_source_where_golds_come_from_it(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    golds = "".join(f"{item['SQL']}\t{item['db_id']}\n" for item in questions)
    (folder / "dev_gold.sql").write_text(golds)
    assert "dev_gold.sql" not in hashes(load(folder))
    (folder / "dev.json").write_text(json.dumps([{**item, "SQL": ""} for item in questions]))
    before = hashes(load(folder))
    (folder / "dev_gold.sql").write_text(golds.replace("count(*)", "count(id)"))
    after = hashes(load(folder))
    assert {name for name in before if before[name] != after[name]} == {"dev_gold.sql"}


def test_a_split_without_a_question_is_an_error(tmp_path, make_bird, spider_folder):
    folder = make_bird(tmp_path / "data")
    (folder / "dev.json").write_text("[]")
    (spider_folder / "train_others.json").write_text("[]")
    with pytest.raises(DataError, match=r"dev\.json: holds no question; check the file"):
        load(folder)
    with pytest.raises(DataError, match=r"train_others\.json: holds no question; check the file"):
        load(spider_folder, "train")


@pytest.mark.parametrize("content", ["", "\n", "[]"])
def test_one_database_with_an_empty_questions_file_is_an_error(tmp_path, make_database, content):
    database = make_database(tmp_path / "my.sqlite", "CREATE TABLE t (a);")
    path = tmp_path / "q.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=r"q\.jsonl: holds no question; check the file"):
        load_single(database, path)


def test_gold_lines_may_hold_tabs_line_ends_and_blank_lines(tmp_path):
    path = tmp_path / "dev_gold.sql"
    path.write_text("SELECT\ta\n\nFROM\tt\tshop\n\n\nSELECT 1\tzoo\r\n\nSELECT 2\tshop")
    expected = (("SELECT\ta\n\nFROM\tt", "shop"), ("SELECT 1", "zoo"), ("SELECT 2", "shop"))
    assert read_gold_sql(path, ("shop", "zoo")) == expected


def test_a_gold_file_without_known_databases_reads_simple_lines(tmp_path):
    path = tmp_path / "dev_gold.sql"
    path.write_text("SELECT 1\tzoo\nSELECT 2")
    assert read_gold_sql(path) == (("SELECT 1", "zoo"), ("SELECT 2", ""))


@pytest.fixture
def spider_folder(tmp_path, make_bird, questions, tables):
    root = tmp_path / "spider_data"
    make_bird(root, databases_folder="database")
    (root / "dev_tables.json").rename(root / "tables.json")
    items = [
        {"db_id": one["db_id"], "question": one["question"], "query": one["SQL"], "sql": {"from": 1}}
        for one in questions
    ]
    for name in ("dev", "train_spider", "train_others"):
        (root / f"{name}.json").write_text(json.dumps(items))
    return root


def test_a_spider_folder_is_read_and_its_ids_are_positions(spider_folder):
    dataset = load(spider_folder.parent)
    assert (dataset.name, len(dataset.databases)) == ("spider", 2)
    assert [one.question_id for one in dataset.examples] == [0, 1, 2]
    assert dataset.examples[2].gold_sql == "SELECT name FROM animal"
    assert {one.evidence for one in dataset.examples} == {""}


def test_spider_trains_on_both_files_numbered_through(spider_folder):
    assert [one.question_id for one in load(spider_folder, "train").examples] == list(range(6))
    (spider_folder / "train_others.json").unlink()
    assert len(load(spider_folder, "train").examples) == 3


def test_spiders_test_set_has_its_own_tables_and_databases(spider_folder):
    (spider_folder / "database").rename(spider_folder / "test_database")
    (spider_folder / "tables.json").rename(spider_folder / "test_tables.json")
    (spider_folder / "dev.json").rename(spider_folder / "test.json")
    dataset = load(spider_folder, "test")
    assert (dataset.name, len(dataset.databases)) == ("spider", 2)


def test_spider_and_bird_below_one_folder_are_not_guessed_between(tmp_path, make_bird, spider_folder):
    make_bird(tmp_path / "bird", split="train")
    with pytest.raises(DataError, match="more than once"):
        load(tmp_path, "train")
    (tmp_path / "bird" / "dev_tables.json").rename(tmp_path / "bird" / "train_tables.json")
    assert load(tmp_path / "bird", "train").name == "bird"


def test_a_questions_file_is_read_with_what_is_around_it(tmp_path, make_bird, spider_folder):
    folder = make_bird(tmp_path / "data")
    (folder / "dev.json").rename(folder / "mine.json")
    assert len(load(folder / "mine.json").databases) == 2
    dataset = load(spider_folder / "train_others.json")
    assert (dataset.name, dataset.split, len(dataset.examples)) == ("spider", "train", 3)


def test_a_questions_file_beside_one_database_needs_no_folder(tmp_path, make_database):
    make_database(tmp_path / "my.sqlite", "CREATE TABLE t (a);")
    path = tmp_path / "asked.jsonl"
    path.write_text('{"question": "a?", "gold": "SELECT a FROM t"}\n\n{"question": "b?", "query": "SELECT 1"}\n')
    dataset = load(path)
    assert (dataset.name, [one.db_id for one in dataset.examples]) == ("my", ["my", "my"])
    assert [one.gold_sql for one in dataset.examples] == ["SELECT a FROM t", "SELECT 1"]
    make_database(tmp_path / "other.sqlite", "CREATE TABLE t (a);")
    with pytest.raises(DataError, match="--db FILE"):
        load(path)


def test_one_database_takes_its_name_from_the_questions(tmp_path, make_database):
    database = make_database(tmp_path / "renamed.sqlite", "CREATE TABLE t (a);")
    path = tmp_path / "q.json"
    items = [
        {"question": "a?", "sql": "SELECT 1", "db_id": "real", "question_id": "A"},
        {"question": "b?", "sql": "SELECT 1"},
    ]
    path.write_text(json.dumps(items))
    dataset = load_single(database, path)
    assert set(dataset.databases) == set(dataset.schemas) == {"real"}
    assert [one.question_id for one in dataset.examples] == ["A", 1]
    items[1]["db_id"] = "another"
    path.write_text(json.dumps(items))
    with pytest.raises(DataError, match="real, another"):
        load_single(database, path)


def test_one_database_with_questions_without_gold_names_them(tmp_path, make_database):
    database = make_database(tmp_path / "my.sqlite", "CREATE TABLE t (a);")
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "a?", "predicted_sql": "SELECT 1"}\n')
    with pytest.raises(DataError, match=r"no gold SQL under .*: items 0"):
        load_single(database, path)


def test_column_descriptions_are_read_only_when_asked_for(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data")
    described = folder / "dev_databases" / "shop" / "database_description"
    described.mkdir()
    text = "original_column_name,column_name,column_description\nPRICE,the price,what it costs\n"
    (described / "Item.csv").write_text(text)
    assert load(folder).schemas["shop"].tables[0].columns[2].description == ""
    assert load(folder, descriptions=True).schemas["shop"].tables[0].columns[2].description == "what it costs"


def test_hashes_name_questions_tables_and_every_database_used(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data")
    found = hashes(load(folder))
    assert set(found) == {"dev.json", "dev_tables.json", "databases/shop", "databases/zoo"}
    before = found.pop("databases/zoo")
    (folder / "dev_databases" / "zoo" / "zoo.sqlite").write_bytes(b"other")
    assert hashes(load(folder))["databases/zoo"] != before
    unused = replace(load(folder), examples=load(folder).examples[:1])
    assert set(hashes(unused)) == {"dev.json", "dev_tables.json", "databases/shop"}


def test_sha256_is_the_known_one(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(DataError, match="cannot be read"):
        sha256(tmp_path / "none")


def test_the_shipped_set_is_called_mini():
    shipped = files("harness") / "datasets" / "mini" / "dev.json"
    dataset = load("mini")
    assert dataset.name == "mini"
    assert len(dataset.examples) == len(json.loads(shipped.read_text(encoding="utf-8")))
    assert dataset.databases
