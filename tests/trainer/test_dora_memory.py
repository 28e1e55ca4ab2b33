"""What DoRA takes beside plain LoRA is what the plan counts."""

import json
import weakref
from dataclasses import replace

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from transformers import AutoModelForCausalLM  # noqa: E402

from trainer import config as configuration  # noqa: E402
from trainer import planning  # noqa: E402
from trainer.base import Row  # noqa: E402
from trainer.cli import plan_app  # noqa: E402
from trainer.config import AdapterConfig, BaseModelConfig, TrainConfig, TrainDataConfig  # noqa: E402
from trainer.data import estimating_encoder  # noqa: E402
from trainer.decoder import Kept  # noqa: E402
from trainer.footprint import layer_bytes  # noqa: E402
from trainer.forward import Forward  # noqa: E402
from trainer.loads import Load  # noqa: E402
from trainer.memory import GIB, Spending, estimate, known_shape  # noqa: E402
from trainer.models import add_adapter, shape_of  # noqa: E402
from trainer.packing import pack  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
]

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
GATED = (*ATTENTION, "gate_proj", "up_proj", "down_proj")
ALL = {"Qwen2": GATED, "Llama": GATED, "Starcoder2": (*ATTENTION, "c_fc", "c_proj")}


def configure(targets, dropout, *, use_dora):
    return TrainConfig(
        model=BaseModelConfig(id="tiny/model", quantization="none", compute_dtype="bf16"),
        data=TrainDataConfig(path="mini"),
        lora=AdapterConfig(r=4, alpha=8, dropout=dropout, target_modules=targets, use_dora=use_dora),
    )


class _Saved:
    def __init__(self, tensor):
        self.tensor = tensor


def kept_bytes(forward, batch):
    """The bytes that the backward pass will find, but for the model's own and for what is freed on the way."""
    own = {one.untyped_storage().data_ptr() for one in forward.model.parameters()}
    alive = weakref.WeakSet()

    def note(tensor):
        saved = _Saved(tensor)
        alive.add(saved)
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved.tensor):
        hidden = forward.hidden_rows(batch)
        assert hidden.requires_grad
        storages = [one.tensor.untyped_storage() for one in alive]
    return sum({one.data_ptr(): one.nbytes() for one in storages if one.data_ptr() not in own}.values())


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_what_dora_keeps_beside_plain_lora_is_what_the_plan_counts(tiny_model, kind, dropout):
    folder, kept, counted = tiny_model(kind), [], []
    batch = pack([tuple(Row(str(n), "a", tuple(range(2, 150)), (9, n + 2), (4, 5, 6)) for n in range(4))])
    for is_on in (False, True):
        config = configure(ALL[kind], dropout, use_dora=is_on)
        base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        model = add_adapter(base, config).train()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trainer.forward.unsupported", lambda model: "a test")
            more, less = (
                kept_bytes(Forward(model, config, lambda batch, kept=kept: kept), batch)
                for kept in (Kept(1, 1), Kept(0, 0))
            )
        kept.append(more - less)
        layer = layer_bytes(config, replace(shape_of(model.config), written_out=False))
        counted.append(batch.tokens * layer.attention + layer.fixed)
    assert kept[1] - kept[0] == pytest.approx(counted[1] - counted[0], rel=0.01)


def test_a_plan_with_dora_counts_transformers_layers_and_the_norms(write_config, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = write_config("/nowhere/base")
    text = path.read_text().replace("tiny/model", "bigcode/starcoder2-3b").replace("/nowhere/base", "")
    path.write_text(text.replace('"none"', '"nf4"').replace("fp32", "auto"))
    shape = known_shape("bigcode/starcoder2-3b")
    monkeypatch.setattr(planning, "choose_encoder", lambda config: (estimating_encoder(), shape, "no tokeniser"))
    plain = planning.make_plan(configuration.load(str(path), ["packing.use_spare_memory=false"]))
    dora = planning.make_plan(configuration.load(str(path), ["packing.use_spare_memory=false", "lora.use_dora=true"]))
    assert dora.memory.total > plain.memory.total
    outputs = shape.linear("q_proj")[1] + shape.linear("v_proj")[1]
    norms = shape.layers * outputs * 20 / GIB
    assert dora.memory.adapter - plain.memory.adapter == pytest.approx(norms)
    said = CliRunner().invoke(plan_app, [str(path), "--set", "lora.use_dora=true"]).output
    assert "transformers' own, for lora.use_dora" in said
    assert "transformers' own" not in CliRunner().invoke(plan_app, [str(path)]).output


@pytest.mark.parametrize(
    ("targets", "dropout", "use_dora", "whole", "again"),
    [
        (("q_proj", "v_proj"), 0.05, False, 4.598, 0.438),
        (("q_proj", "v_proj"), 0.05, True, 5.123, 0.456),
        (("q_proj", "v_proj"), 0.0, True, 4.823, 0.446),
        (GATED, 0.05, False, 7.156, 0.632),
        (GATED, 0.05, True, 14.892, 1.317),
        (GATED, 0.0, True, 11.441, 1.150),
    ],
)
def test_activations_are_near_those_that_were_measured_on_a_gpu(targets, dropout, use_dora, whole, again):
    # GiB above the weights: transformers' layers and PEFT alone, Qwen2.5-Coder-1.5B's shape, rank 32, random weights in
    # bf16, no head, 2,048 tokens without a mask, on one H200: nothing computed again, and all of it.
    config = configuration.load("qwen", ["model.quantization=none", f"lora.target_modules={json.dumps(targets)}"])
    config = replace(config, lora=replace(config.lora, dropout=dropout, use_dora=use_dora))
    shape = replace(known_shape(config.model.id), written_out=False, vocabulary=1)
    for kept, measured in ((shape.layers, whole), (0, again)):
        found = estimate(config, shape, Load(2048, 0), Spending(0, kept, kept)).activations
        masks = (1 + 2 * 2 + kept * 2) * 2048**2 / GIB
        # Too little would be memory that runs out; a tenth of a GiB is a layer's scratch.
        assert 0.95 * measured <= found - masks <= 1.1 * measured + 0.1
