from dataclasses import replace

import pytest

from harness.statistics import holm, mcnemar
from reports.breakdown import break_down
from reports.compare import compare_runs


def breakdown(first, second):
    return break_down(compare_runs(first, second, "execution_accuracy"))


def edit(run, change):
    return replace(run, records=tuple(change(record) for record in run.records))


def test_changes_of_diagnosis_are_counted_the_most_frequent_first(make_run):
    old = make_run("old", [0.0, 0.0, 0.0, 1.0, 1.0, 0.0])
    new = make_run("new", [1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    new = edit(new, lambda one: replace(one, diagnosis="wrong_rows") if one.question_id == 2 else one)
    found = [(one.before, one.after, one.count, one.better, one.worse) for one in breakdown(old, new).transitions]
    assert found == [
        ("unknown_column", "correct", 2, 2, 0),
        ("correct", "unknown_column", 1, 0, 1),
        ("unknown_column", "wrong_rows", 1, 0, 0),
    ]


def test_a_run_without_diagnoses_is_named_and_nothing_is_made_up(make_run):
    result = breakdown(make_run("old", [0.0, 1.0], diagnosis=None), make_run("new", [1.0, 1.0]))
    assert result.transitions == ()
    assert result.notes == ("diagnosis: old has none; score it again with this version to see what changed",)


def test_single_questions_without_a_diagnosis_are_unknown(make_run):
    new = edit(make_run("new", [1.0] * 3), lambda one: replace(one, diagnosis=None) if one.question_id == 0 else one)
    result = breakdown(make_run("old", [1.0] * 3), new)
    assert [(one.before, one.after, one.count) for one in result.transitions] == [("correct", "unknown", 1)]
    assert result.notes == ("diagnosis: 1 of 3 questions of new have none, shown as unknown",)


def test_slices_add_up_and_their_p_values_are_corrected_within_their_kind(make_run):
    before, after = [0.0, 0.0, 1.0] * 12, [1.0, 0.0, 1.0] * 12
    result = breakdown(make_run("old", before), make_run("new", after))
    assert [(group.kind, group.name) for group in result.slices] == [
        ("difficulty", "simple"),
        ("difficulty", "moderate"),
        ("difficulty", "challenging"),
        ("db_id", "apiary"),
        ("db_id", "ferry"),
    ]
    simple = result.slices[0]
    assert (simple.value_first, simple.value_second, simple.change, simple.test.wins) == (0.0, 1.0, 1.0, 12)
    for kind in ("difficulty", "db_id"):
        groups = [group for group in result.slices if group.kind == kind]
        assert sum(group.test.n for group in groups) == 36
        assert [group.p_corrected for group in groups] == list(holm([group.test.p_two_sided for group in groups]))
    assert simple.test == mcnemar([0.0] * 12, [1.0] * 12)


def test_features_are_those_of_the_gold_sql(make_run):
    def give_gold(record):
        joined = "SELECT a.x FROM a JOIN b ON a.x = b.x ORDER BY a.x"
        return replace(record, gold_sql=joined if record.question_id < 3 else "SELECT count(*) FROM a")

    result = breakdown(*(edit(make_run(name, [0.0, 1.0] * 4), give_gold) for name in ("old", "new")))
    sizes = {group.name: group.test.n for group in result.features}
    assert sizes == {"no_join": 5, "one_join": 3, "flat": 8, "aggregate": 5, "order_by": 3}
    assert result.notes == ()


@pytest.mark.parametrize("lacking", ["old", "both"])
def test_questions_without_gold_sql_are_counted_and_left_out_of_the_features(make_run, lacking):
    old = make_run("old", [0.0, 1.0], gold_sql="")
    result = breakdown(old, make_run("new", [1.0, 1.0], **({"gold_sql": ""} if lacking == "both" else {})))
    assert bool(result.features) == (lacking == "old")
    assert result.notes == (
        () if lacking == "old" else ("SQL features: 2 questions have no gold SQL in the records; give --data",)
    )
