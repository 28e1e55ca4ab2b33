import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.torch import load_file  # noqa: E402

from trainer import config as configuration  # noqa: E402
from trainer import recipe  # noqa: E402
from trainer.job import train  # noqa: E402
from trainer.log import read_log  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]


@pytest.fixture
def tiny(tiny_model, write_config):
    """Return a function that reads the tiny configuration with settings."""
    path = str(write_config(tiny_model("Llama")))
    return lambda *settings: configuration.load(path, ["train.logging_steps=1", *settings])


@pytest.fixture
def trainers(monkeypatch):
    """The trainers that a test has made."""
    made, prepare = [], recipe._PackedTrainer.__init__

    def noted(self, *given):
        made.append(self)
        prepare(self, *given)

    monkeypatch.setattr(recipe._PackedTrainer, "__init__", noted)
    return made


def groups_of(trainer):
    """The names, the rate and the decay of the optimizer's groups, those without a parameter left out."""
    names = {id(one): name for name, one in trainer.model.named_parameters()}
    return [
        ({names[id(one)] for one in group["params"]}, group["lr"], group["weight_decay"])
        for group in trainer.optimizer.param_groups
        if group["params"]
    ]


def curve(folder):
    names = ("step", "loss", "eval_loss", "learning_rate")
    return [{name: line[name] for name in names} for line in read_log(folder / "log.jsonl")]


def test_b_learns_at_so_many_times_the_rate_of_a_at_every_point_of_the_schedule(tiny, tmp_path, trainers):
    settings = ("train.loraplus_lr_ratio=16", "train.weight_decay=0.1", "train.warmup_ratio=0.2")
    seen = []

    def look(step):
        if step.loss is not None:
            seen.append((step.learning_rate, [rate for _, rate, _ in groups_of(trainers[0])]))

    train(tiny(*settings, "train.scheduler=cosine"), tmp_path / "out", resume=False, on_step=look)
    (a, _, decay_a), (b, _, decay_b) = groups_of(trainers[0])
    assert all("lora_A" in name for name in a)
    assert all("lora_B" in name for name in b)
    assert len(a) == len(b) == 4
    assert (decay_a, decay_b) == (0.1, 0.1)
    assert len({rate for rate, _ in seen}) > 5
    for logged, (rate_a, rate_b) in seen:
        assert rate_a == logged
        assert rate_b == pytest.approx(16 * rate_a)
    assert trainers[0].optimizer.param_groups[0]["fused"]


def test_a_dora_adapters_norms_learn_at_the_rate_of_b(tiny, tmp_path, trainers):
    config = tiny("train.loraplus_lr_ratio=2", "lora.use_dora=true", "train.max_steps=1", "train.scheduler=constant")
    train(config, tmp_path / "out", resume=False)
    (a, rate_a, _), (b, rate_b, _) = groups_of(trainers[0])
    assert rate_b == 2 * rate_a == 0.02
    assert not [name for name in a if "magnitude" in name]
    assert len([name for name in b if "magnitude" in name]) == 4


def test_without_a_ratio_all_learn_at_one_rate_and_a_ratio_of_one_changes_nothing(tiny, tmp_path, trainers):
    outcomes = []
    for ratio in ("0", "1"):
        train(tiny(f"train.loraplus_lr_ratio={ratio}"), tmp_path / ratio, resume=False)
        outcomes.append((curve(tmp_path / ratio), load_file(tmp_path / ratio / "adapter_model.safetensors")))
    assert len(groups_of(trainers[0])) == 1
    assert outcomes[0][0] == outcomes[1][0]
    assert all(torch.equal(outcomes[0][1][name], outcomes[1][1][name]) for name in outcomes[0][1])


def test_a_resumed_training_with_two_rates_is_the_undisturbed_one(tiny, tmp_path):
    config = tiny("train.loraplus_lr_ratio=8", "train.scheduler=cosine", "train.warmup_ratio=0.2")

    class Killed(BaseException):
        pass

    def kill(step):
        if step.step == 7:
            raise Killed

    train(config, tmp_path / "whole", resume=False)
    with pytest.raises(Killed):
        train(config, tmp_path / "broken", resume=False, on_step=kill)
    train(config, tmp_path / "broken", resume=True)
    assert curve(tmp_path / "broken") == curve(tmp_path / "whole")
    weights = [load_file(tmp_path / name / "adapter_model.safetensors") for name in ("whole", "broken")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert "(B: 8 times)" in (tmp_path / "whole" / "README.md").read_text()
