from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from transformers import AutoModelForCausalLM  # noqa: E402

from trainer.base import Row  # noqa: E402
from trainer.config import AdapterConfig, BaseModelConfig, TrainConfig, TrainDataConfig  # noqa: E402
from trainer.decoder import Decoder, Kept, unsupported  # noqa: E402
from trainer.footprint import layer_bytes  # noqa: E402
from trainer.forward import Forward  # noqa: E402
from trainer.loss import completion_loss  # noqa: E402
from trainer.models import add_adapter, shape_of  # noqa: E402
from trainer.packing import attention_mask, attention_pieces, pack  # noqa: E402
from trainer.projections import Lora, Projection  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
]

KINDS = ("Qwen2", "Llama", "Starcoder2")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
ALL = dict.fromkeys(KINDS, (*ATTENTION, "gate_proj", "up_proj", "down_proj"))
ALL["Starcoder2"] = (*ATTENTION, "c_fc", "c_proj")


def make_row(number, prefix, *, length=5, db_id="a"):
    generator = torch.Generator().manual_seed(number)
    draw = lambda count: tuple(torch.randint(2, 258, (count,), generator=generator).tolist())  # noqa: E731
    return Row(str(number), db_id, tuple(prefix), draw(length + number % 4), draw(3 + number % 3))


def configure(targets, dropout=0.0, dtype="fp32"):
    return TrainConfig(
        model=BaseModelConfig(id="tiny/model", quantization="none", compute_dtype=dtype),
        data=TrainDataConfig(path="mini"),
        lora=AdapterConfig(r=4, alpha=8, dropout=dropout, target_modules=targets),
    )


def adapted(folder, config, dtype=torch.float32, window=None):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
    if window is not None:
        model.config.sliding_window = window
    torch.manual_seed(1)
    model = add_adapter(model, config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            # As after some training; at its zero start B would hide whatever is wrong with A's gradient.
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def gradients(model):
    found = {name: one.grad.float().clone() for name, one in model.named_parameters() if one.grad is not None}
    model.zero_grad()
    return found


def separate(model, rows):
    """The loss as anyone would compute it: one example at a time, all logits, labels only on the target."""
    total = 0.0
    for row in rows:
        ids = torch.tensor([[*row.prefix_ids, *row.suffix_ids, *row.target_ids]])
        logits = model(input_ids=ids).logits[0, :-1].float()
        labels = ids[0, 1:].clone()
        labels[: ids.shape[1] - 1 - len(row.target_ids)] = -100
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        loss.backward()
        total += float(loss.detach())
    return total, gradients(model)


def packed(model, groups, kept=None, rows=None):
    batch = pack(groups)
    hidden = (rows or Decoder(model).hidden_rows)(batch, kept or Kept())
    loss = completion_loss(hidden, model.get_base_model().get_output_embeddings(), batch.targets)
    loss.backward()
    return float(loss.detach()), gradients(model)


def difference(found, expected):
    assert found.keys() == expected.keys()
    flat = [torch.cat([one[name].flatten() for name in expected]) for one in (found, expected)]
    return float((flat[0] - flat[1]).norm() / flat[1].norm())


@pytest.fixture(params=["whole", "in pieces"])
def groups_are(request, monkeypatch):
    """Attention of short groups, and of groups above the limit."""
    if request.param == "in pieces":
        monkeypatch.setattr("trainer.packing.WHOLE_TOKENS", 0)
    return request.param


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 7, 16])
def test_a_packed_group_equals_separate_examples(tiny_model, kind, size, groups_are):
    # Starcoder2's window is 24 tokens: with a schema of 30 it bites, with one of 8 it does not.
    targets = ALL[kind] if size < 8 else ("q_proj", "v_proj")
    model = adapted(tiny_model(kind), configure(targets))
    for length in (8, 30):
        group = tuple(make_row(number, range(2, 2 + length)) for number in range(size))
        expected_loss, expected = separate(model, group)
        loss, found = packed(model, [group])
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        assert difference(found, expected) <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_groups_side_by_side_equal_separate_examples_whatever_is_kept(tiny_model, kind, groups_are):
    model = adapted(tiny_model(kind), configure(ALL[kind]))
    groups = [
        tuple(make_row(number, range(2, 12)) for number in range(3)),
        (make_row(5, range(40, 50), db_id="b"),),
        tuple(make_row(number, (), db_id="c") for number in (7, 9)),
    ]
    expected_loss, expected = separate(model, [row for group in groups for row in group])
    for kept in (Kept(0, 0), Kept(1, 0), Kept(2, 1), Kept(2, 2)):
        loss, found = packed(model, groups, kept)
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        assert difference(found, expected) <= 1e-5


