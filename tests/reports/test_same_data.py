from dataclasses import replace

import pytest

from harness.errors import UsageError
from reports.same_data import describe_differences, refuse_other_data

HASHES = {"dev.json": "a" * 64, "databases/apiary": "b" * 64, "databases/ferry": "c" * 64}


def with_hashes(run, **changes):
    return replace(run, manifest={**run.manifest, "hashes": HASHES | changes})


@pytest.fixture
def runs(make_run):
    """Two runs on the same questions and databases."""
    return [with_hashes(make_run(name, [1.0, 0.0, 1.0])) for name in ("old", "new")]


def test_runs_on_the_same_data_pass(runs):
    refuse_other_data(*runs)
    assert describe_differences(*runs) == ()


def test_another_database_is_refused_by_name_and_hash(runs):
    with pytest.raises(UsageError) as refusal:
        refuse_other_data(runs[0], with_hashes(runs[1], **{"databases/ferry": "d" * 64}))
    message = str(refusal.value)
    assert message.startswith("old and new: scored on different data")
    assert "give --across-data" in message
    assert "databases/ferry: sha256 cccccccccccc… and dddddddddddd…" in message
    assert "apiary" not in message


def test_a_database_that_no_common_question_uses_does_not_matter(runs):
    hashes = {"databases/elsewhere": "e" * 64}
    one, two = with_hashes(runs[0], **hashes), with_hashes(runs[1], **{"databases/elsewhere": "f" * 64})
    refuse_other_data(one, two)
    assert describe_differences(one, two) == ("databases/elsewhere: sha256 eeeeeeeeeeee… and ffffffffffff…",)


def test_other_golds_are_refused_by_question(runs):
    changed = tuple(replace(one, gold_sql="SELECT 7") if one.question_id == 1 else one for one in runs[1].records)
    with pytest.raises(UsageError, match=r"1 of 3 common questions have another gold SQL: 1$"):
        refuse_other_data(runs[0], replace(runs[1], records=changed))


def test_another_questions_file_with_the_same_questions_and_golds_is_worth_a_note(runs):
    other = with_hashes(runs[1], **{"dev.json": "d" * 64})
    refuse_other_data(runs[0], other)
    assert describe_differences(runs[0], other) == ("dev.json: sha256 aaaaaaaaaaaa… and dddddddddddd…",)


def test_another_questions_file_is_refused_where_the_golds_cannot_be_seen(runs):
    other = with_hashes(runs[1], **{"dev.json": "d" * 64})
    published = replace(other, records=tuple(replace(one, gold_sql="") for one in other.records))
    with pytest.raises(UsageError, match=r"dev\.json.*; the records do not hold its questions and golds"):
        refuse_other_data(runs[0], published)


def test_all_that_differs_is_named_at_once(runs):
    other = with_hashes(runs[1], **{"databases/ferry": "d" * 64, "databases/apiary": "d" * 64})
    with pytest.raises(UsageError) as refusal:
        refuse_other_data(runs[0], other)
    assert str(refusal.value).count("\n  - ") == 2


def test_other_limits_and_versions_are_worth_a_note_and_workers_are_not(make_run):
    def describe(run, timeout_s, workers, sqlite):
        manifest = run.manifest | {"versions": {"sqlite": sqlite, "python": sqlite}}
        config = manifest["config"] | {"execution": {"timeout_s": timeout_s, "workers": workers}}
        return replace(run, manifest=manifest | {"config": config})

    one, two = describe(make_run("a", [1.0]), 30, 1, "3.40"), describe(make_run("b", [1.0]), 2, 2, "3.46")
    assert describe_differences(one, two) == ("execution timeout_s: 30 and 2", "version sqlite: 3.40 and 3.46")


def test_an_older_manifest_without_hashes_says_nothing(runs):
    older = replace(runs[0], manifest={"format_version": 1})
    refuse_other_data(older, runs[1])
    assert not [line for line in describe_differences(older, runs[1]) if "sha256" in line]
