import os
import signal

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.torch import load_file  # noqa: E402

from harness.errors import RunError  # noqa: E402
from trainer import config as configuration  # noqa: E402
from trainer import job, recipe  # noqa: E402
from trainer.interruption import Stopped  # noqa: E402
from trainer.log import Window, read_log  # noqa: E402
from trainer.session import Session, unfinished_checkpoints  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]

CURVE = ("step", "epoch", "loss", "eval_loss", "learning_rate")


def outcome(folder):
    """The curve and the weights, as what can be compared."""
    curve = [{name: line[name] for name in CURVE} for line in read_log(folder / "log.jsonl")]
    weights = load_file(folder / "adapter_model.safetensors")
    return curve, {name: tensor.numpy().tobytes() for name, tensor in weights.items()}


@pytest.fixture
def tiny(tiny_model, write_config):
    path = str(write_config(tiny_model("Llama")))
    return lambda *overrides: configuration.load(path, overrides)


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("overrides", [("train.max_steps=4", "train.scheduler=constant"), ("train.epochs=1",)])
def test_a_training_that_ended_before_its_card_was_written_is_not_trained_on(tiny, tmp_path, monkeypatch, overrides):
    config = tiny(*overrides)
    whole = job.train(config, tmp_path / "whole", resume=False)

    def full(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(job, "write_card", full)
        with pytest.raises(Killed):
            job.train(config, tmp_path / "out", resume=False)
    adapter = job.train(config, tmp_path / "out", resume=True)
    assert outcome(tmp_path / "out") == outcome(tmp_path / "whole")
    assert (adapter.steps, adapter.loss, adapter.tokens) == (whole.steps, whole.loss, whole.tokens)


def test_a_kill_in_an_evaluation_loses_no_evaluation(tiny, tmp_path, monkeypatch):
    config = tiny("train.save_steps=5")  # the epoch has five steps
    marked, mark = [], Session.mark_whole
    with monkeypatch.context() as patch:
        patch.setattr(Session, "mark_whole", lambda self, step: marked.append(step) or mark(self, step))
        job.train(config, tmp_path / "whole", resume=False)
    assert marked == [5, 10]

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(recipe._PackedTrainer, "evaluate", killed)
        with pytest.raises(Killed):
            job.train(config, tmp_path / "out", resume=False)
    job.train(config, tmp_path / "out", resume=True)
    assert outcome(tmp_path / "out") == outcome(tmp_path / "whole")
    assert [line["step"] for line in read_log(tmp_path / "out" / "log.jsonl") if line["eval_loss"]] == [5, 10]


@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_training_that_is_told_to_stop_saves_its_step_and_goes_on_from_there(tiny, tmp_path, step):
    config = tiny()
    job.train(config, tmp_path / "whole", resume=False)

    def stop(state):
        if state.step == step and state.eval_loss is None:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match=f"SIGTERM at step {step} of 10") as stopped:
        job.train(config, tmp_path / "out", resume=False, on_step=stop)
    assert stopped.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert unfinished_checkpoints(tmp_path / "out")[-1].name == f"checkpoint-{step}"
    job.train(config, tmp_path / "out", resume=True)
    assert outcome(tmp_path / "out") == outcome(tmp_path / "whole")


def test_a_signal_at_the_last_step_finds_a_finished_training(tiny, tmp_path):
    def stop(state):
        if state.step == 2 and state.eval_loss is None:
            os.kill(os.getpid(), signal.SIGTERM)

    assert job.train(tiny("train.max_steps=2"), tmp_path / "out", resume=False, on_step=stop).steps == 2


def test_a_disk_that_fills_up_in_a_checkpoint_names_its_folder(tiny, tmp_path, monkeypatch):
    config = tiny()

    def full(*_, **__):
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(RunError, match=r"checkpoint-2: cannot be written.*--resume"):
            job.train(config, tmp_path / "out", resume=False)
    job.train(config, tmp_path / "out", resume=True)
    job.train(config, tmp_path / "whole", resume=False)
    assert outcome(tmp_path / "out") == outcome(tmp_path / "whole")


def test_the_speed_counts_neither_evaluations_nor_checkpoints(tiny, tmp_path, monkeypatch):
    pauses, paused = [], Window.paused
    monkeypatch.setattr(Window, "paused", lambda self: pauses.append(1) or paused(self))
    job.train(tiny("train.save_steps=2"), tmp_path / "out", resume=False)
    # Steps 2, 4, 6, 8 and both epochs' ends are saved, the latter evaluated, and the best adapter of both kept.
    assert len(pauses) == 6 + 2 + 2
