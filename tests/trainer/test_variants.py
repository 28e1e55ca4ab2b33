"""The variants of LoRA equal PEFT's own modules: rsLoRA in the layers written out here, DoRA in transformers'."""

import logging
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from transformers import AutoModelForCausalLM  # noqa: E402

from harness.models import load_model, resolve  # noqa: E402
from trainer import config as configuration  # noqa: E402
from trainer import recipe  # noqa: E402
from trainer.base import Row  # noqa: E402
from trainer.config import AdapterConfig, BaseModelConfig, TrainConfig, TrainDataConfig  # noqa: E402
from trainer.decoder import Kept, unsupported  # noqa: E402
from trainer.forward import Forward  # noqa: E402
from trainer.job import train  # noqa: E402
from trainer.log import read_log  # noqa: E402
from trainer.loss import completion_loss  # noqa: E402
from trainer.models import add_adapter  # noqa: E402
from trainer.packing import pack  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
]

KINDS = ("Qwen2", "Llama", "Starcoder2")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
ALL = dict.fromkeys(KINDS, (*ATTENTION, "gate_proj", "up_proj", "down_proj"))
ALL["Starcoder2"] = (*ATTENTION, "c_fc", "c_proj")


def configure(targets, **lora):
    return TrainConfig(
        model=BaseModelConfig(id="tiny/model", quantization="none", compute_dtype="fp32"),
        data=TrainDataConfig(path="mini"),
        lora=AdapterConfig(r=4, alpha=8, dropout=0.0, target_modules=targets, **lora),
    )


