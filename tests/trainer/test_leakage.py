import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import datasets
from harness.datasets.fetch import SOURCES
from harness.errors import DataError
from harness.types import Column, Dataset, Example, Schema, Table
from trainer import leakage
from trainer.config import TrainDataConfig
from trainer.leakage import check_leakage, compare, normalise_sql, schema_similarity, shingles

LONG = "Which of the ferries that leave before noon on Sundays carries the most passengers over the whole summer season"


def schema(db_id, **tables):
    return Schema(
        db_id, tuple(Table(name, tuple(Column(column) for column in columns)) for name, columns in tables.items())
    )


def dataset(schemas, questions=()):
    examples = [
        Example(number, one.db_id, f"Question {number} of {one.db_id}?", "SELECT 1")
        for number, one in enumerate(schemas)
    ]
    examples += [Example(100 + number, *question) for number, question in enumerate(questions)]
    return Dataset("made up", "train", tuple(examples), {one.db_id: one for one in schemas}, {})


SHOP = schema("shop", item=("id", "name", "price"), sale=("id", "item_id", "day"))
RENAMED = schema("store_1", Item=("ID", "Name", "Price"), Sale=("id", "item id", "day", "till"))
ZOO = schema("zoo", animal=("id", "species"), keeper=("id", "name"))


