import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from harness.models import resolve  # noqa: E402
from trainer import projections  # noqa: E402
from trainer.config import AdapterConfig, BaseModelConfig, TrainConfig, TrainDataConfig  # noqa: E402
from trainer.decoder import Decoder, Kept, unsupported  # noqa: E402
from trainer.models import add_adapter, dequantize_layers, load_base  # noqa: E402
from trainer.packing import pack  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::UserWarning:peft")]


def configure(**model):
    return TrainConfig(
        model=BaseModelConfig(**{"id": "tiny/model", "quantization": "none", "compute_dtype": "fp32"} | model),
        data=TrainDataConfig(path="mini"),
        lora=AdapterConfig(r=4, alpha=8, dropout=0.0),
    )


class Linear4bit(torch.nn.Linear):
    """Stands for bitsandbytes' layer: two values a byte in its own, dequantised for each product."""

    def __init__(self, dense):
        super().__init__(dense.in_features, dense.out_features, bias=dense.bias is not None)
        data = torch.randint(0, 16, dense.weight.shape, dtype=torch.uint8)
        self.weight = torch.nn.Parameter(data, requires_grad=False)
        self.weight.quant_state = torch.linspace(-1, 1, 16) * 0.2
        self.bias = dense.bias
        self.compute_dtype = torch.float32

    def forward(self, x):
        return torch.nn.functional.linear(x, fake_dequantize(self, x.dtype), self.bias)


def fake_dequantize(base, dtype):
    return base.weight.quant_state[base.weight.long()].to(dtype)


@pytest.fixture
def quantized(tiny_model, monkeypatch):
    """A Qwen2 whose linear layers are 4-bit ones that a CPU can have, adapters on q and v."""
    monkeypatch.setattr(projections, "dequantize", fake_dequantize)
    config = configure()
    model = load_base(config, resolve(str(tiny_model("Qwen2"))))
    torch.manual_seed(0)
    for name, module in list(model.model.named_modules()):
        if type(module) is torch.nn.Linear:
            model.model.set_submodule(name, Linear4bit(module))
    adapted = add_adapter(model, config)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return adapted


def outcome(model, batch, rows):
    hidden = rows(batch)
    hidden.float().pow(2).sum().backward()
    found = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    model.zero_grad()
    return hidden.detach(), found


def batch_of_one(rows):
    from trainer.base import Row  # noqa: PLC0415

    return pack([tuple(Row(str(n), "a", (2, 3, 4, 5), (6 + n, 7), (8, 9 + n)) for n in range(rows))])


def test_dequantised_layers_compute_bit_for_bit_what_quantised_ones_do(quantized):
    batch = batch_of_one(3)
    results = []
    for layers in (0, 1, 2):
        dequantize_layers(quantized, layers)
        rows = lambda batch: Decoder(quantized).hidden_rows(batch, Kept(1, 1))  # noqa: E731
        results.append(outcome(quantized, batch, rows))
        kinds = {type(one) for one in quantized.modules() if isinstance(one, torch.nn.Linear)}
        assert (Linear4bit in kinds) == (layers < 2)
    for hidden, found in results[1:]:
        assert torch.equal(hidden, results[0][0])
        assert all(torch.equal(found[name], results[0][1][name]) for name in found)


def test_a_layer_that_is_dequantised_lets_its_four_bits_go(quantized):
    first = quantized.get_base_model().model.layers[0].self_attn.q_proj
    assert first.base_layer.weight.dtype is torch.uint8
    dequantize_layers(quantized, 1)
    assert first.base_layer.weight.dtype is torch.float32
    assert not first.base_layer.weight.requires_grad
    assert first.base_layer.bias.dtype is torch.float32
    # The adapter's own layers are neither quantised nor touched.
    assert first.lora_A["default"].weight.requires_grad


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_bitsandbytes_own_layers_are_dequantised_to_what_they_multiply_by(tiny_model, kind):
    pytest.importorskip("bitsandbytes")
    config = configure(quantization=kind)
    model = add_adapter(load_base(config, resolve(str(tiny_model("Llama")))), config).train()
    batch = batch_of_one(3)
    base = model.get_base_model().model.layers[0].self_attn.o_proj
    x = torch.randn(5, 64)
    product = base(x)
    rows = lambda batch: Decoder(model).hidden_rows(batch, Kept(0, 0))  # noqa: E731
    before, found_before = outcome(model, batch, rows)
    dequantize_layers(model, 2)
    plain = model.get_base_model().model.layers[0].self_attn.o_proj
    assert type(plain) is torch.nn.Linear
    torch.testing.assert_close(plain(x), product, rtol=1e-5, atol=1e-5)
    after, found_after = outcome(model, batch, rows)
    assert torch.equal(before, after)
    assert all(torch.equal(found_before[name], found_after[name]) for name in found_before)


def test_a_bases_own_dropout_is_switched_off_and_said(tiny_model, caplog):
    folder = tiny_model("Starcoder2")
    config = (folder / "config.json").read_text()
    config = config.replace('"attention_dropout": 0.0', '"attention_dropout": 0.1')
    config = config.replace('"residual_dropout": 0.0', '"residual_dropout": 0.2')
    (folder / "config.json").write_text(config)
    model = load_base(configure(), resolve(str(folder)))
    assert "tiny/model: the base's own attention_dropout = 0.1, residual_dropout = 0.2 is switched off" in caplog.text
    assert not any(getattr(one, "residual_dropout", 0) for one in model.modules())
    assert not any(getattr(one, "attention_dropout", 0) for one in model.modules())
    assert unsupported(add_adapter(model, configure())) is None


def test_a_base_without_dropout_is_no_news(tiny_model, caplog):
    load_base(configure(), resolve(str(tiny_model("Llama"))))
    assert not caplog.records