def disturb(model):
    """Give equal models equal weights, none at its start: there B hides whatever is wrong with A."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name and "magnitude" not in name:
                torch.nn.init.normal_(parameter, std=0.1)
            if "magnitude" in name:
                parameter.mul_(torch.rand_like(parameter) + 0.5)
    return model.eval()


def plain_peft(folder, config):
    """Return what PEFT itself puts on the base, without anything of the trainer."""
    lora = config.lora
    options = peft.LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        target_modules=list(lora.target_modules),
        use_rslora=lora.use_rslora,
        use_dora=lora.use_dora,
        task_type="CAUSAL_LM",
    )
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    return disturb(peft.get_peft_model(base, options))


def gradients(model):
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def separate(model, rows):
    """The loss as anyone would compute it: one example at a time, all logits, labels only on the target."""
    total = 0.0
    for row in rows:
        ids = torch.tensor([[*row.prefix_ids, *row.suffix_ids, *row.target_ids]])
        labels = ids[0, 1:].clone()
        labels[: -len(row.target_ids)] = -100
        logits = model(input_ids=ids).logits[0, :-1]
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        loss.backward()
        total += float(loss.detach())
    return total, gradients(model)


def examples(prefix, count):
    generator = torch.Generator().manual_seed(count)
    draw = lambda size: tuple(torch.randint(2, 258, (size,), generator=generator).tolist())  # noqa: E731
    return tuple(Row(str(number), "a", tuple(prefix), draw(5 + number), draw(3)) for number in range(count))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", [{"use_rslora": True}, {"use_dora": True}, {"use_rslora": True, "use_dora": True}])
@pytest.mark.parametrize("wide", [False, True])
def test_a_variant_has_the_loss_and_the_gradients_of_pefts_own_modules(tiny_model, kind, variant, wide):
    config = configure(ALL[kind] if wide else ("q_proj", "v_proj"), **variant)
    folder = tiny_model(kind)
    groups = [examples(range(2, 32), 3), examples(range(40, 48), 2)]
    theirs = plain_peft(folder, config)
    expected_loss, expected = separate(theirs, [row for group in groups for row in group])
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    ours = disturb(add_adapter(base, config))
    forward = Forward(ours, config, lambda batch: Kept(1, 1))
    assert (forward.decoder is None) == config.lora.use_dora
    batch = pack(groups)
    loss = completion_loss(forward.hidden_rows(batch), forward.model.get_base_model().lm_head, batch.targets)
    loss.backward()
    found = gradients(ours)
    assert float(loss.detach()) == pytest.approx(expected_loss, rel=1e-5)
    assert found.keys() == expected.keys()
    assert any("magnitude" in name for name in found) == config.lora.use_dora
    for kept in ("lora_A", "lora_B", "magnitude"):
        flat = [
            torch.cat([torch.zeros(1), *(one[name].flatten() for name in expected if kept in name)])
            for one in (found, expected)
        ]
        assert float((flat[0] - flat[1]).norm()) <= 1e-5 * float(flat[1].norm())


def test_rslora_scales_by_the_root_of_the_rank_in_the_layers_written_out_here(tiny_model):
    for is_on, scale in ((False, 8 / 4), (True, 8 / 2)):
        config = configure(("q_proj",), use_rslora=is_on)
        base = AutoModelForCausalLM.from_pretrained(tiny_model("Llama"), dtype=torch.float32)
        forward = Forward(add_adapter(base, config), config, lambda batch: Kept())
        assert forward.decoder.layers[0].reading[0].lora.scale == scale


def test_dora_goes_through_transformers_layers_and_that_is_said(tiny_model, caplog):
    config = configure(("q_proj",), use_dora=True)
    base = AutoModelForCausalLM.from_pretrained(tiny_model("Llama"), dtype=torch.float32)
    model = add_adapter(base, config)
    assert unsupported(model) == "DoRA"
    Forward(model, config, lambda batch: Kept())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "no backward pass is written out for DoRA" in caplog.text
    assert "lora.use_dora = true: transformers' own layers compute the model" in caplog.text


def test_plain_lora_on_a_known_model_says_nothing(tiny_model, caplog):
    config = configure(("q_proj",))
    base = AutoModelForCausalLM.from_pretrained(tiny_model("Llama"), dtype=torch.float32)
    Forward(add_adapter(base, config), config, lambda batch: Kept())
    assert not caplog.records


def test_doras_norms_are_learnt_in_fp32_on_a_base_in_bf16(tiny_model):
    base = AutoModelForCausalLM.from_pretrained(tiny_model("Llama"), dtype=torch.bfloat16)
    model = add_adapter(base, configure(("q_proj",), use_dora=True))
    found = {one.dtype for name, one in model.named_parameters() if "magnitude" in name}
    assert found == {torch.float32}


@pytest.mark.parametrize("variant", ["use_rslora", "use_dora"])
def test_an_adapter_of_a_variant_is_trained_and_evaluated_as_what_it_is(tiny_model, write_config, tmp_path, variant):
    path, out = write_config(tiny_model("Llama")), tmp_path / "out"
    config = configuration.load(str(path), [f"lora.{variant}=true"])
    adapter = train(config, out, resume=False)
    losses = [line["loss"] for line in read_log(out / "log.jsonl") if line["loss"] is not None]
    assert losses[-1] < losses[0] - 0.5
    assert adapter.steps == 10
    assert f"| variant | {'DoRA' if variant == 'use_dora' else 'rsLoRA'}" in (out / "README.md").read_text()
    ids = torch.arange(2, 40)[None]
    base = AutoModelForCausalLM.from_pretrained(config.model.path, dtype=torch.float32)
    theirs = peft.PeftModel.from_pretrained(base, str(out)).eval()(input_ids=ids).logits
    ours = load_model(resolve(config.model.path), precision="fp32", device="cpu", adapter=out)
    assert torch.allclose(ours(input_ids=ids).logits, theirs, atol=1e-5)
    assert torch.allclose(ours.merge_and_unload()(input_ids=ids).logits, theirs, atol=1e-3)


@pytest.mark.parametrize("variant", ["use_rslora", "use_dora"])
def test_training_of_a_variant_that_broke_off_is_resumed_exactly(tiny_model, write_config, tmp_path, variant):
    config = configuration.load(str(write_config(tiny_model("Llama"))), [f"lora.{variant}=true"])

    class Killed(BaseException):
        pass

    def kill(step):
        if step.step == 7:
            raise Killed

    train(config, tmp_path / "whole", resume=False)
    with pytest.raises(Killed):
        train(config, tmp_path / "broken", resume=False, on_step=kill)
    train(config, tmp_path / "broken", resume=True)
    curves = [
        [(line["step"], line["loss"], line["eval_loss"]) for line in read_log(tmp_path / name / "log.jsonl")]
        for name in ("whole", "broken")
    ]
    assert curves[0] == curves[1]
    weights = [(tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_dora_on_four_bit_weights_trains_and_dequantised_layers_do_as_quantised_ones(
    tiny_model, write_config, tmp_path, monkeypatch, dropout
):
    pytest.importorskip("bitsandbytes")
    monkeypatch.setattr("trainer.models.check_machine", lambda config: None)
    settings = ["model.quantization=nf4", "train.max_steps=4", "lora.use_dora=true", f"lora.dropout={dropout}"]
    config = configuration.load(str(write_config(tiny_model("Llama"))), settings)
    plan, losses = recipe.plan_batches, []
    for layers in (0, 2):

        def planned(*given, layers=layers):
            made = plan(*given)
            return replace(made, spending=replace(made.spending, dequantized_layers=layers))

        monkeypatch.setattr(recipe, "plan_batches", planned)
        losses.append(train(config, tmp_path / str(layers), resume=False).loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