def test_a_window_within_which_every_example_stays_changes_nothing(tiny_model, groups_are):
    model = adapted(tiny_model("Starcoder2"), configure(("q_proj", "v_proj")))
    batch = pack([tuple(make_row(number, range(2, 8)) for number in range(3))])
    assert batch.longest <= 24
    unlimited, within, beyond = (
        attention_pieces(batch, window, torch.float32) for window in (None, 24, batch.longest - 1)
    )
    assert [piece.first for piece in within] == [piece.first for piece in unlimited]
    assert torch.equal(within[-1].mask, unlimited[-1].mask)
    whole = attention_mask(batch, batch.longest - 1)
    assert [torch.equal(piece.mask == 0, whole) for piece in beyond] == [True]
    assert Decoder(model).layers[0].window == 24


def test_a_group_is_one_piece_up_to_the_limit_and_beyond_it_two(monkeypatch):
    rows = tuple(make_row(number, range(2, 102)) for number in range(3))
    size = pack([rows]).tokens
    batch = pack([rows, rows[:2], rows[:1]])
    monkeypatch.setattr("trainer.packing.WHOLE_TOKENS", size - 1)
    schema, tails, whole, single = attention_pieces(batch, None, torch.float32)
    assert [(one.start, one.first, one.stop) for one in (schema, tails)] == [(0, 0, 100), (0, 100, size)]
    assert (whole.start, whole.first, whole.stop) == (size, size, single.start)
    assert [one.alone for one in (schema, tails, whole, single)] == [False, False, True, True]
    assert [one.mask is None for one in (schema, tails, whole, single)] == [True, False, False, True]
    monkeypatch.setattr("trainer.packing.WHOLE_TOKENS", size)
    assert len(attention_pieces(batch, None, torch.float32)) == 3


def test_the_rows_of_a_mask_are_aligned_and_tails_see_all_of_their_schema(groups_are):
    batch = pack([tuple(make_row(number, range(2, 102)) for number in range(3))])
    *_, last = attention_pieces(batch, None, torch.float32)
    queries = batch.tokens - (100 if groups_are == "in pieces" else 0)
    assert last.mask.shape == (1, 1, queries, batch.tokens)
    assert last.mask.stride(2) % 16 == 0
    assert (last.mask[:, :, 100 - batch.tokens :, :100] == 0).all()


