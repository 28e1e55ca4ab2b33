import json
import shutil

import pytest

from harness.datasets.check import check
from harness.execution import Limits

QUICK = Limits(timeout_s=10.0)


def examine(folder, split="dev"):
    return check(folder, split, limits=QUICK, workers=1)


def rewrite(folder, items):
    (folder / "dev.json").write_text(json.dumps(items))


def test_a_sound_folder_has_no_problems_and_every_hash(tmp_path, make_bird):
    report = examine(make_bird(tmp_path / "data"))
    assert report.problems == ()
    assert report.notes == ()
    assert set(report.hashes) == {"dev.json", "dev_tables.json", "databases/shop", "databases/zoo"}
    assert report.counts["golds_executed"] == report.counts["golds"] == 3


def test_everything_wrong_is_found_in_one_go(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    questions[0]["SQL"] = ["SELECT 1", "SELECT colour FROM item"]
    questions[1]["question_id"] = 11
    extra = {"question_id": 12, "db_id": "mars", "question": " ", "SQL": "SELECT 1"}
    rewrite(folder, [*questions, extra])
    (folder / "dev_databases" / "zoo" / "zoo.sqlite").write_bytes(b"junk")
    text = "\n".join(examine(folder).problems)
    assert "more than once: 11" in text
    assert "without a schema (dev_tables.json does not describe them): mars" in text
    assert "question 12: the question is empty" in text
    assert "zoo.sqlite: not a SQLite database" in text
    assert "without a file <db>/<db>.sqlite: mars" in text
    assert "question 7 (gold 2 of 2): the gold fails on shop: no such column: colour" in text
    assert len(examine(folder).problems) == 6


def test_a_missing_database_is_a_problem_where_there_is_a_folder_for_it(tmp_path, make_bird):
    folder = make_bird(tmp_path / "data")
    shutil.rmtree(folder / "dev_databases" / "zoo")
    assert examine(folder).problems == ("databases without a file <db>/<db>.sqlite: zoo",)
    shutil.rmtree(folder / "dev_databases" / "shop")
    assert examine(folder).problems == ("databases without a file <db>/<db>.sqlite: shop, zoo",)


def test_questions_only_is_a_note_and_golds_are_prepared(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    shutil.rmtree(folder / "dev_databases")
    questions[0]["SQL"] = "SELECT colour FROM item"
    rewrite(folder, questions)
    report = examine(folder)
    assert report.problems == ()
    assert any("questions only" in note for note in report.notes)
    assert any("question 7" in note and "no such column: colour" in note for note in report.notes)
    assert (report.counts["golds"], report.counts["golds_prepared"]) == (3, 2)


def test_empty_results_and_schema_differences_are_notes(tmp_path, make_bird, questions, tables):
    folder = make_bird(tmp_path / "data")
    questions[2]["SQL"] = "SELECT name FROM animal WHERE name = 'yak'"
    rewrite(folder, questions)
    tables[0]["column_names_original"][3] = [0, "cost"]
    (folder / "dev_tables.json").write_text(json.dumps(tables))
    report = examine(folder)
    assert report.problems == ()
    assert report.notes == (
        "shop: column item.cost is not in the database",
        "shop: column item.price is not in the tables file",
        "golds that return no row: 11 (1 in all)",
    )


def test_a_broken_tables_file_does_not_hide_the_rest(tmp_path, make_bird, questions):
    folder = make_bird(tmp_path / "data")
    (folder / "dev_tables.json").write_text("[{]")
    questions[0]["SQL"] = "SELECT colour FROM item"
    rewrite(folder, questions)
    first, second = examine(folder).problems
    assert "dev_tables.json:1:" in first
    assert "no such column" in second


@pytest.mark.parametrize("sql", ["DELETE FROM item", "DROP TABLE item"])
def test_a_gold_that_would_change_the_database_fails_and_changes_nothing(tmp_path, make_bird, questions, sql):
    folder = make_bird(tmp_path / "data")
    before = examine(folder).hashes
    questions[0]["SQL"] = sql
    rewrite(folder, questions)
    report = examine(folder)
    assert len(report.problems) == 1
    assert report.hashes["databases/shop"] == before["databases/shop"]


def test_a_folder_that_is_no_data_set_is_one_problem(tmp_path):
    report = examine(tmp_path)
    assert len(report.problems) == 1
    assert "no questions for split 'dev'" in report.problems[0]