@pytest.fixture
def folders(tmp_path):
    """Return a function that writes a data folder of a split and says how a configuration names it."""

    def write(name, schemas, split="dev"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        questions = [
            {"question_id": 0, "db_id": one.db_id, "question": f"How many rows has {one.db_id}?", "SQL": "SELECT 1"}
            for one in schemas
        ]
        tables = [
            {
                "db_id": one.db_id,
                "table_names_original": [table.name for table in one.tables],
                "table_names": [table.name for table in one.tables],
                "column_names_original": [
                    [-1, "*"],
                    *([n, column.name] for n, table in enumerate(one.tables) for column in table.columns),
                ],
                "column_names": [
                    [-1, "*"],
                    *([n, column.name] for n, table in enumerate(one.tables) for column in table.columns),
                ],
                "column_types": ["text"] * (1 + sum(len(table.columns) for table in one.tables)),
                "primary_keys": [],
                "foreign_keys": [],
            }
            for one in schemas
        ]
        for number, question in enumerate(questions):
            question["question_id"] = number
        (folder / f"{split}.json").write_text(json.dumps(questions))
        (folder / f"{split}_tables.json").write_text(json.dumps(tables))
        return str(folder)

    return write


def config(path, **options):
    return TrainDataConfig(path=str(path), **options)


def test_schemas_are_alike_whatever_their_names_are_written_like():
    assert schema_similarity(SHOP, RENAMED) == pytest.approx(6 / 7)
    assert schema_similarity(SHOP, ZOO) == 0
    assert schema_similarity(schema("empty"), schema("nothing")) == 0


def test_a_database_under_another_name_is_found(folders):
    train = dataset([SHOP, ZOO])
    with pytest.raises(
        DataError, match=r"shop \(1 questions\) is store_1 of .*other \(dev\): 86% of the columns"
    ) as no:
        check_leakage(train, config("x", evaluation=(folders("other", [RENAMED]),)))
    assert "data.leakage = 'exclude'" in str(no.value)
    assert "zoo" not in str(no.value)


def test_a_database_of_the_same_name_is_shared_whatever_its_schema(folders):
    train = dataset([schema("Zoo", ticket=("id",)), SHOP])
    with pytest.raises(DataError, match=r"Zoo .* is zoo of"):
        check_leakage(train, config("x", evaluation=(folders("other", [ZOO]),)))


def test_every_shared_database_of_every_set_is_named_at_once(folders):
    sets = (folders("one", [RENAMED]), folders("two", [ZOO]))
    with pytest.raises(DataError) as no:
        check_leakage(dataset([SHOP, ZOO]), config("x", evaluation=sets))
    assert str(no.value).count("\n  - ") == 2


def test_excluding_leaves_whole_databases_out_and_counts_their_questions(folders):
    train = dataset([SHOP, ZOO], [("shop", "Another?", "SELECT 2")])
    evaluation = (folders("other", [RENAMED]),)
    kept, found = check_leakage(train, config("x", evaluation=evaluation, leakage="exclude"))
    assert {example.db_id for example in kept.examples} == set(kept.schemas) == {"zoo"}
    assert (found.left_out, found.questions_left_out) == (("shop",), 2)
    assert found.comparisons[0].databases == ()
    assert "left out of the training: shop (2 questions)" in found.headlines


def test_allowing_trains_on_everything_and_says_what_is_shared(folders):
    train = dataset([SHOP, ZOO])
    evaluation = (folders("other", [RENAMED]),)
    kept, found = check_leakage(train, config("x", evaluation=evaluation, leakage="allow"))
    assert kept is train
    assert [one.other for one in found.comparisons[0].databases] == ["store_1"]
    assert "shop = store_1" in found.headlines[0]


def test_nothing_left_to_train_on_is_an_error(folders):
    with pytest.raises(DataError, match="every database is in an evaluation set"):
        check_leakage(dataset([SHOP]), config("x", evaluation=(folders("other", [SHOP]),), leakage="exclude"))


def test_a_named_set_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: data.evaluation names it.*check the path"):
        check_leakage(dataset([SHOP]), config("x", evaluation=(str(tmp_path / "nowhere"),)))


def test_without_a_word_the_fetched_sets_beside_the_training_data_are_compared(folders, tmp_path):
    train = folders("bird-train", [SHOP], split="train")
    folders("bird-train", [ZOO], split="dev")
    folders("bird-dev", [ZOO])
    folders("something-else", [SHOP])
    _, found = check_leakage(datasets.load(train, "train"), config(train))
    assert [one.name for one in found.comparisons] == [f"{train} (dev)", f"{tmp_path / 'bird-dev'} (dev)"]


def test_an_empty_list_compares_with_nothing_and_says_so(folders):
    train = folders("bird-train", [SHOP], split="train")
    folders("bird-dev", [SHOP])
    _, found = check_leakage(datasets.load(train, "train"), config(train, evaluation=()))
    assert found.headlines == ("compared with no evaluation set",)


def test_the_known_folders_are_those_that_are_fetched_to_evaluate_on():
    assert set(leakage.KNOWN) == {name for name in SOURCES if name.startswith("bird")} - {"bird-train"}


def test_the_split_that_is_trained_on_is_not_compared_with_itself(folders):
    data = folders("own", [SHOP])
    with pytest.raises(DataError, match=r"data.evaluation names it"):
        check_leakage(datasets.load(data, "dev"), config(data, split="dev", evaluation=(data,)))


@pytest.mark.parametrize(
    ("question", "similarity"),
    [
        (LONG.upper() + "?!", 1.0),
        (LONG.replace("summer", "winter"), 0.7895),
        (LONG.replace("ferries", "sad boats"), None),
    ],
)
def test_questions_alike_are_listed_with_how_alike_they_are(question, similarity):
    train = dataset([SHOP], [("shop", LONG, "SELECT 2")])
    (found,) = compare(train, {"other": dataset([ZOO], [("zoo", question, "SELECT 3")])})
    expected = [] if similarity is None else [("shop/100", "zoo/100", similarity)]
    assert [(one.question, one.other, one.similarity) for one in found.alike] == expected


def test_the_same_sql_is_listed_and_a_question_once(folders):
    train = dataset([SHOP], [("shop", "A?", 'SELECT  "Name" FROM item;'), ("shop", "B?", "SELECT name FROM item")])
    other = dataset([ZOO], [("zoo", "C?", "select NAME\nfrom `item`"), ("zoo", "D?", "SELECT 'Name' FROM item")])
    (found,) = compare(train, {"other": other})
    assert [(one.question, one.other) for one in found.same_sql if one.other != "zoo/0"] == [("shop/100", "zoo/100")]
    assert "2 with the same SQL" in found.describe()  # `SELECT 1` of the fixtures as well


def test_text_in_sql_keeps_its_case_and_its_spaces():
    assert normalise_sql("SELECT 'A  b'") != normalise_sql("SELECT 'a b'")
    assert normalise_sql("SELECT  'A'';' ;") == "select 'A'';'"


words = st.lists(st.sampled_from("abcdefgh"), min_size=0, max_size=12)


@given(st.lists(words, min_size=1, max_size=8), words)
def test_the_index_finds_what_a_comparison_with_every_question_finds(questions, wanted):
    train = dataset([], [("d", " ".join(one), f"SELECT {number}") for number, one in enumerate(questions)])
    (found,) = compare(train, {"other": dataset([], [("e", " ".join(wanted), "SELECT 'x'")])})
    own = shingles(" ".join(wanted))
    ratios = [len(own & other) / len(own | other) for one in questions if (other := shingles(" ".join(one))) | own]
    best = max(ratios, default=0.0)
    assert [one.similarity for one in found.alike] == ([round(best, 4)] if best >= leakage.ALIKE else [])


@pytest.mark.shared_data
def test_bird_train_shares_no_database_with_birds_own_and_world_with_spider():
    if not (root := os.environ.get("T2S_SHARED_DATA")):
        pytest.skip("T2S_SHARED_DATA is not set")
    data = Path(root)
    train = datasets.load(data / "bird_train", "train")
    own = tuple(str(data / name) for name in ("bird", "bird_questions", "bird_partial"))
    kept, found = check_leakage(train, config(data / "bird_train", evaluation=own))
    assert kept is train
    assert [len(one.databases) + len(one.alike) + len(one.same_sql) for one in found.comparisons] == [0] * 6
    spider = config(data / "bird_train", evaluation=(str(data / "spider"),), leakage="exclude")
    kept, found = check_leakage(train, spider)
    assert (found.left_out, found.questions_left_out) == (("world",), 73)
    assert len(kept.examples) == 6601 - 73
