import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets import load, load_single
from harness.datasets.predictions import read_predictions, write_official
from harness.errors import DataError, RunError, UsageError
from harness.types import Column, Dataset, Example, Schema, Table

MARK = "\t----- bird -----\t"
DB_IDS = ("shop", "shop", "shop", "zoo", "shop")
SQL = tuple(f"SELECT {number}" for number in range(5))


def write(tmp_path, content, name="predictions.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def official(answers):
    return {key: f"{sql}{MARK}{DB_IDS[int(key) % 5]}" for key, sql in answers}


def test_the_official_format_is_by_position_of_the_question_file(tmp_path, dataset):
    found = read_predictions(write(tmp_path, official((str(i), SQL[i]) for i in range(5))), dataset)
    assert found.by_index == dict(enumerate(SQL))
    assert (found.missing, found.unknown, found.format) == ((), (), "official by position")


def test_the_official_format_may_stand_in_any_order(tmp_path):
    schema = Schema("shop", (Table("item", (Column("id"),)),))
    examples = tuple(Example(1000 + i, "shop", "?", "SELECT 1") for i in range(12))
    many = Dataset("bird", "dev", examples, {"shop": schema}, {})
    as_text = sorted(map(str, range(12)))
    path = write(tmp_path, {key: f"SELECT {key}{MARK}shop" for key in as_text})
    assert as_text[:3] == ["0", "1", "10"]
    assert read_predictions(path, many).by_index == {i: f"SELECT {i}" for i in range(12)}


def test_an_official_answer_for_another_database_is_an_error_that_names_it(tmp_path, dataset):
    answers = official((str(i), SQL[i]) for i in range(5))
    answers["3"] = f"SELECT 3{MARK}shop"
    with pytest.raises(DataError, match=r"another database.*3 \(shop, not zoo\)"):
        read_predictions(write(tmp_path, answers), dataset, allow_missing=True)


def test_an_official_answer_keeps_its_line_ends_tabs_and_fences(tmp_path, dataset):
    text = "```sql\nSELECT\t1\n"
    answers = official((str(i), text) for i in range(5))
    assert read_predictions(write(tmp_path, answers), dataset).by_index[4] == text


def test_an_answer_that_quotes_the_mark_keeps_it(tmp_path, dataset):
    answers = official((str(i), f"SELECT '{MARK}zoo'") for i in range(5))
    assert read_predictions(write(tmp_path, answers), dataset).by_index[0] == f"SELECT '{MARK}zoo'"


def test_a_plain_dictionary_is_by_id(tmp_path, dataset):
    path = write(tmp_path, {"900": "a", "3": "b", "0": "c", "901": "d", "x7": "e"})
    found = read_predictions(path, dataset)
    assert found.by_index == {2: "a", 0: "b", 1: "c", 3: "d", 4: "e"}
    assert found.format == "dict by id"


def test_keys_that_could_be_positions_or_ids_are_asked_about(tmp_path, dataset):
    path = write(tmp_path, {str(i): SQL[i] for i in range(5)})
    with pytest.raises(UsageError, match="--keyed-by"):
        read_predictions(path, dataset)
    assert read_predictions(path, dataset, keyed_by="position").by_index == dict(enumerate(SQL))
    by_id = read_predictions(path, dataset, keyed_by="id", allow_missing=True)
    assert by_id.by_index == {0: "SELECT 3", 1: "SELECT 0"}
    assert by_id.unknown == ("1", "2", "4")
    assert by_id.missing == (900, 901, "x7")


def test_keys_are_not_asked_about_where_both_readings_are_the_same(tmp_path):
    schema = Schema("shop", (Table("item", (Column("id"),)),))
    examples = tuple(Example(i, "shop", "?", "SELECT 1") for i in range(3))
    path = write(tmp_path, {"2": "c", "0": "a", "1": "b"})
    found = read_predictions(path, Dataset("bird", "dev", examples, {"shop": schema}, {}))
    assert found.by_index == {0: "a", 1: "b", 2: "c"}


def test_keys_none_of_which_is_an_id_are_positions(tmp_path):
    schema = Schema("shop", (Table("item", (Column("id"),)),))
    examples = tuple(Example(i, "shop", "?", "SELECT 1") for i in (50, 51, 52))
    path = write(tmp_path, {"0": "a", "1": "b", "2": "c"})
    found = read_predictions(path, Dataset("bird", "dev", examples, {"shop": schema}, {}))
    assert found.format == "dict by position"


@pytest.mark.parametrize("key", ["SQL", "sql", "predicted_sql", "pred", "completion", "prediction"])
@pytest.mark.parametrize("name", ["answers.json", "answers.jsonl"])
def test_objects_with_ids_are_read_under_every_name(tmp_path, dataset, key, name):
    items = [
        {"question_id": str(one.question_id), "db_id": one.db_id, key: f"q{i}"}
        for i, one in enumerate(dataset.examples)
    ]
    items.reverse()
    content = json.dumps(items) if name.endswith("json") else "\n".join(json.dumps(item) for item in items) + "\n"
    found = read_predictions(write(tmp_path, content, name), dataset)
    assert found.by_index == {i: f"q{i}" for i in range(5)}
    assert found.format == "objects by id"


def test_a_single_json_lines_object_is_one_answer_and_no_dictionary_of_ids(tmp_path, dataset):
    path = write(tmp_path, '{"question_id": 900, "SQL": "a"}\n', "answers.jsonl")
    assert read_predictions(path, dataset, allow_missing=True).by_index == {2: "a"}


def test_json_lines_in_a_json_file_are_read(tmp_path, dataset):
    lines = "\n".join(json.dumps({"question_id": one.question_id, "SQL": "a"}) for one in dataset.examples)
    assert len(read_predictions(write(tmp_path, lines), dataset).by_index) == 5


def test_an_object_for_another_database_is_an_error(tmp_path, dataset):
    items = [{"question_id": one.question_id, "db_id": "shop", "SQL": "a"} for one in dataset.examples]
    with pytest.raises(DataError, match=r"901 \(shop, not zoo\)"):
        read_predictions(write(tmp_path, items), dataset)


def test_objects_without_ids_are_by_position_and_their_number_must_fit(tmp_path, dataset):
    items = [{"sql": sql} for sql in SQL]
    assert read_predictions(write(tmp_path, items), dataset).by_index == dict(enumerate(SQL))
    with pytest.raises(DataError, match=r"questions without an answer: x7 \(1 in all\)"):
        read_predictions(write(tmp_path, items[:4]), dataset)
    with pytest.raises(DataError, match="6 answers without ids for 5 questions"):
        read_predictions(write(tmp_path, [*items, {"sql": "one more"}]), dataset, allow_missing=True)


def test_objects_of_which_some_lack_an_id_are_refused(tmp_path, dataset):
    items = [{"question_id": 3, "sql": "a"}, {"sql": "b"}]
    with pytest.raises(DataError, match="without question_id among answers with one, at: 1"):
        read_predictions(write(tmp_path, items), dataset, allow_missing=True)


def test_answers_without_ids_cannot_be_keyed_by_id(tmp_path, dataset):
    with pytest.raises(UsageError, match="have no ids"):
        read_predictions(write(tmp_path, "SELECT 1\n", "a.sql"), dataset, keyed_by="id")


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n"])
def test_lines_are_answers_and_a_blank_line_is_an_empty_one(tmp_path, dataset, end):
    text = "SELECT 0\n\nSELECT 2\tshop\r\nSELECT\t3\n[SQL] 4" + end
    path = tmp_path / "answers.txt"
    path.write_bytes(text.encode())
    found = read_predictions(path, dataset)
    assert found.by_index == {0: "SELECT 0", 1: "", 2: "SELECT 2", 3: "SELECT\t3", 4: "[SQL] 4"}
    assert found.format == "lines by position"


def test_a_line_for_another_database_is_an_error(tmp_path, dataset):
    with pytest.raises(DataError, match=r"0 \(zoo, not shop\)"):
        read_predictions(write(tmp_path, "SELECT 1\tzoo\n" + "a\n" * 4, "a.sql"), dataset)


def test_a_last_line_that_is_missing_is_an_error_unless_allowed(tmp_path, dataset):
    path = write(tmp_path, "a\nb\nc\nd\n", "a.sql")
    with pytest.raises(DataError, match="x7"):
        read_predictions(path, dataset)
    assert read_predictions(path, dataset, allow_missing=True).missing == ("x7",)


def test_missing_and_unknown_ids_are_named_in_one_message_with_their_count(tmp_path):
    schema = Schema("shop", (Table("item", (Column("id"),)),))
    examples = tuple(Example(100 + i, "shop", "?", "SELECT 1") for i in range(30))
    dataset = Dataset("bird", "dev", examples, {"shop": schema}, {})
    path = write(tmp_path, {"999": "a", "zz": "b", "100": "c"})
    with pytest.raises(DataError) as caught:
        read_predictions(path, dataset)
    message = str(caught.value)
    assert "101, 102, 103, 104, 105, 106, 107, 108, 109, 110 and 19 more (29 in all)" in message
    assert "999, zz (2 in all)" in message
    assert "--allow-missing" in message
    found = read_predictions(path, dataset, allow_missing=True)
    assert (len(found.missing), found.unknown) == (29, ("999", "zz"))


@pytest.mark.parametrize("allowed", [False, True])
def test_repeated_ids_are_always_an_error(tmp_path, dataset, allowed):
    objects = [{"question_id": 3, "sql": "a"}, {"question_id": "3", "sql": "b"}]
    with pytest.raises(DataError, match="more than once: 3"):
        read_predictions(write(tmp_path, objects), dataset, allow_missing=allowed)
    with pytest.raises(DataError, match="more than once: 900"):
        read_predictions(write(tmp_path, '{"900": "a", "900": "b"}'), dataset, allow_missing=allowed)
    with pytest.raises(DataError, match="more than once: 0"):
        read_predictions(write(tmp_path, f'{{"0": "a{MARK}shop", "0": "b{MARK}shop"}}'.replace("\t", "\\t")), dataset)


def test_null_is_a_missing_answer(tmp_path, dataset):
    path = write(tmp_path, {"3": None, "0": "a", "900": "b", "901": "c", "x7": ""})
    with pytest.raises(DataError, match=r"without an answer: 3 \(1 in all\)"):
        read_predictions(path, dataset)
    found = read_predictions(path, dataset, allow_missing=True)
    assert found.missing == (3,)
    assert found.by_index[4] == ""


def test_values_that_are_no_text_are_an_error_that_names_the_id(tmp_path, dataset):
    path = write(tmp_path, {"3": 0, "0": ["a"], "900": "b", "901": "c", "x7": "d"})
    with pytest.raises(DataError, match=r"not text: 3 \(int\), 0 \(list\)") as caught:
        read_predictions(path, dataset)
    assert "without an answer" not in str(caught.value)
    with pytest.raises(DataError, match="not text"):
        read_predictions(path, dataset, allow_missing=True)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ('{"0": ', "a.json", r"a\.json:1:\d+: not JSON"),
        ('{"question_id": 1}\n{oops\n', "a.jsonl", "line 2"),
        ("SELECT 1", "a.json", "not JSON"),
        ("[1, 2]", "a.json", "a list must hold objects"),
        ("3", "a.json", "an object or a list is expected"),
        (b"\xff\xfe", "a.json", "not UTF-8"),
    ],
)
def test_a_file_in_no_known_format_is_refused_with_the_place(tmp_path, dataset, content, name, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read_predictions(path, dataset)


def test_a_missing_file_is_a_data_error(tmp_path, dataset):
    with pytest.raises(DataError, match="does not exist"):
        read_predictions(tmp_path / "none.json", dataset)


def test_a_byte_order_mark_is_no_part_of_the_answers(tmp_path, dataset):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"3": "a", "900": "b"}), encoding="utf-8-sig")
    assert read_predictions(path, dataset, allow_missing=True).by_index == {0: "a", 2: "b"}


