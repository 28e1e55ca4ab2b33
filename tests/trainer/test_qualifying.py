"""Targets whose columns stand behind the names of their tables."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from harness import datasets
from harness.types import Column, Schema, Table
from trainer.config import TrainDataConfig
from trainer.qualifying import Qualifier, Targets, qualify_targets


def table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(one, "TEXT") for one in columns))


SCHEMA = Schema(
    "lab",
    (
        table("Patient", "ID", "SEX", "First Date"),
        table("Laboratory", "ID", "Date", "T-CHO"),
        table("order", "patient", "Date"),
    ),
)


TWICE = (
    "SELECT a.SEX, Laboratory.Date FROM Patient a JOIN Patient b ON a.ID = b.ID JOIN Laboratory ON Laboratory.ID = b.ID"
)
REWRITTEN = {
    "aliases and bare names": (
        "SELECT T2.`t-cho` FROM patient AS T1 INNER JOIN Laboratory T2 ON t1.id = T2.ID WHERE SEX = 'F'",
        "SELECT Laboratory.`T-CHO` FROM Patient INNER JOIN Laboratory ON Patient.ID = Laboratory.ID WHERE SEX = 'F'",
        (
            "SELECT Laboratory.`T-CHO` FROM Patient INNER JOIN Laboratory ON Patient.ID = Laboratory.ID "
            "WHERE Patient.SEX = 'F'"
        ),
    ),
    "strings are no names": (
        "SELECT COUNT(*) FROM Patient WHERE `First Date` > 'T1.SEX'",
        "SELECT COUNT(*) FROM Patient WHERE `First Date` > 'T1.SEX'",
        "SELECT COUNT(*) FROM Patient WHERE Patient.`First Date` > 'T1.SEX'",
    ),
    "a star, and a table called by a keyword": (
        "SELECT T1.* FROM `order` AS T1",
        "SELECT `order`.* FROM `order`",
        "SELECT `order`.* FROM `order`",
    ),
    "a table that is read twice needs its aliases": (
        "SELECT a.SEX, c.Date FROM Patient a JOIN Patient b ON a.ID = b.ID JOIN Laboratory c ON c.ID = b.ID",
        TWICE,
        TWICE,
    ),
    "a sub-query looks outwards for what its own tables lack": (
        "SELECT SEX FROM Patient AS T1 WHERE EXISTS (SELECT 1 FROM Laboratory WHERE ID = T1.ID AND SEX = 'F')",
        "SELECT SEX FROM Patient WHERE EXISTS (SELECT 1 FROM Laboratory WHERE ID = Patient.ID AND SEX = 'F')",
        (
            "SELECT Patient.SEX FROM Patient WHERE EXISTS (SELECT 1 FROM Laboratory WHERE Laboratory.ID = Patient.ID "
            "AND Patient.SEX = 'F')"
        ),
    ),
    "what a query names itself belongs to no table": (
        "SELECT MAX(Date) AS Date FROM Laboratory ORDER BY Date",
        "SELECT MAX(Date) AS Date FROM Laboratory ORDER BY Date",
        "SELECT MAX(Laboratory.Date) AS Date FROM Laboratory ORDER BY Date",
    ),
    "a common table expression": (
        "WITH w AS (SELECT ID AS k FROM Patient) SELECT k, T1.Date FROM w JOIN Laboratory AS T1 ON T1.ID = k",
        "WITH w AS (SELECT ID AS k FROM Patient) SELECT k, Laboratory.Date FROM w JOIN Laboratory ON Laboratory.ID = k",
        (
            "WITH w AS (SELECT Patient.ID AS k FROM Patient) SELECT k, Laboratory.Date FROM w JOIN Laboratory "
            "ON Laboratory.ID = k"
        ),
    ),
}


@pytest.mark.parametrize("case", REWRITTEN)
def test_columns_get_the_names_of_their_tables(case: str) -> None:
    gold, tables, always = REWRITTEN[case]
    assert Qualifier(SCHEMA, always=False).rewrite(gold) == tables
    assert Qualifier(SCHEMA, always=True).rewrite(gold) == always


@pytest.mark.parametrize(
    "gold",
    [
        # The inner table would take what means the outer one.
        "SELECT SEX FROM Patient AS T1 WHERE ID IN (SELECT ID FROM Patient WHERE ID = T1.ID AND SEX <> T1.SEX)",
        "SELECT T1.nothing FROM Patient AS T1",
        "SELECT FROM WHERE",
        "SELECT T1.SEX FROM Patient AS T1 WHERE T1.ID = '\ud800'",
        "SELECT 1; SELECT 2",
    ],
)
def test_a_gold_stays_as_it_is_where_another_text_would_be_another_query(gold: str) -> None:
    assert Qualifier(SCHEMA, always=True).rewrite(gold) is None


def test_what_stayed_is_named_and_counted() -> None:
    dataset = datasets.load(datasets.MINI, "train")
    config = TrainDataConfig(path=datasets.MINI, qualifiers="always")
    table = dataset.schemas[dataset.examples[0].db_id].tables[0].name
    broken = replace(dataset.examples[0], gold_sql=f"SELECT T1.nothing FROM {table} AS T1")
    examples = (broken, *dataset.examples[1:])
    taught, targets = qualify_targets(examples, dataset.schemas, config)
    assert taught[0] == broken
    assert f"{broken.db_id}/{broken.question_id}" in targets.kept
    changed = [new for new, old in zip(taught, examples, strict=True) if new.gold_sql != old.gold_sql]
    assert targets.rewritten == len(changed) > len(taught) // 2
    assert not any("T1." in one.gold_sql for one in changed)


def test_without_the_option_golds_are_taught_as_they_are() -> None:
    dataset = datasets.load(datasets.MINI, "train")
    config = TrainDataConfig(path=datasets.MINI)
    assert qualify_targets(dataset.examples, dataset.schemas, config) == (tuple(dataset.examples), Targets())


@pytest.mark.shared_data
@pytest.mark.parametrize("qualifiers", ["tables", "always"])
def test_real_golds_return_the_same_rows_in_other_words(qualifiers: str) -> None:
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    dataset = datasets.load(Path(os.environ["T2S_SHARED_DATA"]) / "bird", "dev")
    config = TrainDataConfig(path="", qualifiers=qualifiers)
    taught, targets = qualify_targets(dataset.examples, dataset.schemas, config)
    assert not targets.kept
    assert targets.rewritten > 0.7 * len(taught)
    for new, old in zip(taught[::3], dataset.examples[::3], strict=True):
        with closing(sqlite3.connect(f"file:{dataset.databases[old.db_id]}?mode=ro", uri=True)) as connection:
            assert connection.execute(new.gold_sql).fetchall() == connection.execute(old.gold_sql).fetchall()
