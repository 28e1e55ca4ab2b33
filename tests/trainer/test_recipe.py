import json
import os
import signal
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
peft = pytest.importorskip("peft")
pytest.importorskip("accelerate")

import transformers  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402
from transformers.models.llama.modeling_llama import LlamaMLP  # noqa: E402

from harness.errors import ConfigError, ModelError, RunError  # noqa: E402
from harness.models import load_model, resolve  # noqa: E402
from trainer import config as configuration  # noqa: E402
from trainer import recipe  # noqa: E402
from trainer.job import train  # noqa: E402
from trainer.ledger import Ledger  # noqa: E402
from trainer.log import read_log  # noqa: E402
from trainer.projections import Projection  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]

CURVE = ("step", "epoch", "loss", "eval_loss", "learning_rate")


def curve(folder):
    return [{name: line[name] for name in CURVE} for line in read_log(folder / "log.jsonl")]


@pytest.fixture
def tiny(tiny_model, write_config):
    return configuration.load(str(write_config(tiny_model("Llama"))))


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def kill_at(step):
    def on_step(state):
        if state.step == step and state.eval_loss is None:
            raise Killed

    return on_step


def test_training_lowers_the_loss_and_evaluates_every_epoch(tiny, tmp_path):
    adapter = train(tiny, tmp_path / "out", resume=False)
    losses = [line["loss"] for line in curve(tmp_path / "out") if line["loss"] is not None]
    assert losses[-1] < losses[0] - 0.5
    assert [line["step"] for line in curve(tmp_path / "out") if line["eval_loss"] is not None] == [5, 10]
    assert adapter.steps == 10
    assert adapter.eval_loss == curve(tmp_path / "out")[-1]["eval_loss"]


def test_a_resumed_training_is_the_undisturbed_one_wherever_it_broke(tiny, tmp_path):
    config = configuration.load(str(tmp_path / "tiny.toml"), ["train.epochs=5", "train.logging_steps=1"])
    train(config, tmp_path / "whole", resume=False)
    expected = load_file(tmp_path / "whole" / "adapter_model.safetensors")
    # In the middle of an epoch, and at its end.
    for step in (3, 5):
        broken = tmp_path / f"broken-{step}"
        with pytest.raises(Killed):
            train(config, broken, resume=False, on_step=kill_at(step))
        train(config, broken, resume=True)
        assert curve(broken) == curve(tmp_path / "whole")
        assert len([line for line in curve(broken) if line["step"] > step and line["loss"] is not None]) >= 20
        found = load_file(broken / "adapter_model.safetensors")
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_training_killed_for_good_goes_on_past_a_torn_checkpoint(tiny, tmp_path):
    train(tiny, tmp_path / "whole", resume=False)
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from trainer import config, job\n"
        "stop = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step.step == 7 else None\n"
        "job.train(config.load(sys.argv[1]), Path(sys.argv[2]), resume=False, on_step=stop)\n"
    )
    broken = tmp_path / "broken"
    command = [sys.executable, "-c", code, str(tmp_path / "tiny.toml"), str(broken)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=250)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    torn = broken / "checkpoints" / "checkpoint-6"
    (torn / "window.json").unlink()
    (torn / "optimizer.pt").write_bytes(b"torn")
    train(tiny, broken, resume=True)
    assert curve(broken) == curve(tmp_path / "whole")


def test_groups_of_one_learn_what_packed_groups_learn(tiny_model, write_config, tmp_path):
    base = tiny_model("Qwen2")
    curves = []
    for size, tokens in ((1, 0), (3, 0), (3, 100_000)):
        overrides = ["lora.dropout=0", f"packing.group_size={size}", f"packing.micro_batch_tokens={tokens}"]
        # One step sees all 18 examples, so that every order of groups gives the same steps.
        overrides += ["train.batch_size=18", "train.gradient_accumulation_steps=1", "train.logging_steps=1"]
        out = tmp_path / f"{size}-{tokens}"
        train(configuration.load(str(write_config(base)), overrides), out, resume=False)
        curves.append([line["loss"] or line["eval_loss"] for line in curve(out)])
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)
    assert curves[2] == pytest.approx(curves[0], rel=1e-4)


