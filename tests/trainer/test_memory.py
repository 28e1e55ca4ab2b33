from dataclasses import replace
from types import SimpleNamespace

import pytest

from trainer import memory
from trainer.config import load
from trainer.memory import cap_gpu, estimate, known_shape, measure_peaks, same_model, token_budget


def shape_and_config(name):
    config = load(name)
    return known_shape(config.model.id), config


@pytest.mark.parametrize(
    ("name", "parameters", "quantised", "adapter"),
    [("qwen", 1543.7, 1310.2, 4.36), ("falcon", 1669.4, 1132.5, 4.13), ("starcoder2", 3030.4, 2878.3, 9.09)],
)
def test_the_shapes_add_up_to_the_published_sizes(name, parameters, quantised, adapter):
    shape, config = shape_and_config(name)
    assert shape.block_parameters / 1e6 == pytest.approx(quantised, abs=0.1)
    assert shape.adapter_parameters(32, config.lora.target_modules) / 1e6 == pytest.approx(adapter, abs=0.01)
    # What is missing are norms and biases.
    assert (shape.block_parameters + shape.embedding_parameters) / 1e6 == pytest.approx(parameters, rel=1e-3)


@pytest.mark.parametrize("name", ["qwen", "falcon", "starcoder2", "qwen-strong", "falcon-strong", "starcoder2-strong"])
def test_every_gpu_preset_is_expected_to_fit_six_gib(name):
    shape, config = shape_and_config(name)
    tokens = token_budget(config, shape, longest=2048, completion_share=0.2)
    assert tokens >= 2048
    assert estimate(config, shape, tokens, tokens // 5).total <= 6.0


def test_more_tokens_and_less_quantisation_take_more_memory():
    shape, config = shape_and_config("qwen")
    config = replace(config, packing=replace(config.packing, gradient_checkpointing=True))
    small, big = (estimate(config, shape, tokens, tokens // 5).total for tokens in (1024, 8192))
    assert small < big
    dense = replace(config, model=replace(config.model, quantization="none"))
    assert estimate(dense, shape, 1024, 200).weights > 2 * estimate(config, shape, 1024, 200).weights
    single = replace(config, model=replace(config.model, double_quant=False))
    assert estimate(single, shape, 1024, 200).weights > estimate(config, shape, 1024, 200).weights


def test_checkpointing_is_chosen_where_the_budget_asks_for_it():
    shape, config = shape_and_config("qwen")
    assert estimate(config, shape, 6144, 1000).checkpointing
    roomy = replace(config, packing=replace(config.packing, vram_budget_gib=70))
    assert not estimate(roomy, shape, 6144, 1000).checkpointing
    forced = replace(roomy, packing=replace(roomy.packing, gradient_checkpointing=True))
    assert estimate(forced, shape, 6144, 1000).checkpointing


def test_a_token_budget_that_is_written_down_is_taken():
    shape, config = shape_and_config("qwen")
    fixed = replace(config, packing=replace(config.packing, micro_batch_tokens=777))
    assert token_budget(fixed, shape, longest=2048, completion_share=0.2) == 777


def test_files_of_one_model_may_differ_in_what_conversion_changes():
    shape, _ = shape_and_config("qwen")
    assert same_model(replace(shape, tied=False, vocabulary=152064, positions=131072), shape)
    assert not same_model(replace(shape, layers=24), shape)


class FakeCuda:
    def __init__(self):
        self.fraction = None

    def current_device(self):
        return 0

    def get_device_properties(self, device):
        return SimpleNamespace(total_memory=80 * memory.GIB)

    def set_per_process_memory_fraction(self, fraction):
        self.fraction = fraction

    def max_memory_reserved(self):
        return 3 * memory.GIB

    def max_memory_allocated(self):
        return 2 * memory.GIB


@pytest.mark.parametrize(("budget", "fraction"), [(6.0, (6.0 - memory.CONTEXT_GIB) / 80), (1000.0, 1.0)])
def test_a_gpu_is_capped_at_the_budget_less_the_context(budget, fraction, monkeypatch):
    cuda = FakeCuda()
    monkeypatch.setattr(memory, "_cuda", lambda: cuda)
    cap_gpu(budget)
    assert cuda.fraction == pytest.approx(fraction)
    assert measure_peaks() == (3.0, 2.0)


def test_without_a_gpu_nothing_is_capped_nor_measured(monkeypatch):
    monkeypatch.setattr(memory, "_cuda", lambda: None)
    cap_gpu(6.0)
    assert measure_peaks() == (None, None)
