import json

from reports.breakdown import break_down
from reports.compare import compare_runs, weigh
from reports.comparison_json import describe_comparison

KEYS = (
    "format_version metric first second questions better worse equal test difference by_question by_database"
    " discordance detectable_difference finding diagnosis slices features flips notes"
)


def describe(first, second, *notes):
    comparison = compare_runs(first, second, "soft_f1")
    return describe_comparison(comparison, weigh(comparison), break_down(comparison), notes)


def test_the_keys_and_the_numbers_are_those_of_the_comparison(make_run):
    before, after = [0.0] * 6 + [1.0] * 34, [1.0] * 5 + [0.0] * 2 + [1.0] * 33
    first, second = make_run("old", before), make_run("new", after)
    found = describe(first, second, "a note")
    comparison = compare_runs(first, second, "soft_f1")
    uncertainty = weigh(comparison)
    assert list(found) == KEYS.split()
    assert (found["better"], found["worse"], found["equal"]) == (5, 1, 34)
    assert found["test"]["p_two_sided"] == 2 * 7 / 2**6
    assert found["first"] == {
        "name": "old",
        "value": 0.85,
        "ci_low": uncertainty.first[0],
        "ci_high": uncertainty.first[1],
    }
    assert found["difference"] == comparison.change
    assert found["by_question"]["ci_low"] == uncertainty.by_question.interval.low
    assert found["by_database"]["resampled"] == 2
    assert found["by_database"]["warning"]
    assert [flip["question_id"] for flip in found["flips"]] == [0, 1, 2, 3, 4, 6]
    assert found["diagnosis"][0] == {"before": "unknown_column", "after": "correct", "n": 5, "better": 5, "worse": 0}
    assert {group["kind"] for group in found["slices"]} == {"difficulty", "db_id"}
    assert found["features"][0]["p_holm"] >= found["features"][0]["p_two_sided"]
    assert found["notes"] == ["a note"]
    assert "\N{NO-BREAK SPACE}" not in found["finding"]


def test_it_is_plain_json_even_where_nothing_bounds_a_difference(make_run):
    found = describe(make_run("old", [1.3], db_id="ferry"), make_run("new", [0.5], db_id="ferry"))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["by_database"]["ci_low"], found["by_database"]["ci_high"]) == (None, None)


def test_nothing_scored_gives_no_values(make_run):
    found = describe(make_run("old", [None]), make_run("new", [1.0]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["first"]["value"], found["questions"]["unscored"], found["slices"]) == (None, 1, [])