def test_transformers_own_layers_are_computed_again_in_a_training_too(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.forward.unsupported", lambda model: "a test")
    counts, curves, calls = [], [], []
    forward = LlamaMLP.forward
    monkeypatch.setattr(LlamaMLP, "forward", lambda *given: calls.append(1) or forward(*given))
    for again in ("false", "true"):
        calls.clear()
        settings = ["lora.dropout=0", f"packing.gradient_checkpointing={again}"]
        config = configuration.load(str(tmp_path / "tiny.toml"), settings)
        train(config, tmp_path / again, resume=False)
        counts.append(len(calls))
        curves.append(curve(tmp_path / again))
    # Two layers; each of the 10 steps has 2 micro-batches, and 9 rows are validated in groups of 2, twice.
    validated = 2 * 2 * 5
    assert counts[1] - validated == 2 * (counts[0] - validated)
    assert curves[0] == curves[1]


def test_checkpointing_of_activations_computes_blocks_again_and_changes_nothing(tiny, tmp_path, monkeypatch):
    curves, counts = [], []
    calls, forward = [], Projection.forward
    monkeypatch.setattr(Projection, "forward", lambda self, *given: calls.append(1) or forward(self, *given))
    for setting in ("true", "false"):
        calls.clear()
        overrides = [f"packing.gradient_checkpointing={setting}", "train.max_steps=4", "data.validation_databases=0"]
        train(configuration.load(str(tmp_path / "tiny.toml"), overrides), tmp_path / setting, resume=False)
        curves.append([line["loss"] for line in curve(tmp_path / setting) if line["loss"]])
        counts.append(len(calls))
    assert curves[0] == pytest.approx(curves[1], rel=1e-5)
    # Again the seven of a block, and within that gate and up once more.
    assert counts[0] == counts[1] * (7 + 7 + 2) / 7


def test_an_evaluation_drops_nothing_out(tiny, tmp_path, monkeypatch):
    pairs, evaluate = [], recipe._PackedTrainer.evaluate

    def twice(self, *_, **__):
        self.model.train()
        pairs.append([evaluate(self)["eval_loss"] for _ in range(2)])
        return {"eval_loss": pairs[-1][0]}

    monkeypatch.setattr(recipe._PackedTrainer, "evaluate", twice)
    train(tiny, tmp_path / "out", resume=False)
    assert len(pairs) == 2
    assert all(first == second for first, second in pairs)


def test_several_gpus_are_not_spread_over(tiny, tmp_path, monkeypatch):
    prepare = transformers.TrainingArguments.__post_init__

    def on_two_gpus(self):
        prepare(self)
        self._n_gpu = 2

    monkeypatch.setattr(transformers.TrainingArguments, "__post_init__", on_two_gpus)
    assert train(tiny, tmp_path / "out", resume=False).steps == 10


def test_a_full_gpu_says_what_to_lower(tiny, tmp_path, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(recipe._PackedTrainer, "training_step", full)
    config = configuration.load(str(tmp_path / "tiny.toml"), ["packing.micro_batch_tokens=1234"])
    with pytest.raises(
        RunError, match="step 1: the GPU's memory is full: micro-batches of up to 1,234 tokens"
    ) as raised:
        train(config, tmp_path / "out", resume=False)
    message = str(raised.value)
    assert "packing.vram_budget_gib = 6" in message
    assert "packing.group_size (now 2) in a new --out" in message


def test_cudnn_attention_is_off_on_a_gpu(tiny_model, monkeypatch):
    base, switched = tiny_model("Llama"), []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cuda, "enable_cudnn_sdp", switched.append)

    class Loaded(Exception):
        pass

    def load(*_, **__):
        raise Loaded

    monkeypatch.setattr("harness.models._load_dense", load)
    with pytest.raises(Loaded):
        load_model(resolve(str(base)), precision="fp32", compute_dtype="fp32", device="cuda")
    assert switched == [False]


def test_the_adapter_loads_in_plain_peft_and_in_the_harness(tiny, tmp_path):
    train(tiny, tmp_path / "out", resume=False)
    base = AutoModelForCausalLM.from_pretrained(tiny.model.path, dtype=torch.float32).eval()
    ids = torch.arange(2, 40)[None]
    before = base(input_ids=ids).logits.detach()
    plain = peft.PeftModel.from_pretrained(base, str(tmp_path / "out")).eval()
    after = plain(input_ids=ids).logits.detach()
    assert not torch.allclose(before, after, atol=1e-3)
    ours = load_model(resolve(tiny.model.path), precision="fp32", device="cpu", adapter=tmp_path / "out")
    assert torch.allclose(ours(input_ids=ids).logits, after, atol=1e-5)
    about = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert about["base_model_name_or_path"] == "tiny/model"
    assert all(one.dtype is torch.float32 for one in load_file(tmp_path / "out" / "adapter_model.safetensors").values())


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_examples(tiny, tmp_path, monkeypatch):
    def poisoned(hidden, head, targets):
        return hidden.sum() * float("nan")

    monkeypatch.setattr(recipe, "completion_loss", poisoned)
    with pytest.raises(RunError, match=r"step 1: the loss is not a number \(examples (one|two|three): \d+.*new --out"):
        train(tiny, tmp_path / "out", resume=False)
    assert not (tmp_path / "out" / "training.json").exists()


def test_a_gradient_that_is_no_number_stops_the_run(tiny, tmp_path, monkeypatch):
    loss = recipe.completion_loss

    def poisoned(hidden, head, targets):
        hidden.register_hook(lambda gradient: gradient * float("inf"))
        return loss(hidden, head, targets)

    monkeypatch.setattr(recipe, "completion_loss", poisoned)
    with pytest.raises(RunError, match="the gradient is not a number"):
        train(tiny, tmp_path / "out", resume=False)


def test_a_run_whose_every_step_overflows_is_stopped(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("accelerate.Accelerator.optimizer_step_was_skipped", True)
    monkeypatch.setattr("trainer.ledger.MAX_OVERFLOWS", 3)
    train(configuration.load(str(tmp_path / "tiny.toml"), ["train.max_steps=4"]), tmp_path / "fp32", resume=False)
    prepare = recipe._PackedTrainer.__init__

    def scaled(self, *given):
        prepare(self, *given)
        self.accelerator.scaler = torch.amp.GradScaler("cpu", enabled=False)

    monkeypatch.setattr(recipe._PackedTrainer, "__init__", scaled)
    with pytest.raises(RunError, match=r"step 3: the gradient has overflowed fp16.*model.compute_dtype = 'fp32'"):
        train(tiny, tmp_path / "out", resume=False)


def test_losses_that_come_a_step_late_are_those_that_come_at_once(tiny, tmp_path, monkeypatch):
    train(tiny, tmp_path / "whole", resume=False)
    ledgers = []
    monkeypatch.setattr(recipe, "Ledger", lambda window, lag: ledgers.append(Ledger(window, lag=True)) or ledgers[-1])
    with pytest.raises(Killed):
        train(tiny, tmp_path / "late", resume=False, on_step=kill_at(3))
    assert ledgers[-1].entry is not None
    train(tiny, tmp_path / "late", resume=True)
    assert curve(tmp_path / "late") == curve(tmp_path / "whole")


def test_a_base_that_is_not_there_is_a_model_error_before_any_folder_is_made(write_config, tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        train(configuration.load(str(write_config("/nowhere/base"))), tmp_path / "out", resume=False)
    assert not (tmp_path / "out").exists()


def test_layers_that_the_model_has_not_are_a_configuration_error(tiny, tmp_path):
    config = configuration.load(str(tmp_path / "tiny.toml"), ['lora.target_modules=["c_fc"]'])
    with pytest.raises(ConfigError, match="c_fc"):
        train(config, tmp_path / "out", resume=False)


def test_training_on_four_bit_weights_works_and_leaves_the_head_alone(tiny, tmp_path, monkeypatch):
    layers = pytest.importorskip("bitsandbytes").nn
    monkeypatch.setattr("trainer.models.check_machine", lambda config: None)
    adapted, add = [], recipe.add_adapter
    monkeypatch.setattr(recipe, "add_adapter", lambda *given: adapted.append(add(*given)) or adapted[-1])
    config = configuration.load(str(tmp_path / "tiny.toml"), ["model.quantization=nf4", "train.max_steps=4"])
    adapter = train(config, tmp_path / "out", resume=False)
    assert adapter.loss < curve(tmp_path / "out")[0]["loss"]
    base = adapted[0].get_base_model()
    assert isinstance(base.model.layers[0].self_attn.q_proj.base_layer, layers.Linear4bit)
    head = base.get_output_embeddings()
    assert type(head) is torch.nn.Linear
    assert not head.weight.requires_grad
    assert torch.equal(head.weight.float(), load_file(tiny.model.path + "/model.safetensors")["lm_head.weight"])


def test_a_tokeniser_without_an_end_token_is_a_model_error(tiny, tmp_path):
    path = tmp_path / "base-Llama" / "tokenizer_config.json"
    about = json.loads(path.read_text())
    del about["eos_token"]
    path.write_text(json.dumps(about))
    with pytest.raises(ModelError, match="no end token"):
        train(tiny, tmp_path / "out", resume=False)
    assert not (tmp_path / "out").exists()
