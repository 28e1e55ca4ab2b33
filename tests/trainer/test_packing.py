import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from transformers import AutoModelForCausalLM  # noqa: E402

from trainer.base import Row  # noqa: E402
from trainer.config import AdapterConfig, BaseModelConfig, TrainConfig, TrainDataConfig  # noqa: E402
from trainer.loads import split_groups  # noqa: E402
from trainer.loss import completion_loss  # noqa: E402
from trainer.models import add_adapter, hidden_states  # noqa: E402
from trainer.packing import attention_mask, mask_builder, pack  # noqa: E402

pytestmark = pytest.mark.torch

KINDS = ("Qwen2", "Llama", "Starcoder2")


def make_row(number, prefix, *, suffix=5, target=4, db_id="a"):
    generator = torch.Generator().manual_seed(number)
    draw = lambda count: tuple(torch.randint(2, 258, (count,), generator=generator).tolist())  # noqa: E731
    return Row(str(number), db_id, tuple(prefix), draw(suffix + number % 3), draw(target + number % 2))


def adapted(folder, targets=("q_proj", "v_proj", "k_proj", "o_proj")):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    config = TrainConfig(
        model=BaseModelConfig(id="tiny/model", quantization="none"),
        data=TrainDataConfig(path="mini"),
        lora=AdapterConfig(r=4, alpha=8, dropout=0.0, target_modules=targets),
    )
    torch.manual_seed(1)
    model = add_adapter(model, config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            # As after some training; at its zero start B would hide whatever is wrong with A's gradient.
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def gradients(model):
    found = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    model.zero_grad()
    return found


def separate_loss(model, rows):
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


def packed_loss(model, groups):
    batch = pack(groups)
    mask = mask_builder(model.config)(batch)
    hidden = hidden_states(model, batch.input_ids[None], batch.positions[None], mask)
    loss = completion_loss(hidden[0, batch.rows], model.get_base_model().get_output_embeddings(), batch.targets)
    loss.backward()
    return float(loss.detach()), gradients(model)


def relative_difference(found, expected):
    assert found.keys() == expected.keys()
    flat = [torch.cat([one[name].flatten() for name in expected]) for one in (found, expected)]
    return float((flat[0] - flat[1]).norm() / flat[1].norm())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 5])
def test_loss_and_gradients_of_a_packed_group_equal_those_of_separate_examples(tiny_model, kind, size):
    model = adapted(tiny_model(kind))
    rows = [make_row(number, range(2, 32)) for number in range(size)]
    expected_loss, expected = separate_loss(model, rows)
    loss, found = packed_loss(model, [tuple(rows)])
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert relative_difference(found, expected) <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_groups_side_by_side_in_one_sequence_equal_separate_examples_too(tiny_model, kind):
    model = adapted(tiny_model(kind))
    groups = [
        tuple(make_row(number, range(2, 32)) for number in range(3)),
        tuple(make_row(number, range(40, 50), db_id="b") for number in range(3, 5)),
        (make_row(9, (), db_id="c"),),
    ]
    expected_loss, expected = separate_loss(model, [row for group in groups for row in group])
    loss, found = packed_loss(model, groups)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert relative_difference(found, expected) <= 1e-5


def test_a_group_that_ignored_its_mask_would_be_seen_to_differ(tiny_model):
    model = adapted(tiny_model("Llama"))
    rows = tuple(make_row(number, range(2, 32)) for number in range(3))
    batch = pack([rows])
    causal = torch.ones(batch.tokens, batch.tokens, dtype=torch.bool).tril()[None, None]
    hidden = hidden_states(model, batch.input_ids[None], batch.positions[None], causal)
    head = model.get_base_model().get_output_embeddings()
    leaky = float(completion_loss(hidden[0, batch.rows], head, batch.targets).detach())
    assert leaky != pytest.approx(separate_loss(model, rows)[0], rel=1e-3)


def test_a_tail_sees_its_schema_and_itself_and_nothing_else():
    rows = (make_row(0, (7, 8), suffix=1, target=1), make_row(0, (7, 8), suffix=1, target=1))
    mask = attention_mask(pack([rows]))[0, 0].int().tolist()
    assert mask == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 1],
    ]


def test_positions_restart_behind_the_schema_for_every_tail():
    rows = (make_row(0, (7, 8), suffix=1, target=1), make_row(0, (7, 8), suffix=1, target=1))
    assert pack([rows]).positions.tolist() == [0, 1, 2, 3, 2, 3]


def test_every_target_token_is_predicted_once_from_the_place_before_it():
    group = tuple(make_row(number, (7, 8, 9)) for number in range(4))
    batch = pack([group])
    assert batch.targets.tolist() == [token for row in group for token in row.target_ids]
    assert batch.input_ids[batch.rows + 1].tolist() == batch.targets.tolist()


def test_an_answer_without_a_question_is_predicted_from_the_end_of_the_schema():
    first, second = (Row("0", "a", (7, 8), (), (3, 4)), Row("1", "a", (7, 8), (), (5, 6)))
    batch = pack([(first, second)])
    assert batch.rows.tolist() == [1, 2, 1, 4]
    assert batch.targets.tolist() == [3, 4, 5, 6]


def test_an_empty_prompt_is_refused_by_name():
    with pytest.raises(ValueError, match="q7: an empty prompt"):
        pack([(Row("q7", "a", (), (), (3,)),)])


def test_groups_are_put_together_up_to_the_token_budget():
    groups = [(make_row(0, (7, 8), suffix=4, target=4),) for _ in range(5)]
    size = pack([groups[0]]).tokens
    assert [len(batch) for batch in split_groups(groups, 2 * size)] == [2, 2, 1]
    assert [len(batch) for batch in split_groups(groups, 0)] == [1] * 5


def test_a_batch_moves_whole_and_by_one_transfer(monkeypatch):
    batch = pack([tuple(make_row(number, range(2, 12)) for number in range(3))])
    assert batch.to("cpu") is batch
    moved = batch.to("meta")
    for name in ("input_ids", "positions", "groups", "tails", "rows", "targets"):
        assert getattr(moved, name).shape == getattr(batch, name).shape
        assert getattr(moved, name).device.type == "meta"
    storages = {getattr(moved, name).untyped_storage()._cdata for name in ("input_ids", "targets")}
    assert len(storages) == 1
    assert (moved.spans, moved.longest, moved.name) == (batch.spans, batch.longest, batch.name)
    # What is there already needs no second transfer, whatever index the device is named by.
    assert moved.to("meta:0") is moved
