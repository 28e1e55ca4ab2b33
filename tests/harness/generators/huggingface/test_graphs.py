"""Recorded steps, with a recorder that needs no GPU."""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from harness.generators.huggingface.graphs import Graphs

pytestmark = pytest.mark.torch


class Recorder:
    """Stands in for torch.cuda: a recording is the step itself, run again into the same result."""

    def __init__(self, fault=None):
        self.fault = fault
        self.recordings = 0

    def install(self, monkeypatch, steps):
        self.steps = steps
        stream = SimpleNamespace(wait_stream=lambda _: None)
        graph = SimpleNamespace(pool=lambda: "pool", replay=self.replay)
        for name, value in {
            "CUDAGraph": lambda: graph,
            "Stream": lambda: stream,
            "current_stream": lambda: stream,
            "stream": lambda _: nullcontext(),
            "graph": self.record,
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)

    @contextmanager
    def record(self, graph, *, pool, stream, capture_error_mode):
        if self.fault == "refused":
            raise RuntimeError("operation not permitted\nand more")
        if self.fault == "full":
            raise torch.OutOfMemoryError("full")
        self.recordings += 1
        before = self.steps.count.clone()
        yield
        self.steps.count.copy_(before)  # what is recorded does not happen

    def replay(self):
        self.steps.advance(wrong=self.fault == "wrong")


class Steps:
    """A step that counts, and whose result lies still."""

    def __init__(self):
        self.count = torch.zeros(4, dtype=torch.long)
        self.result = torch.zeros(4, dtype=torch.long)

    def advance(self, *, wrong=False):
        self.count += 1
        self.result.copy_(self.count * 10 + wrong)
        return self.result


def begin(monkeypatch, fault=None):
    steps, recorder = Steps(), Recorder(fault)
    recorder.install(monkeypatch, steps)
    return steps, recorder, Graphs([steps.count], enabled=True)


def test_a_step_is_recorded_once_for_each_key_and_leaves_no_trace_of_its_trial(monkeypatch):
    steps, recorder, graphs = begin(monkeypatch)
    found = [int(graphs.run(key, steps.advance)[0]) for key in "aabab"]
    assert found == [10, 20, 30, 40, 50]
    assert recorder.recordings == 2
    assert (graphs.enabled, graphs.reason) == (True, "")


@pytest.mark.parametrize(("fault", "reason"), [("refused", "operation not permitted"), ("wrong", "4 of 4 rows")])
def test_a_recording_that_fails_is_said_and_steps_go_on_without(monkeypatch, caplog, fault, reason):
    steps, _, graphs = begin(monkeypatch, fault)
    assert [int(graphs.run("a", steps.advance)[0]) for _ in range(3)] == [10, 20, 30]
    assert graphs.enabled is False
    assert reason in graphs.reason
    assert "\n" not in graphs.reason
    assert "without them" in caplog.text


def test_a_full_memory_is_not_taken_for_a_failed_recording(monkeypatch):
    steps, _, graphs = begin(monkeypatch, "full")
    with pytest.raises(torch.OutOfMemoryError):
        graphs.run("a", steps.advance)
    assert graphs.enabled is True
    assert steps.count.tolist() == [0, 0, 0, 0]


def test_what_is_not_enabled_just_runs():
    steps = Steps()
    assert int(Graphs([steps.count], enabled=False).run("a", steps.advance)[0]) == 10