def test_gold_sql_of_a_one_database_file_is_never_taken_for_the_prediction(tmp_path, make_database):
    database = make_database(tmp_path / "my.sqlite", "CREATE TABLE t (a);")
    items = [
        {"question": "a?", "SQL": "SELECT a FROM t"},
        {"question": "b?", "gold_sql": "SELECT 1", "sql": "SELECT 2"},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, items)), "both.jsonl")
    dataset = load_single(database, path)
    with pytest.raises(DataError, match="without an answer: 0"):
        read_predictions(path, dataset)
    assert read_predictions(path, dataset, allow_missing=True).by_index == {1: "SELECT 2"}


def test_gold_and_prediction_may_stand_in_one_file(tmp_path, make_database):
    database = make_database(tmp_path / "my.sqlite", "CREATE TABLE t (a);")
    items = [{"question": f"{i}?", "SQL": "SELECT a FROM t", "predicted_sql": f"SELECT {i}"} for i in range(3)]
    path = write(tmp_path, "\n".join(map(json.dumps, items)), "both.jsonl")
    assert read_predictions(path, load_single(database, path)).by_index == {i: f"SELECT {i}" for i in range(3)}


def test_gold_and_prediction_in_one_file_need_no_ids_or_all_of_them(tmp_path, make_database):
    database = make_database(tmp_path / "my.sqlite", "CREATE TABLE t (a);")
    items = [{"question": f"{i}?", "SQL": "SELECT a FROM t", "pred": f"SELECT {i}"} for i in range(3)]
    items[1]["question_id"] = "b"
    path = write(tmp_path, items, "both.json")
    found = read_predictions(path, load_single(database, path), keyed_by="id")
    assert found.by_index == {i: f"SELECT {i}" for i in range(3)}


