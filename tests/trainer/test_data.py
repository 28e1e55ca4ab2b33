import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.config import PromptConfig
from harness.errors import DataError
from harness.types import Column, Dataset, Example, Schema, Table
from trainer.config import TrainDataConfig
from trainer.data import (
    Encoder,
    build_rows,
    estimating_encoder,
    shuffle_schema,
    shuffled_schemas,
    split_dataset,
    target_sql,
)

BYTES = Encoder(encode=lambda text, start: [999] * start + list(text.encode()), end_id=1000)


def schema(db_id, tables=1):
    return Schema(db_id, tuple(Table(f"t{number}", (Column("x", "TEXT"),)) for number in range(tables)))


def dataset(per_database=10, databases=8):
    examples = tuple(
        Example(f"{db}.{number}", f"db{db}", f"Question {number}?", "SELECT x FROM t0", "word " * (number * 5))
        for db in range(databases)
        for number in range(per_database)
    )
    return Dataset("made up", "train", examples, {f"db{db}": schema(f"db{db}") for db in range(databases)}, {})


def config(**options):
    return TrainDataConfig(path="x", **options)


def test_validation_databases_are_never_trained_on():
    split = split_dataset(dataset(), config(fraction=1.0, validation_databases=0.25))
    assert not {one.db_id for one in split.train} & {one.db_id for one in split.validation}
    assert len(split.validation_databases) == 2
    assert len(split.train) + len(split.validation) == 80


def test_a_split_is_a_function_of_its_seed():
    assert split_dataset(dataset(), config(seed=1)) == split_dataset(dataset(), config(seed=1))
    assert split_dataset(dataset(), config(seed=1)) != split_dataset(dataset(), config(seed=2))


def test_a_count_of_databases_may_be_named_and_none_too():
    assert len(split_dataset(dataset(), config(validation_databases=3)).validation_databases) == 3
    assert split_dataset(dataset(), config(validation_databases=0)).validation == ()


def test_holding_out_everything_is_an_error():
    with pytest.raises(DataError, match="leaves none to train on"):
        split_dataset(dataset(databases=2), config(validation_databases=2))


def test_the_share_of_every_evidence_bucket_is_kept():
    split = split_dataset(dataset(), config(fraction=0.5))
    assert sum(before for _, before, _ in split.buckets) == 80
    for _, before, after in split.buckets:
        assert abs(after - before / 2) <= 1


def test_prefix_and_suffix_are_tokenised_apart_and_the_target_ends():
    data = dataset(per_database=1, databases=1)
    (row,) = build_rows(data.examples, data.schemas, PromptConfig(), BYTES, 0).rows
    assert row.prefix_ids[0] == 999
    assert bytes(row.prefix_ids[1:]).decode().startswith("-- SQLite database db0\nCREATE TABLE t0")
    assert bytes(row.suffix_ids).decode() == "-- Question: Question 0?\n-- SQL:\n"
    assert row.target_ids == (*b"SELECT x FROM t0", 1000)


def test_rows_of_one_database_share_their_prefix():
    data = dataset(per_database=5, databases=2)
    rows = build_rows(data.examples, data.schemas, PromptConfig(), BYTES, 0).rows
    assert len({row.prefix_ids for row in rows}) == 2


def test_a_prompt_without_a_schema_begins_once():
    data = dataset(per_database=1, databases=1)
    (row,) = build_rows(data.examples, data.schemas, PromptConfig(template="reference"), BYTES, 0).rows
    assert row.prefix_ids == (999,)
    assert bytes(row.suffix_ids).decode().startswith("Question: Question 0?")


def test_a_shortened_prompt_is_counted_and_kept_whole():
    data = dataset(per_database=1, databases=1)
    schemas = {"db0": schema("db0", tables=40)}
    built = build_rows(data.examples, schemas, PromptConfig(max_tokens=300), BYTES, 0)
    assert built.shortened == ("db0/0.0",)
    assert built.rows[0].target_ids == (*b"SELECT x FROM t0", 1000)


