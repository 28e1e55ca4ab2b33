import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics import clustered_interval, wilson
from harness.summary import slice_records, summarise
from harness.types import Record, Score

METRICS = ("execution_accuracy", "soft_f1")


def record(question_id, scores, **changes):
    fields = {
        "db_id": "ferry",
        "difficulty": "simple",
        "question": "How many?",
        "evidence": "",
        "gold_sql": "SELECT 1",
        "completion": "SELECT 1",
        "sql": "SELECT 1",
        "status": "ok",
        "error": "",
        "diagnosis": None,
        "gold_result": None,
        "predicted_result": None,
    } | changes
    return Record(
        question_id=question_id, scores={name: Score(name, value) for name, value in scores.items()}, **fields
    )


def test_a_value_is_the_mean_over_the_scored_and_n_counts_all():
    records = [record(0, {"soft_f1": 0.25}), record(1, {"soft_f1": 0.75}), record(2, {"soft_f1": None}), record(3, {})]
    rate = summarise(records, ["soft_f1"])["metrics"]["soft_f1"]
    low, high = wilson(1.0, 2)
    assert rate.items() >= {"value": 0.5, "n": 4, "unscored": 2, "ci_low": low, "ci_high": high}.items()


def test_the_interval_over_databases_is_the_one_of_the_scored_questions_by_database():
    records = [record(i, {"prepares": float(i % 3 == 0)}, db_id=f"db{i % 4}") for i in range(40)]
    rate = summarise(records, ["prepares"])["metrics"]["prepares"]
    values, databases = [float(i % 3 == 0) for i in range(40)], [f"db{i % 4}" for i in range(40)]
    found = clustered_interval(values, databases)
    assert (rate["clustered_low"], rate["clustered_high"], rate["clusters"]) == (found.low, found.high, 4)
    assert rate["clustered_low"] <= rate["ci_low"] < rate["ci_high"] <= rate["clustered_high"]


def test_nothing_scored_gives_no_value_and_no_interval():
    rate = summarise([record(0, {"soft_f1": None})], ["soft_f1"])["metrics"]["soft_f1"]
    assert rate == {"value": None, "n": 1, "unscored": 1, "ci_low": None, "ci_high": None}


def test_no_record_at_all_is_summarised_too():
    summary = summarise([], METRICS)
    assert summary["n"] == 0
    assert summary["metrics"]["soft_f1"]["value"] is None
    assert summary["slices"] == {}


def test_a_metric_that_passes_one_has_no_wilson_interval():
    rate = summarise([record(0, {"ves": 1.25}), record(1, {"ves": 0.0})], ["ves"])["metrics"]["ves"]
    assert (rate["value"], rate["ci_low"], rate["ci_high"]) == (0.625, None, None)


def test_slices_run_from_simple_to_challenging_then_others_then_databases_by_name():
    grades = ["zen", "challenging", "", "simple", "extra", "moderate"]
    records = [
        record(i, {}, difficulty=grade, db_id=db) for i, (grade, db) in enumerate(zip(grades, "cbacba", strict=True))
    ]
    assert list(slice_records(records)) == [
        "difficulty=simple",
        "difficulty=moderate",
        "difficulty=challenging",
        "difficulty=extra",
        "difficulty=zen",
        "db_id=a",
        "db_id=b",
        "db_id=c",
    ]


def test_a_slice_holds_the_rates_of_its_own_questions():
    records = [record(0, {"soft_f1": 1.0}), record(1, {"soft_f1": 0.0}, difficulty="moderate")]
    slices = summarise(records, ["soft_f1"])["slices"]
    assert slices["difficulty=simple"]["soft_f1"]["value"] == 1.0
    assert slices["difficulty=moderate"]["soft_f1"]["n"] == 1
    assert slices["db_id=ferry"]["soft_f1"]["value"] == 0.5


def test_statuses_and_tokens_are_counted():
    records = [
        record(0, {}, status="timeout", prompt_tokens=10, completion_tokens=2),
        record(1, {}, status="ok", prompt_tokens=5),
        record(2, {}, status="ok"),
    ]
    summary = summarise(records, [], timing={"generation_s": 1.5})
    assert list(summary["status"].items()) == [("ok", 2), ("timeout", 1)]
    assert summary["tokens"] == {"prompt": 15, "completion": 2}
    assert summary["timing"] == {"generation_s": 1.5}
    assert "diagnosis" not in summary


def test_equivalence_shows_how_many_stayed_open():
    records = [record(i, {"ast_equivalent": value}) for i, value in enumerate([1.0, 1.0, 0.0, None])]
    summary = summarise(records, ["ast_equivalent"])
    assert summary["ast_equivalence"] == {
        "proved_of_all": 0.5,
        "proved": 2,
        "refuted": 1,
        "unknown": 1,
    }


@given(st.lists(st.tuples(st.sampled_from(["ok", "error", "no_sql"]), st.floats(0, 1), st.booleans()), max_size=30))
def test_the_order_of_records_does_not_matter_and_counts_sum_to_n(rows):
    records = [
        record(
            i,
            {"execution_accuracy": float(right), "soft_f1": f1},
            status=status,
            difficulty=["simple", "moderate"][i % 2],
            diagnosis="correct" if right else "syntax",
        )
        for i, (status, f1, right) in enumerate(rows)
    ]
    shuffled = random.Random(7).sample(records, len(records))
    summary = summarise(records, METRICS)
    assert summary == summarise(shuffled, METRICS)
    assert sum(summary["status"].values()) == sum(summary.get("diagnosis", {}).values()) == len(records)


def test_the_mean_of_many_tenths_is_exact():
    records = [record(i, {"soft_f1": 0.1}) for i in range(1000)]
    assert summarise(records, ["soft_f1"])["metrics"]["soft_f1"]["value"] == pytest.approx(0.1, abs=0)


def test_nothing_is_said_of_golds_that_were_not_run():
    linked = {"linking": {"precision": 1.0, "recall": 1.0, "f1": 1.0}}
    assert "gold" not in summarise([record(0, {}, analysis=linked)], [])
    assert summarise([record(0, {}, analysis=linked, diagnosis="correct")], [])["gold"]["ceiling"] == 1.0
