from dataclasses import replace

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

from safetensors.torch import load_file  # noqa: E402

from harness import models  # noqa: E402
from harness.errors import ConfigError  # noqa: E402
from harness.models import resolve  # noqa: E402
from trainer import config as configuration  # noqa: E402
from trainer import planning  # noqa: E402
from trainer.base import Row  # noqa: E402
from trainer.cli import plan_app  # noqa: E402
from trainer.data import estimating_encoder  # noqa: E402
from trainer.decoder import Decoder, Kept  # noqa: E402
from trainer.embedding import HostEmbedding, look_up  # noqa: E402
from trainer.forward import Forward  # noqa: E402
from trainer.job import train  # noqa: E402
from trainer.loads import Load  # noqa: E402
from trainer.log import read_log  # noqa: E402
from trainer.loss import completion_loss  # noqa: E402
from trainer.memory import GIB, estimate, known_shape  # noqa: E402
from trainer.models import add_adapter, load_base  # noqa: E402
from trainer.packing import pack  # noqa: E402
from trainer.planning import make_plan  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]

ON_CPU = "model.embedding_on_cpu=true"


@pytest.fixture
def configure(tiny_model, write_config):
    """Return a function that reads the configuration of an untied tiny model with settings."""
    path = str(write_config(tiny_model("Llama")))
    return lambda *settings: configuration.load(path, settings)


def some_batch():
    return pack([tuple(Row(str(n), "a", tuple(range(2, 12)), (40 + n, 7), (8, 9 + n)) for n in range(3))])


@pytest.mark.parametrize("own_layers", [False, True])
def test_loss_and_gradients_are_those_of_an_embedding_on_the_device(configure, monkeypatch, own_layers):
    if own_layers:
        monkeypatch.setattr("trainer.forward.unsupported", lambda model: "a test")
    outcomes, batch = [], some_batch()
    for setting in ("model.embedding_on_cpu=false", ON_CPU):
        config = configure(setting)
        torch.manual_seed(0)
        model = add_adapter(load_base(config, resolve(config.model.path)), config)
        assert isinstance(model.get_base_model().get_input_embeddings(), HostEmbedding) == config.model.embedding_on_cpu
        hidden = Forward(model.eval(), config, lambda batch: Kept(1, 1)).hidden_rows(batch)
        loss = completion_loss(hidden, model.get_base_model().get_output_embeddings(), batch.targets)
        loss.backward()
        outcomes.append((loss, {name: one.grad for name, one in model.named_parameters() if one.grad is not None}))
    (loss, found), (other, others) = outcomes
    assert torch.equal(loss, other)
    assert found.keys() == others.keys()
    assert all(torch.equal(found[name], others[name]) for name in found)


def test_a_training_is_the_same_and_may_go_on_with_the_embedding_elsewhere(configure, tmp_path):
    class Killed(BaseException):
        pass

    def kill(step):
        if step.step == 7:
            raise Killed

    train(configure(), tmp_path / "plain", resume=False)
    with pytest.raises(Killed):
        train(configure(ON_CPU), tmp_path / "moved", resume=False, on_step=kill)
    train(configure(), tmp_path / "moved", resume=True)
    curves = [
        [(line["step"], line["loss"], line["eval_loss"]) for line in read_log(tmp_path / name / "log.jsonl")]
        for name in ("plain", "moved")
    ]
    assert curves[0] == curves[1]
    weights = [load_file(tmp_path / name / "adapter_model.safetensors") for name in ("plain", "moved")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_base_in_four_bits_trains_the_same_with_its_embedding_elsewhere(configure, tmp_path, monkeypatch):
    pytest.importorskip("bitsandbytes")
    monkeypatch.setattr("trainer.models.check_machine", lambda config: None)
    made = [
        train(configure("model.quantization=nf4", "train.max_steps=3", *more), tmp_path / str(len(more)), resume=False)
        for more in ((), (ON_CPU,))
    ]
    assert made[0].loss == made[1].loss


def test_the_table_stays_where_it_is_when_the_model_moves_and_its_rows_do_not():
    table = torch.nn.Parameter(torch.randn(10, 4))
    host = HostEmbedding(table, torch.device("meta"))
    moved = torch.nn.Sequential(host).to("meta")
    assert moved[0].weight.device.type == "cpu"
    assert not moved[0].weight.requires_grad
    assert not list(host.parameters())
    assert host(torch.tensor([1, 2])).device.type == "meta"


def test_the_rows_are_looked_up_by_ids_that_never_left_the_cpu(configure):
    config = configure(ON_CPU)
    model = add_adapter(load_base(config, resolve(config.model.path)), config)
    batch = some_batch()
    table = model.get_base_model().get_input_embeddings()
    there = replace(batch, input_ids=batch.input_ids.to("meta"))
    assert torch.equal(look_up(table, there), table.weight[batch.input_ids])
    assert Decoder(model).hidden_rows(batch, Kept()).shape == (batch.completion_tokens, 64)


@pytest.mark.parametrize(
    "do", [lambda config, out: train(config, out, resume=False), lambda config, _: make_plan(config)]
)
def test_a_tied_embedding_is_refused_before_anything_is_loaded(tiny_model, write_config, tmp_path, do):
    config = configuration.load(str(write_config(tiny_model("Qwen2"))), [ON_CPU])
    with pytest.raises(ConfigError, match=r"tiny/model: 1 problem.*\n.*model.embedding_on_cpu: the input embedding is"):
        do(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_turn_out_to_be_tied_are_refused_too(tiny_model, write_config):
    config = configuration.load(str(write_config(tiny_model("Qwen2"))), [ON_CPU])
    with pytest.raises(ConfigError, match=r"model.embedding_on_cpu: the input embedding is the head too \(tied\)"):
        load_base(config, resolve(config.model.path))


def test_an_embedding_that_does_more_than_look_up_is_refused(configure, monkeypatch):
    class Scaled(torch.nn.Embedding):
        pass

    config = configure(ON_CPU)
    load = models.load_model

    def scaled(*given, **options):
        model = load(*given, **options)
        model.set_input_embeddings(Scaled(258, 64))
        return model

    monkeypatch.setattr("harness.models.load_model", scaled)
    with pytest.raises(ConfigError, match="the input embedding is a Scaled; set it to false"):
        load_base(config, resolve(config.model.path))


def test_the_plan_subtracts_the_table_and_says_where_it_is(write_config, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shape, load = known_shape("tiiuae/Falcon3-1B-Base"), Load(2500, 300)
    plain, moved = (configuration.load("falcon", settings) for settings in ([], [ON_CPU]))
    before, after = estimate(plain, shape, load), estimate(moved, shape, load)
    table = 131072 * 2048 * 2 / GIB
    assert before.weights - after.weights == pytest.approx(table) == pytest.approx(after.host) == 0.5
    assert (before.activations, before.logits, before.host) == (after.activations, after.logits, 0)
    monkeypatch.setattr(planning, "choose_encoder", lambda config: (estimating_encoder(), shape, "no tokeniser"))
    path = str(write_config("/nowhere/base"))
    quantised = ["--set", "model.quantization=nf4", "--set", "model.compute_dtype=auto"]
    said = CliRunner().invoke(plan_app, [path, *quantised, "--set", ON_CPU]).output
    assert "input embedding, in CPU memory" in said
    assert "0.50 GiB" in said
    assert "in CPU memory" not in CliRunner().invoke(plan_app, [path, *quantised]).output