def test_what_is_too_long_is_left_out_by_name_and_never_cut():
    data = dataset(per_database=1, databases=2)
    long = Example("long", "db1", "Question?", "SELECT " + "x" * 500)
    built = build_rows([*data.examples, long], data.schemas, PromptConfig(), BYTES, 300)
    assert built.left_out == ("db1/long",)
    assert [row.question_id for row in built.rows] == ["0.0", "1.0"]


def test_a_prompt_that_cannot_be_shortened_enough_is_left_out():
    data = dataset(per_database=1, databases=1)
    assert build_rows(data.examples, data.schemas, PromptConfig(max_tokens=10), BYTES, 0).left_out == ("db0/0.0",)


@pytest.mark.parametrize(
    ("gold", "target"),
    [("SELECT 1 ;\n", "SELECT 1"), ("SELECT 1\n\n\nFROM t;", "SELECT 1\nFROM t"), (" SELECT ';'", "SELECT ';'")],
)
def test_a_target_has_what_generation_would_not_stop_at(gold, target):
    assert target_sql(gold) == target


@given(st.text())
@example("0\r;")
@example("0; \x1c;")
def test_a_target_never_holds_a_blank_line_nor_ends_in_a_semicolon(sql):
    target = target_sql(sql)
    assert "\n\n" not in target
    assert not target.endswith(";")
    assert target_sql(target) == target


def test_an_estimate_grows_with_the_text_and_says_that_it_is_one():
    encoder = estimating_encoder()
    assert not encoder.exact
    assert encoder.count("x" * 320) == 100


WIDE = Schema(
    "wide",
    tuple(
        Table(f"t{number}", tuple(Column(f"c{number}{letter}", "TEXT") for letter in "abcdef")) for number in range(5)
    ),
)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_shuffled_schema_has_the_same_tables_and_columns(seed, number):
    shuffled = shuffle_schema(WIDE, seed, number)
    by_name = {table.name: table for table in shuffled.tables}
    assert len(shuffled.tables) == len(by_name) == 5
    for table in WIDE.tables:
        assert sorted(by_name[table.name].columns, key=lambda one: one.name) == list(table.columns)
    assert shuffled == shuffle_schema(WIDE, seed, number)


def test_schemas_come_in_another_order_in_every_epoch_but_the_first():
    examples = [Example(number, "wide", f"Question {number}?", "SELECT 1") for number in range(3)]
    shuffled = shuffled_schemas({"wide": WIDE}, config(shuffle_schemas=True), epochs=3)
    plain = build_rows(examples, {"wide": WIDE}, PromptConfig(), BYTES, 0)
    rows = build_rows(examples, {"wide": WIDE}, PromptConfig(), BYTES, 0, shuffled)
    assert [row.in_epoch(0).prefix_ids for row in rows.rows] == [row.prefix_ids for row in plain.rows]
    for row in rows.rows:
        prefixes = [row.in_epoch(number).prefix_ids for number in range(3)]
        assert len(set(prefixes)) == 3
        assert len({tuple(sorted(one)) for one in prefixes}) == 1
        assert row.in_epoch(4).prefix_ids == prefixes[1]
    # Questions on a database still share one schema.
    assert [len({row.in_epoch(number).prefix_ids for row in rows.rows}) for number in range(3)] == [1, 1, 1]


def test_schemas_stay_as_they_are_unless_asked_for():
    assert shuffled_schemas({"wide": WIDE}, config(), epochs=3) == ()


def test_a_prompt_that_had_to_be_shortened_keeps_its_own_order():
    examples = [Example(0, "wide", "Question?", "SELECT 1")]
    shuffled = shuffled_schemas({"wide": WIDE}, config(shuffle_schemas=True), epochs=2)
    (row,) = build_rows(examples, {"wide": WIDE}, PromptConfig(max_tokens=400), BYTES, 0, shuffled).rows
    assert row.other_prefixes == ()
    assert row.in_epoch(1) is row
