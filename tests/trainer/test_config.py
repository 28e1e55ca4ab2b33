from dataclasses import replace

import pytest

from harness.errors import ConfigError
from trainer.config import identity, load, preset_names

REFERENCE = {
    "qwen": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
    "falcon": "tiiuae/Falcon3-1B-Base",
    "starcoder2": "bigcode/starcoder2-3b",
}


def test_there_are_seven_presets_and_each_is_valid():
    assert len(preset_names()) == 7
    for name in preset_names():
        assert load(name).model.id
    assert set(preset_names()) == {*REFERENCE, *(f"{name}-strong" for name in REFERENCE), "smollm2"}


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


@pytest.mark.parametrize("name", REFERENCE)
def test_a_strong_preset_differs_in_what_it_says_only(name):
    strong, reference = load(f"{name}-strong"), load(name)
    assert (strong.train.learning_rate, strong.train.scheduler, strong.train.warmup_ratio) == (2e-4, "cosine", 0.03)
    assert strong.data.fraction == 1.0
    assert set(strong.lora.target_modules) > set(reference.lora.target_modules)
    assert ("gate_proj" in strong.lora.target_modules) == (name != "starcoder2")
    assert strong.model == reference.model
    assert replace(strong.train, learning_rate=2e-5, scheduler="linear", warmup_ratio=0.0) == reference.train


def test_the_cpu_preset_needs_no_quantisation_and_no_download_of_data():
    config = load("smollm2")
    assert (config.model.quantization, config.data.path, config.data.fraction) == ("none", "mini", 1.0)


def test_the_short_forms_stand_for_paths():
    config = load("qwen", ["model=/weights/x.gguf", "data=/data/bird", "train.epochs=5"])
    assert (config.model.path, config.data.path, config.train.epochs) == ("/weights/x.gguf", "/data/bird", 5)


def test_a_file_starts_from_a_preset_and_from_another_file(tmp_path):
    (tmp_path / "a.toml").write_text('base = "qwen"\n[lora]\nr = 8\n')
    (tmp_path / "b.toml").write_text(f'base = "{tmp_path / "a.toml"}"\n[lora]\nalpha = 16\n')
    config = load(str(tmp_path / "b.toml"))
    assert (config.lora.r, config.lora.alpha, config.lora.dropout) == (8, 16, 0.05)
    assert config.base == ""


def test_bases_that_run_in_a_circle_are_named(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(f'base = "{path}"\n')
    with pytest.raises(ConfigError, match="circle"):
        load(str(path))


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(ConfigError, match="falcon, falcon-strong, qwen"):
        load("quen")


@pytest.mark.parametrize(
    "setting",
    [
        "model=/elsewhere",
        "data=/elsewhere",
        "train.logging_steps=1",
        "train.save_steps=7",
        "packing.micro_batch_tokens=99",
        "packing.gradient_checkpointing=true",
    ],
)
def test_what_changes_nothing_that_is_learnt_is_no_part_of_the_identity(setting):
    assert identity(load("qwen", [setting])) == identity(load("qwen"))


@pytest.mark.parametrize(
    "setting", ["packing.group_size=4", "data.fraction=0.5", "train.learning_rate=1e-4", "model.quantization=fp4"]
)
def test_what_shapes_what_is_learnt_is_part_of_the_identity(setting):
    assert identity(load("qwen", [setting])) != identity(load("qwen"))


def test_all_problems_are_reported_at_once():
    overrides = [
        "train.learning_rate=0",
        "data.fraction=1.5",
        "lora.dropout=1",
        'lora.target_modules=["lm_head"]',
        "packing.group_size=99",
        "train.save_steps=-1",
    ]
    with pytest.raises(ConfigError) as raised:
        load("qwen", overrides)
    assert len(raised.value.problems) == len(overrides)


def test_an_unknown_key_gets_the_nearest_known_one():
    with pytest.raises(ConfigError, match="did you mean 'learning_rate'"):
        load("qwen", ["train.learning_rates=1"])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("train.warmup_ratio=1", "at least 0 and below 1"),
        ("train.warmup_ratio=-0.1", "at least 0 and below 1"),
        ("packing.vram_budget_gib=0", "between 1 and 1024"),
        ("packing.vram_budget_gib=0.4", "between 1 and 1024"),
        ("packing.vram_budget_gib=6144", "between 1 and 1024"),
        ("data.validation_databases=1.5", "a share below 1 or a whole number"),
        ("packing.group_size=6", "does not divide an optimizer step of 16"),
        ("packing.group_size=32", "does not divide an optimizer step of 16"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(setting, words):
    with pytest.raises(ConfigError, match=words) as raised:
        load("qwen", [setting])
    assert raised.value.problems[0].startswith(setting.partition("=")[0])


@pytest.mark.parametrize("setting", ["data.validation_databases=0.25", "data.validation_databases=3"])
def test_validation_is_a_share_or_a_count(setting):
    assert load("qwen", [setting]).data.validation_databases == float(setting.partition("=")[2])


def test_the_presets_for_a_gpu_save_often_and_keep_whole_schemas():
    for name in preset_names():
        config = load(name)
        if name != "smollm2":
            assert config.train.save_steps == 50
            assert config.prompt.max_tokens >= 3900
    assert load("falcon").prompt.max_tokens == load("starcoder2").prompt.max_tokens == 3900
