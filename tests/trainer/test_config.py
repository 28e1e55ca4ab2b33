from dataclasses import MISSING, fields

import pytest

from harness.errors import ConfigError
from trainer.config import (
    AdapterConfig,
    BaseModelConfig,
    OptimizationConfig,
    PackingConfig,
    TrainConfig,
    TrainDataConfig,
    identity,
    load,
)


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
        "model.embedding_on_cpu=true",
        "data.leakage=allow",
        'data.evaluation=["data/bird-dev"]',
    ],
)
def test_what_changes_nothing_that_is_learnt_is_no_part_of_the_identity(setting):
    assert identity(load("qwen", [setting])) == identity(load("qwen"))


@pytest.mark.parametrize(
    ("preset", "sha256"),
    [
        ("qwen", "a3225e247bedc5c2484cce1067f0cbc254682515be39be3e25945ba5a3ede43c"),
        ("qwen-strong", "8ef2986d948486de3ccd43de3318f8d7589c3c95fff729e7fdffcd26f2f0299f"),
    ],
)
def test_the_identity_of_a_preset_is_that_of_the_results_that_were_published(preset, sha256):
    assert identity(load(preset)) == sha256


def test_an_option_that_came_later_is_no_part_of_the_identity_until_it_is_used():
    parts = (BaseModelConfig, AdapterConfig, TrainDataConfig, OptimizationConfig, PackingConfig, TrainConfig)
    later = [one for part in parts for one in fields(part) if one.metadata.get("later")]
    assert {"shuffle_schemas", "qualifiers", "use_rslora", "use_dora", "loraplus_lr_ratio"} <= {
        one.name for one in later
    }
    assert all(one.default is not MISSING for one in later)
    for setting in (
        "lora.use_rslora=false",
        "lora.use_dora=false",
        "data.qualifiers=as_written",
        "train.loraplus_lr_ratio=0",
    ):
        assert identity(load("qwen", [setting])) == identity(load("qwen"))


@pytest.mark.parametrize(
    "setting",
    [
        "packing.group_size=4",
        "lora.use_rslora=true",
        "lora.use_dora=true",
        "train.loraplus_lr_ratio=16",
        "data.fraction=0.5",
        "data.leakage=exclude",
        "data.shuffle_schemas=true",
        "train.learning_rate=1e-4",
        "train.keep_best=false",
        "model.quantization=fp4",
    ],
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
        ("train.loraplus_lr_ratio=0.5", "0 .off. or at least 1"),
        ("train.loraplus_lr_ratio=-1", "0 .off. or at least 1"),
        ("train.loraplus_lr_ratio=inf", "0 .off. or at least 1"),
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