def test_another_way_of_keying_is_refused(tmp_path, dataset):
    with pytest.raises(UsageError, match="position or id"):
        read_predictions(write(tmp_path, {"3": "a"}), dataset, keyed_by="name")


def test_the_questions_file_of_a_folder_may_be_scored_as_predictions(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data")
    dataset = load(folder)
    found = read_predictions(folder / "dev.json", dataset)
    assert found.by_index == {i: one.gold_sql for i, one in enumerate(dataset.examples)}


@given(answers=st.lists(st.text(), min_size=5, max_size=5))
def test_official_files_read_as_they_were_written(tmp_path_factory, answers):
    schema = {db_id: Schema(db_id, ()) for db_id in DB_IDS}
    examples = tuple(Example(i + 70, db_id, "?", "SELECT 1") for i, db_id in enumerate(DB_IDS))
    dataset = Dataset("bird", "dev", examples, schema, {})
    path = tmp_path_factory.mktemp("official") / "predictions.json"
    write_official(path, dataset, dict(enumerate(answers)))
    assert read_predictions(path, dataset).by_index == dict(enumerate(answers))


def test_an_official_file_survives_a_lone_surrogate_and_stays_utf_8(tmp_path, dataset):
    write_official(tmp_path / "out.json", dataset, {0: "SELECT '\ud800'", 1: "SELECT 1"})
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (found["0"], found["1"]) == (f"SELECT '?'{MARK}shop", f"SELECT 1{MARK}shop")


def test_an_official_file_in_an_impossible_place_is_a_run_error(tmp_path, dataset):
    with pytest.raises(RunError, match="choose another place"):
        write_official(tmp_path, dataset, {})


def test_the_official_file_has_an_empty_answer_for_a_missing_one(tmp_path, dataset):
    path = tmp_path / "out.json"
    write_official(path, dataset, {0: "SELECT 0"})
    assert json.loads(path.read_text())["3"] == f"{MARK}zoo"
    assert [one.name for one in tmp_path.iterdir()] == ["out.json"]
