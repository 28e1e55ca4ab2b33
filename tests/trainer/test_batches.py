import copy
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

import transformers  # noqa: E402

from trainer import batches, memory  # noqa: E402
from trainer.base import Row  # noqa: E402
from trainer.batches import plan_batches  # noqa: E402
from trainer.config import load  # noqa: E402
from trainer.decoder import Kept  # noqa: E402
from trainer.models import add_adapter  # noqa: E402
from trainer.packing import pack  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
]

ROWS = [Row(str(number), f"db{number // 8}", tuple(range(2, 400)), (5,) * 40, (6,) * 30) for number in range(64)]


@pytest.fixture
def model():
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 6, "num_attention_heads": 4}
    config = transformers.LlamaConfig(vocab_size=300, num_key_value_heads=2, **sizes)
    return transformers.AutoModelForCausalLM.from_config(config)


@pytest.fixture
def on_a_gpu(monkeypatch):
    monkeypatch.setattr(batches, "choose_device", lambda: SimpleNamespace(type="cuda"))


def configure(*overrides):
    return load("qwen", ["model.compute_dtype=bf16", *overrides])


def test_on_a_gpu_memory_is_spent_and_each_micro_batch_keeps_what_fits(model, on_a_gpu, monkeypatch):
    model = add_adapter(model, configure())
    asked = []
    choose = memory.choose_kept
    monkeypatch.setattr(memory, "choose_kept", lambda *given: asked.append(given) or choose(*given))
    plan = plan_batches(configure(), model, ROWS, ROWS[:8], 6.0)
    assert (plan.spending.dequantized_layers, plan.spending.kept_layers) == (6, 6)
    assert plan.micro_batch_tokens == memory.MAX_TOKENS
    batch = pack([tuple(ROWS[:8])])
    assert plan.choose_kept(batch) == plan.choose_kept(batch) == Kept(6, 6)
    assert len(asked) == 1
    config, shape, load, dequantized = asked[0]
    assert (config.model.compute_dtype, shape.layers, dequantized) == ("bf16", 6, 6)
    assert load.tokens >= batch.tokens
    assert load.completion >= batch.completion_tokens


def test_what_is_free_on_the_card_is_what_is_planned_with(model, on_a_gpu):
    model = add_adapter(model, configure())
    batch = pack([tuple(ROWS[:8])])
    roomy, narrow = (plan_batches(configure(), model, ROWS, [], budget) for budget in (6.0, 0.57))
    assert (roomy.spending.kept_mlps, roomy.choose_kept(batch).mlps) == (6, 6)
    assert narrow.spending.kept_mlps < 6
    assert narrow.choose_kept(batch).mlps < 6


def test_layers_that_are_transformers_own_keep_what_fits_and_that_is_more_of_each(model, on_a_gpu):
    lora = peft.LoraConfig(r=4, target_modules=["q_proj"], use_dora=True, task_type="CAUSAL_LM")
    own = peft.get_peft_model(copy.deepcopy(model), lora)
    written = add_adapter(model, configure())
    batch = pack([tuple(ROWS[:8])])
    assert plan_batches(configure(), own, ROWS, [], 6.0).choose_kept(batch) == Kept(6, 6)
    few, more = (plan_batches(configure(), one, ROWS, [], 0.58).choose_kept(batch) for one in (own, written))
    assert few.layers == few.mlps < more.layers
    asked = configure("packing.gradient_checkpointing=true")
    assert plan_batches(asked, own, ROWS, [], 6.0).choose_kept(batch) == Kept(0, 0)


@pytest.mark.parametrize(("setting", "kept"), [("true", Kept(0, 0)), ("false", Kept(6, 6)), ("'auto'", Kept(6, 6))])
def test_without_a_gpu_only_what_is_written_down_is_recomputed(model, setting, kept):
    model = add_adapter(model, configure())
    config = load("qwen", [f"packing.gradient_checkpointing={setting}"])
    plan = plan_batches(config, model, ROWS, [], 6.0)
    assert plan.spending.dequantized_layers == 0
    assert plan.choose_kept(pack([tuple(ROWS[:8])])) == kept
