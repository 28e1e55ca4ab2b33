import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RunError
from trainer.base import Step
from trainer.log import Window, append_step, read_log, truncate_log


def write(path, steps):
    for step in steps:
        append_step(path, Step(step, 9, step / 3, loss=1.0 / step))


def test_a_line_carries_the_seven_fields(tmp_path):
    append_step(tmp_path / "log.jsonl", Step(1, 2, 0.5, loss=0.25, learning_rate=1e-3, tokens_per_s=10.0))
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {
        "step": 1,
        "epoch": 0.5,
        "loss": 0.25,
        "eval_loss": None,
        "learning_rate": 1e-3,
        "tokens_per_s": 10.0,
        "vram_gib": None,
    }


def test_truncation_keeps_the_lines_up_to_the_step(tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, [1, 2, 3, 4])
    truncate_log(path, 2)
    assert [line["step"] for line in read_log(path)] == [1, 2]


def test_truncating_a_log_that_is_not_there_leaves_an_empty_one(tmp_path):
    truncate_log(tmp_path / "log.jsonl", 2)
    assert read_log(tmp_path / "log.jsonl") == []


@given(st.integers(0, 400))
def test_a_log_cut_at_any_byte_reads_as_its_whole_lines(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    write(path, [1, 2, 3])
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    assert [line["step"] for line in read_log(path)] == [1, 2, 3][: data[:cut].count(b"\n")]


def test_a_window_goes_on_where_it_was_saved(tmp_path):
    undisturbed, first = Window(), Window()
    for window in (undisturbed, first):
        window.add(3.0, 10)
    first.save(tmp_path / "window.json")
    resumed = Window.read(tmp_path / "window.json")
    for window in (undisturbed, resumed):
        window.add(1.0, 10)
    assert resumed.close()[0] == undisturbed.close()[0] == 2.0
    assert resumed.total_tokens == 20


def test_the_time_of_earlier_tries_counts(tmp_path):
    Window(time_s=100.0).save(tmp_path / "window.json")
    assert Window.read(tmp_path / "window.json").elapsed_s >= 100.0


def test_what_cannot_be_written_is_a_run_error_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "log.jsonl"
    for write_it in (
        lambda: Window().save(path),
        lambda: truncate_log(tmp_path / ("x" * 250), 2),
        lambda: append_step(path, Step(1, 2, 0.5)),
    ):
        with pytest.raises(RunError, match="cannot be written"):
            write_it()
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_the_speed_leaves_out_pauses_and_the_time_between_tries(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("trainer.log.time.perf_counter", lambda: now[0])
    window = Window()
    now[0] = 150.0  # loading
    window.start_clock()
    window.add(1.0, 30)
    now[0] = 153.0
    with window.paused():
        now[0] = 900.0
    window.save(tmp_path / "window.json")
    now[0] = 5000.0
    resumed = Window.read(tmp_path / "window.json")
    now[0] = 6000.0
    resumed.start_clock()
    resumed.add(1.0, 20)
    now[0] = 6002.0
    assert resumed.close()[1] == 10.0
    resumed.add(1.0, 20)
    now[0] = 6004.0
    assert resumed.close()[1] == 10.0


def test_a_peak_is_that_of_all_tries(tmp_path):
    window = Window()
    window.raise_peaks(3.0, None)
    window.save(tmp_path / "window.json")
    resumed = Window.read(tmp_path / "window.json")
    resumed.raise_peaks(2.0, None)
    assert (resumed.vram_gib, resumed.allocated_gib) == (3.0, None)
