"""`t2s eval`: presets, and one run for the base model and each adapter."""

import json

import pytest
from typer.testing import CliRunner

from harness.cli import evaluate
from harness.cli.evaluate import find_preset, plan_runs
from harness.config import EvalConfig, build, load
from harness.errors import DataError, ModelError, UsageError

QWEN, FALCON = "Qwen/Qwen2.5-Coder-1.5B-Instruct", "tiiuae/Falcon3-1B-Base"


def config(**generator):
    return build(EvalConfig, {"data": {"path": "mini"}, "generator": {"model": QWEN, **generator}}, "test")


def adapter(folder, name, base, **about):
    path = folder / name
    path.mkdir(parents=True)
    (path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    if about:
        (path / "training.json").write_text(json.dumps(about))
    return path


def models(plan):
    return [(one.generator["model"], one.generator.get("adapter", "").rpartition("/")[2]) for one in plan]


@pytest.mark.parametrize("name", ["mini-dev", "demo"])
def test_every_preset_is_read_even_beside_a_folder_of_its_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert load(find_preset(name), EvalConfig).generator["name"] == "huggingface"


def test_a_file_goes_before_a_preset_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").write_text("")
    assert str(find_preset("demo")) == "demo"


def test_without_adapters_the_base_is_evaluated_alone(tmp_path):
    assert models(plan_runs(config(), tmp_path / "adapters")) == [(QWEN, "")]


def test_each_adapter_is_evaluated_on_its_own_base_which_stands_before_it(tmp_path):
    adapter(tmp_path, "falcon", FALCON)
    adapter(tmp_path, "qwen", QWEN)
    adapter(tmp_path, "qwen-strong", QWEN)
    assert models(plan_runs(config(), tmp_path)) == [
        (QWEN, ""),
        (FALCON, ""),
        (FALCON, "falcon"),
        (QWEN, "qwen"),
        (QWEN, "qwen-strong"),
    ]


def test_local_weights_serve_the_adapters_that_were_trained_on_them(tmp_path, monkeypatch):
    weights = tmp_path / "qwen.gguf"
    weights.write_bytes(b"weights")
    monkeypatch.setattr(evaluate, "_sha256", lambda _: "a" * 64)
    adapter(tmp_path, "falcon", FALCON, weights={"sha256": "b" * 64, "source": "/nowhere"})
    adapter(tmp_path, "qwen", QWEN, weights={"sha256": "a" * 64, "source": "/nowhere"})
    plan = plan_runs(config(model=str(weights)), tmp_path)
    assert models(plan) == [(str(weights), ""), (FALCON, ""), (FALCON, "falcon"), (str(weights), "qwen")]
    assert plan[-1].generator["hub_id"] == QWEN


def test_other_weights_are_taken_from_where_the_training_had_them(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "_sha256", lambda _: "a" * 64)
    (tmp_path / "qwen.gguf").write_bytes(b"")
    (tmp_path / "falcon.gguf").write_bytes(b"")
    source = str(tmp_path / "falcon.gguf")
    adapter(tmp_path, "falcon", FALCON, weights={"sha256": "b" * 64, "source": source})
    plan = plan_runs(config(model=str(tmp_path / "qwen.gguf")), tmp_path)
    assert models(plan)[1:] == [(source, ""), (source, "falcon")]


def test_weights_that_nobody_can_tell_apart_are_asked_for(tmp_path):
    (tmp_path / "weights.gguf").write_bytes(b"")
    adapter(tmp_path, "somebodys", FALCON)
    with pytest.raises(UsageError, match=r"--set generator\.hub_id"):
        plan_runs(config(model=str(tmp_path / "weights.gguf")), tmp_path)
    named = config(model=str(tmp_path / "weights.gguf"), hub_id=FALCON)
    assert models(plan_runs(named, tmp_path))[-1] == (str(tmp_path / "weights.gguf"), "somebodys")


def test_an_adapter_is_asked_with_the_prompts_that_it_was_trained_on(tmp_path):
    prompt = {"template": "plain", "max_tokens": 6144, "descriptions": True}
    adapter(tmp_path, "qwen", QWEN, config={"prompt": prompt})
    base, tuned = plan_runs(config(), tmp_path)
    assert (base.prompt.max_tokens, tuned.prompt.max_tokens, tuned.prompt.descriptions) == (3072, 6144, True)
    assert plan_runs(config(), tmp_path, own_prompts=False)[1].prompt == base.prompt


def test_an_adapter_without_a_base_is_named(tmp_path):
    folder = adapter(tmp_path, "broken", QWEN)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(DataError, match="broken"):
        plan_runs(config(), tmp_path)


@pytest.mark.parametrize(("absent", "evaluated"), [(FALCON, [QWEN, QWEN]), (QWEN, None)])
def test_weights_that_are_not_there_keep_their_own_adapter_from_being_evaluated_and_no_other(
    absent, evaluated, tmp_path, monkeypatch
):
    adapter(tmp_path, "falcon", FALCON)
    adapter(tmp_path, "qwen", QWEN)
    done = []

    def run(config, _):
        if config.generator["model"] == absent:
            raise ModelError(f"{absent}: no such weights")
        done.append(config.generator["model"])

    monkeypatch.setattr(evaluate, "_evaluate", run)
    result = CliRunner().invoke(evaluate.eval_app, ["mini-dev", "--adapters", str(tmp_path)])
    if evaluated is None:
        assert isinstance(result.exception, ModelError)
    else:
        assert result.exit_code == 0, result.exception
        assert done == evaluated
        assert f"falcon: not run, {FALCON}: no such weights" in result.output
