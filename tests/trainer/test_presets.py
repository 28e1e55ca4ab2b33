from dataclasses import replace
from importlib import resources

import pytest

from trainer.config import load, preset_names

REFERENCE = {
    "qwen": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
    "falcon": "tiiuae/Falcon3-1B-Base",
    "starcoder2": "bigcode/starcoder2-3b",
}
LLAMA_LAYERS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
LINEAR_LAYERS = {
    "qwen": LLAMA_LAYERS,
    "falcon": LLAMA_LAYERS,
    "starcoder2": {"q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj"},
}


def test_there_are_seven_preset_files_and_each_is_valid():
    files = [one.name for one in resources.files("trainer").joinpath("presets").iterdir() if one.is_file()]
    assert len(files) == len(preset_names()) == 7
    assert set(preset_names()) == {*REFERENCE, *(f"{name}-strong" for name in REFERENCE), "smollm2"}
    for name in preset_names():
        assert load(name).model.id


@pytest.mark.parametrize("name", REFERENCE)
def test_a_reference_preset_is_the_case_studys_recipe(name):
    config = load(name)
    assert config.model.id == REFERENCE[name]
    assert (config.model.quantization, config.model.double_quant) == ("nf4", True)
    assert (config.lora.r, config.lora.alpha, config.lora.dropout) == (32, 64, 0.05)
    assert config.lora.target_modules == ("q_proj", "v_proj")
    assert (config.train.batch_size, config.train.eval_batch_size) == (2, 2)
    assert (config.train.gradient_accumulation_steps, config.train.step_examples) == (8, 16)
    assert (config.train.learning_rate, config.train.epochs, config.train.logging_steps) == (2e-5, 3, 10)
    assert (config.train.scheduler, config.train.warmup_ratio, config.train.max_steps) == ("linear", 0.0, 0)
    assert (config.data.fraction, config.data.split, config.packing.vram_budget_gib) == (0.45, "train", 6.0)
    assert config.packing.group_size == 8


@pytest.mark.parametrize("name", REFERENCE)
def test_a_strong_preset_differs_in_what_it_says_only(name):
    strong, reference = load(f"{name}-strong"), load(name)
    assert set(strong.lora.target_modules) == LINEAR_LAYERS[name]
    assert replace(strong.lora, target_modules=reference.lora.target_modules) == reference.lora
    said = {"fraction": 0.45, "validation_databases": 0.1, "shuffle_schemas": False, "qualifiers": "as_written"}
    assert replace(strong.data, **said) == reference.data
    assert (strong.data.fraction, strong.data.validation_databases, strong.data.shuffle_schemas) == (1.0, 0, True)
    assert strong.data.qualifiers == "always"
    assert strong.model == reference.model
    assert replace(strong.prompt, descriptions=False) == reference.prompt
    assert strong.prompt.descriptions == "names"
    learnt = {"learning_rate": 2e-5, "scheduler": "linear", "warmup_ratio": 0.0, "gradient_accumulation_steps": 8}
    assert replace(strong.train, keep_best=True, **learnt) == reference.train
    assert (strong.train.epochs, strong.train.keep_best) == (3, False)
    assert 1e-4 <= strong.train.learning_rate <= 2e-4
    assert (strong.train.scheduler, strong.train.warmup_ratio) == ("cosine", 0.03)


@pytest.mark.parametrize("name", preset_names())
def test_a_step_mixes_at_least_two_groups(name):
    config = load(name)
    assert config.train.step_examples >= 2 * config.packing.group_size


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_that_holds_databases_out_takes_the_epoch_of_the_lowest_validation_loss(name):
    config = load(name)
    assert config.train.keep_best or config.data.validation_databases == 0


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_refuses_shared_databases(name):
    config = load(name)
    assert (config.data.leakage, config.data.evaluation) == ("refuse", None)


def test_the_cpu_preset_needs_no_quantisation_and_no_download_of_data():
    config = load("smollm2")
    assert (config.model.quantization, config.data.path, config.data.fraction) == ("none", "mini", 1.0)


def test_the_presets_for_a_gpu_save_often_and_keep_whole_schemas():
    for name in preset_names():
        config = load(name)
        if name != "smollm2":
            assert config.train.save_steps == 50
            assert config.prompt.max_tokens >= 3900
    assert load("falcon").prompt.max_tokens == load("starcoder2").prompt.max_tokens == 3900
