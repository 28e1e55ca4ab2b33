import json

import pytest

from harness.errors import DataError, UsageError
from reports.training import read_training


def shares(**values):
    return {name: {"count": 1, "share": share} for name, share in values.items()}


def write_log(folder, rows, tail=""):
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + tail, encoding="utf-8")


def test_curves_are_read_from_the_log_and_a_torn_last_line_is_left_out(tmp_path):
    write_log(
        tmp_path,
        [
            {"step": 10, "loss": 0.5, "tokens_per_s": 900.0, "eval_loss": None},
            {"step": 20, "loss": float("nan"), "vram_gib": None},
            {"step": 20, "eval_loss": 0.4},
        ],
        tail='{"step": 30, "lo',
    )
    curves = {curve.title: curve.series for curve in read_training(tmp_path).curves}
    assert list(curves) == ["Loss", "Speed"]
    assert [(series.name, series.points) for series in curves["Loss"]] == [
        ("training", ((10.0, 0.5),)),
        ("validation", ((20.0, 0.4),)),
    ]


def test_a_long_log_is_thinned_but_keeps_its_end(tmp_path):
    write_log(tmp_path, [{"step": step, "loss": 1.0} for step in range(3000)])
    points = read_training(tmp_path).curves[0].series[0].points
    assert len(points) <= 401
    assert points[-1] == (2999.0, 1.0)


def test_facts_are_flattened_under_the_names_of_the_file(tmp_path):
    (tmp_path / "training.json").write_text(
        json.dumps({"config": {"lora": {"r": 32, "targets": ["q", "v"]}}, "peak_vram_gib": 3.2109, "note": None})
    )
    assert read_training(tmp_path).facts == (
        ("config.lora.r", "32"),
        ("config.lora.targets", "q, v"),
        ("peak_vram_gib", "3.211"),
    )


def test_the_training_data_is_shown_before_and_after_sampling(tmp_path):
    side = {
        "questions": 6601,
        "databases": 69,
        "evidence_present": 0.9,
        "evidence_buckets": shares(short=0.25, long=0.75),
        "by_difficulty": shares(simple=1.0),
        "lengths": {"sql": {"words": {"mean": 20.0, "median": 18.0, "p95": 40.0, "max": 90}}},
    }
    after = side | {"questions": 2970, "evidence_buckets": shares(short=0.5, long=0.5)}
    (tmp_path / "eda.json").write_text(json.dumps({"fraction": 0.45, "before": side, "after": after}))
    eda = read_training(tmp_path).eda
    (distribution,) = eda.distributions
    assert distribution.columns == ("all questions", "sample")
    assert distribution.rows == (("short", (0.25, 0.5)), ("long", (0.75, 0.5)))
    assert [(row.name, row.side, row.values) for row in eda.lengths] == [
        ("sql, words", "all questions", (20.0, 18.0, 40.0, 90)),
        ("sql, words", "sample", (20.0, 18.0, 40.0, 90)),
    ]
    assert dict(eda.facts)["sample"] == "2,970"


def test_many_databases_are_cut_to_the_largest_and_the_rest_counted(tmp_path):
    group = shares(**{f"db{index}": index / 1000 for index in range(1, 31)})
    (tmp_path / "eda.json").write_text(json.dumps({"before": {"by_database": group}}))
    (distribution,) = read_training(tmp_path).eda.distributions
    assert (distribution.rows[0][0], len(distribution.rows), distribution.omitted) == ("db30", 20, 10)


def test_a_folder_without_any_of_the_files_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"none of training.json, log.jsonl, eda.json is there"):
        read_training(tmp_path)


@pytest.mark.parametrize(("name", "text"), [("training.json", "{"), ("eda.json", "[]"), ("log.jsonl", "{\n{}\n")])
def test_a_broken_file_is_named(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=name):
        read_training(tmp_path)
