import os
import signal

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.torch import load_file  # noqa: E402

from trainer import config as configuration  # noqa: E402
from trainer import job, recipe  # noqa: E402
from trainer.interruption import Stopped  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]

EPOCH = 5
"""Steps."""


def weights(folder):
    return {name: tensor.numpy().tobytes() for name, tensor in load_file(folder / "adapter_model.safetensors").items()}


@pytest.fixture
def tiny(tiny_model, write_config, monkeypatch):
    """Two epochs of which the first evaluates better, as those of an adapter that learns by heart do."""
    path = str(write_config(tiny_model("Llama")))
    loss = recipe._PackedTrainer.compute_loss

    def rising(self, model, inputs, *rest, **options):
        worse = 1.0 if model.training else 1.0 + self.state.global_step
        return worse * loss(self, model, inputs, *rest, **options)

    monkeypatch.setattr(recipe._PackedTrainer, "compute_loss", rising)
    return lambda *overrides: configuration.load(path, overrides)


def test_the_adapter_is_that_of_the_epoch_with_the_lowest_validation_loss(tiny, tmp_path):
    # At a constant rate an epoch is the same whether another one follows or not.
    one = job.train(tiny("train.epochs=1", "train.scheduler=constant"), tmp_path / "one", resume=False)
    best = job.train(tiny("train.scheduler=constant"), tmp_path / "best", resume=False)
    last = job.train(tiny("train.scheduler=constant", "train.keep_best=false"), tmp_path / "last", resume=False)
    assert weights(tmp_path / "best") == weights(tmp_path / "one") != weights(tmp_path / "last")
    assert (best.steps, best.selection.step, last.selection.step) == (2 * EPOCH, EPOCH, 2 * EPOCH)
    assert best.eval_loss == one.eval_loss < last.eval_loss


def test_training_json_and_the_card_say_which_step_it_is_and_why(tiny, tmp_path):
    job.train(tiny(), tmp_path / "out", resume=False)
    about = job.read_finished(tmp_path / "out")
    assert about["selection"]["step"] == EPOCH
    assert about["selection"]["reason"] == "the lowest validation loss of 2 evaluations"
    assert [step for step, _ in about["selection"]["evaluations"]] == [EPOCH, 2 * EPOCH]
    assert f"| checkpoint | step {EPOCH}: the lowest" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("step", [EPOCH + 2, 2 * EPOCH - 1])
def test_a_training_that_was_stopped_after_its_best_epoch_delivers_it_all_the_same(tiny, tmp_path, step):
    job.train(tiny(), tmp_path / "whole", resume=False)

    def stop(state):
        if state.step == step and state.eval_loss is None:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped):
        job.train(tiny(), tmp_path / "out", resume=False, on_step=stop)
    assert job.train(tiny(), tmp_path / "out", resume=True).selection.step == EPOCH
    assert weights(tmp_path / "out") == weights(tmp_path / "whole")
    assert not (tmp_path / "out" / "checkpoints").exists()