@pytest.mark.parametrize("kind", ["Qwen2", "Starcoder2"])
def test_dropout_is_drawn_again_as_it_was_where_layers_are_recomputed(tiny_model, kind):
    model = adapted(tiny_model(kind), configure(ALL[kind], dropout=0.3)).train()
    groups = [tuple(make_row(number, range(2, 12)) for number in range(3))]
    results = []
    for kept in (Kept(0, 0), Kept(2, 0), Kept(2, 2)):
        torch.manual_seed(3)
        results.append(packed(model, groups, kept))
    other, _ = packed(model, groups)
    model.eval()
    undropped, _ = packed(model, groups)
    assert all(loss == results[0][0] for loss, _ in results)
    assert all(difference(found, results[0][1]) <= 1e-6 for _, found in results)
    assert len({other, undropped, results[0][0]}) == 3


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_a_projection_goes_back_as_autograd_would(dropout):
    torch.manual_seed(0)
    base = torch.nn.Linear(6, 5).requires_grad_(False)
    a, b = torch.randn(3, 6, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    x, g, seed = torch.randn(40, 6, requires_grad=True), torch.randn(40, 5), 11
    one = Projection(base, Lora(a, b, 2.0, dropout), 4)
    mask, scale = torch.ones(40, 6), 2.0
    if dropout:
        generator = torch.Generator().manual_seed(seed + 4)
        mask, scale = torch.empty(40, 6).bernoulli_(1 - dropout, generator=generator), 2.0 / (1 - dropout)
        assert 0.2 < 1 - float(mask.mean()) < 0.6
    plain = base(x) + scale * ((x * mask) @ a.t() @ b.t())
    plain.backward(g)
    with torch.no_grad():
        factor = one.lora.factor(training=True)
        y, inner = one.forward(x, (a, b * factor), seed)
        back_a, back_b, sent = one.backward(g, x, (a, b * factor), inner, seed)
        back_b *= factor
        back = one.input_gradient(g, sent)
    for found, expected in ((y, plain), (back_a, a.grad), (back_b, b.grad), (back, x.grad)):
        torch.testing.assert_close(found, expected.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_in_bf16_the_written_out_layers_stay_with_transformers_own(tiny_model, kind, monkeypatch):
    config = configure(ALL[kind], dtype="bf16")
    model = adapted(tiny_model(kind), config, torch.bfloat16)
    groups = [tuple(make_row(number, range(2, 12)) for number in range(3))]
    loss, found = packed(model, groups, Kept(1, 1))
    monkeypatch.setattr("trainer.forward.unsupported", lambda model: "a test")
    own = Forward(model, config, lambda batch: Kept(1, 1))
    assert own.decoder is None
    own_loss, own_found = packed(model, groups, rows=lambda batch, kept: own.hidden_rows(batch))
    assert loss == pytest.approx(own_loss, rel=2e-2)
    assert difference(found, own_found) <= 0.1


def test_transformers_own_layers_serve_where_these_do_not_and_compute_the_same(tiny_model):
    config = configure(("q_proj", "v_proj"))
    base = AutoModelForCausalLM.from_pretrained(tiny_model("Llama"), dtype=torch.float32)
    lora = peft.LoraConfig(r=4, target_modules=["q_proj"], use_dora=True, task_type="CAUSAL_LM")
    model = peft.get_peft_model(base.requires_grad_(False), lora)
    group = tuple(make_row(number, range(2, 12)) for number in range(3))
    expected_loss, expected = separate(model, group)
    for kept in (Kept(0, 0), Kept(2, 2)):
        forward = Forward(model.train(), config, lambda batch, kept=kept: kept)
        assert forward.decoder is None
        loss, found = packed(model, [group], rows=lambda batch, _, forward=forward: forward.hidden_rows(batch))
        assert [layer.gradient_checkpointing for layer in base.model.layers] == [not kept.mlps] * 2
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        assert difference(found, expected) <= 1e-5


def test_what_is_not_covered_is_named(tiny_model):
    model = adapted(tiny_model("Starcoder2"), configure(("q_proj",)))
    assert unsupported(model) is None
    config = model.get_base_model().config
    for name, value, reason in (
        ("attention_dropout", 0.1, "dropout of the base"),
        ("hidden_act", "relu", "activation relu"),
        ("model_type", "gpt2", "model type gpt2"),
    ):
        before = getattr(config, name)
        setattr(config, name, value)
        assert unsupported(model) == reason
        with pytest.raises(ValueError, match=reason):
            Decoder(model)
        setattr(config, name, before)


def held_bytes(model, hidden_rows):
    """The bytes that the backward pass will find, but for the model's own."""
    own = {one.untyped_storage().data_ptr() for one in model.parameters()}
    held = {}

    def note(tensor):
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        assert hidden_rows().requires_grad
    return sum(size for place, size in held.items() if place not in own)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wide", [False, True])
def test_what_is_kept_between_the_passes_is_what_the_plan_counts(tiny_model, kind, wide):
    config = configure(ALL[kind] if wide else ("q_proj", "v_proj"))
    model = adapted(tiny_model(kind), config, window=10_000).train()
    # One example in a group, so that attention needs no mask: those are not counted by the token.
    batch = pack([(make_row(number, range(2, 250), db_id=str(number)),) for number in range(2)])
    decoder = Decoder(model)
    # The last layer goes on with its rows only: what one of the others keeps is what one more of them adds.
    decoder.layers = decoder.layers * 2
    kinds = (Kept(1, 0), Kept(2, 0), Kept(2, 1), Kept(2, 2))
    held = {kept: held_bytes(model, lambda kept=kept: decoder.hidden_rows(batch, kept)) for kept in kinds}
    decoder.layers = decoder.layers[1:]
    held["short"] = held_bytes(model, lambda: decoder.hidden_rows(batch, Kept(1, 0)))
    shape = shape_of(model.config)
    layer, cast = layer_bytes(config, shape), 4 * shape.adapter_parameters(4, config.lora.target_modules) / shape.layers
    for more, less, expected in (
        (Kept(2, 0), Kept(1, 0), layer.attention),
        (Kept(2, 2), Kept(2, 1), layer.mlp),
        (Kept(1, 0), "short", layer.stream + cast / batch.tokens),
    ):
        assert (held[more] - held[less]) / batch.tokens == pytest.approx(expected, rel=0.05), (more, less)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wide", [False, True])
def test_what_transformers_layers_keep_is_what_the_plan_counts(tiny_model, kind, wide, monkeypatch):
    monkeypatch.setattr("trainer.forward.unsupported", lambda model: "a test")
    config = configure(ALL[kind] if wide else ("q_proj", "v_proj"), dtype="bf16")
    model = adapted(tiny_model(kind), config, torch.bfloat16).train()
    batch = pack([tuple(make_row(number, range(2, 150)) for number in range(8))])
    held = {}
    for kept in (Kept(0, 0), Kept(1, 1)):
        own = Forward(model, config, lambda batch, kept=kept: kept)
        held[kept] = held_bytes(model, lambda own=own: own.hidden_rows(batch))
    shape = replace(shape_of(model.config), written_out=False)
    layer = layer_bytes(config, shape)
    # Checkpointing keeps its own list, which these hooks don't see: nothing of a layer is held but when it is kept.
    cast = 2 * shape.adapter_parameters(4, config.lora.target_modules) / shape.layers
    # Autocast has LayerNorm in fp32 on a GPU; here both of its inputs stay in bf16.
    narrower = 2 * 2 * shape.hidden if kind == "Starcoder2" else 0
    expected = batch.tokens * (layer.attention + layer.mlp - narrower) + layer.mask * batch.tokens**2 + cast
    assert held[Kept(1, 1)] - held[Kept(0, 0)] == pytest.approx(expected, rel=0.035)
