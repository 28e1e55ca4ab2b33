from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import memory
from trainer.base import Row
from trainer.config import load
from trainer.loads import Load, Loads, measure_loads, split_groups
from trainer.memory import (
    SLACK,
    Spending,
    cap_gpu,
    choose_kept,
    estimate,
    known_shape,
    measure_peaks,
    plan_spending,
    same_model,
    token_budget,
)
from trainer.schedule import group_tokens

PRESETS = ["qwen", "falcon", "starcoder2", "qwen-strong", "falcon-strong", "starcoder2-strong"]
TYPICAL = Load(2500, 300)


def shape_and_config(name, **packing):
    config = load(name)
    return known_shape(config.model.id), replace(config, packing=replace(config.packing, **packing))


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


@pytest.mark.parametrize(
    ("written_out", "load", "spent", "allocated", "reserved"),
    [
        (True, Load(2189, 836), Spending(28, 28, 6), 4.58, 4.83),
        (True, Load(4441, 356), Spending(), 2.007, 2.139),
        (True, Load(4441, 356), Spending(28, 28, 28), 8.88, 9.05),
        # transformers' own layers, nothing recomputed.
        (False, Load(4441, 356), Spending(28, 28, 28), 14.48, 14.81),
    ],
)
def test_estimates_are_within_a_tenth_of_peaks_measured_on_a_gpu(written_out, load, spent, allocated, reserved):
    # The preset `qwen`, random weights of Qwen2.5-Coder-1.5B's shape, one H100: the run's peak in GiB, and the
    # micro-batch that it belongs to.
    shape, config = shape_and_config("qwen")
    found = estimate(config, replace(shape, written_out=written_out), load, spent)
    assert found.allocated == pytest.approx(allocated, rel=0.1)
    assert found.reserved == pytest.approx(reserved, rel=0.1)


@pytest.mark.parametrize("name", PRESETS)
def test_every_gpu_preset_is_expected_to_fit_six_gib(name):
    shape, config = shape_and_config(name)
    tokens = token_budget(config, shape, longest=2048, completion_share=0.2)
    assert tokens >= 2048
    assert estimate(config, shape, Load(tokens, tokens // 5)).total <= 6.0


@pytest.mark.parametrize(("name", "tokens", "most_gib"), [("qwen", 6800, 3.0), ("falcon", 4800, 3.5)])
def test_the_smallest_footprint_of_the_longest_groups_stays_where_it_must(name, tokens, most_gib):
    shape, config = shape_and_config(name, use_spare_memory=False)
    size = Load(tokens, tokens // 8)
    assert plan_spending(config, shape, Loads(size, size)) == Spending(0, 0, 0, tokens)
    assert choose_kept(config, shape, size, 0) == Spending(0, 0, 0, tokens)
    assert estimate(config, shape, size).allocated <= most_gib


def test_starcoder2s_smallest_footprint_stays_below_four_gib():
    shape, config = shape_and_config("starcoder2", use_spare_memory=False)
    assert estimate(config, shape, Load(4900, 600)).allocated <= 4.0


def test_more_tokens_and_less_quantisation_take_more_memory():
    shape, config = shape_and_config("qwen")
    small, big = (estimate(config, shape, Load(tokens, tokens // 5)).total for tokens in (1024, 8192))
    assert small < big
    dense = replace(config, model=replace(config.model, quantization="none"))
    assert estimate(dense, shape, TYPICAL).weights > 2 * estimate(config, shape, TYPICAL).weights
    single = replace(config, model=replace(config.model, double_quant=False))
    assert estimate(single, shape, TYPICAL).weights > estimate(config, shape, TYPICAL).weights


def test_transformers_own_layers_get_smaller_micro_batches():
    shape, config = shape_and_config("qwen", vram_budget_gib=3.0)
    own, written = (
        token_budget(config, replace(shape, written_out=how), longest=512, completion_share=0.2)
        for how in (False, True)
    )
    assert own < written
    bare = estimate(config, replace(shape, written_out=False), Load(own, own // 5))
    assert bare.total <= 3.0 * (1 - SLACK)


def test_a_card_without_bf16_adds_up_in_fp32():
    shape, config = shape_and_config("qwen")
    turing = replace(config, model=replace(config.model, compute_dtype="fp16"))
    here, there = (estimate(one, shape, TYPICAL) for one in (config, turing))
    assert there.weights - here.weights == pytest.approx(2 * shape.embedding_parameters / memory.GIB)
    assert there.activations > here.activations


@pytest.mark.parametrize("name", PRESETS)
@given(budget=st.floats(1.5, 90), largest=st.integers(64, 9000), part=st.floats(0.05, 1), share=st.floats(0.01, 0.9))
@settings(max_examples=30, deadline=None)
def test_nothing_is_bought_that_would_not_fit(name, budget, largest, part, share):
    shape, config = shape_and_config(name, vram_budget_gib=budget)
    sizes = [Load(tokens, int(tokens * share)) for tokens in (largest, int(largest * part))]
    plan = plan_spending(config, shape, Loads(*sizes))
    assert plan.kept_mlps <= plan.kept_layers <= shape.layers
    most = budget * (1 - SLACK)
    for size in sizes:
        bare = estimate(config, shape, size).total
        kept = choose_kept(config, shape, size, plan.dequantized_layers)
        assert estimate(config, shape, size, kept).total <= max(most, bare)
    assert estimate(config, shape, sizes[1], plan).total <= max(most, estimate(config, shape, sizes[1]).total)


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_to_spare_is_spent(name):
    shape, config = shape_and_config(name)
    plan = plan_spending(config, shape, Loads(TYPICAL, TYPICAL))
    assert estimate(config, shape, TYPICAL, plan).total == pytest.approx(6 * (1 - SLACK), abs=0.2)
    roomy = replace(config, packing=replace(config.packing, vram_budget_gib=70))
    all_of = Spending(shape.layers, shape.layers, shape.layers, TYPICAL.tokens)
    assert plan_spending(roomy, shape, Loads(TYPICAL, TYPICAL)) == all_of


@pytest.mark.parametrize("name", PRESETS)
@given(budget=st.floats(1.5, 90), more=st.floats(0, 60), tokens=st.integers(64, 9000), written_out=st.booleans())
@settings(max_examples=30, deadline=None)
def test_more_memory_never_computes_more_again_nor_in_smaller_parts(name, budget, more, tokens, written_out):
    shape, config = shape_and_config(name)
    shape, found = replace(shape, written_out=written_out), []
    for gib in (budget, budget + more):
        roomy = replace(config, packing=replace(config.packing, vram_budget_gib=gib))
        kept = choose_kept(roomy, shape, Load(tokens, tokens // 5), 0)
        found.append((token_budget(roomy, shape, 64, 0.2), (kept.kept_layers, kept.kept_mlps)))
    (small, few), (big, many) = found
    assert small <= big
    # Layers come before MLPs: one more of those may leave no room for one of these.
    assert few <= many


def test_the_smaller_a_micro_batch_the_more_it_keeps():
    shape, config = shape_and_config("qwen")
    kept = [choose_kept(config, shape, Load(tokens, 300), 28).kept_mlps for tokens in (1000, 2000, 4000)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > kept[2]


def test_recomputation_that_is_written_down_is_what_happens():
    shape, config = shape_and_config("qwen", gradient_checkpointing=True)
    plan = plan_spending(config, shape, Loads(TYPICAL, TYPICAL))
    assert (plan.kept_layers, plan.kept_mlps) == (0, 0)
    assert plan.dequantized_layers > 0
    assert choose_kept(config, shape, TYPICAL, 3).kept_layers == 0
    shape, config = shape_and_config("qwen", gradient_checkpointing=False)
    assert choose_kept(config, shape, TYPICAL, 3) == Spending(3, 28, 28, TYPICAL.tokens)


def test_a_base_that_is_not_quantised_has_nothing_to_dequantise():
    shape, config = shape_and_config("qwen", vram_budget_gib=70)
    dense = replace(config, model=replace(config.model, quantization="none"))
    assert plan_spending(dense, shape, Loads(TYPICAL, TYPICAL)).dequantized_layers == 0


def test_reserved_memory_counts():
    shape, config = shape_and_config("qwen")
    found = estimate(config, shape, TYPICAL)
    assert found.allocated < found.reserved < found.total


def test_a_token_budget_that_is_written_down_is_taken():
    shape, config = shape_and_config("qwen", micro_batch_tokens=777)
    assert token_budget(config, shape, longest=2048, completion_share=0.2) == 777


def test_a_small_budget_lowers_the_tokens_of_a_micro_batch_but_never_below_the_longest_group():
    shape, config = shape_and_config("qwen", vram_budget_gib=2.6)
    assert 1000 <= token_budget(config, shape, longest=1000, completion_share=0.1) < 4096
    assert token_budget(config, shape, longest=6000, completion_share=0.1) == 6000


def test_files_of_one_model_may_differ_in_what_conversion_changes():
    shape, _ = shape_and_config("qwen")
    assert same_model(replace(shape, tied=False, vocabulary=152064, positions=131072), shape)
    assert not same_model(replace(shape, layers=24), shape)


def test_groups_are_put_together_up_to_the_token_budget_and_measured():
    groups = [(Row("0", "a", (7, 8), (1, 2), (3, 4)),) for _ in range(5)]
    size = group_tokens(groups[0])
    assert [len(batch) for batch in split_groups(groups, 2 * size)] == [2, 2, 1]
    assert [len(batch) for batch in split_groups(groups, 0)] == [1] * 5
    assert measure_loads([groups], 2 * size) == Loads(Load(12, 4), Load(10, 4))


class FakeCuda:
    def __init__(self, free_gib=79.0, total_gib=80.0):
        self.free, self.total = free_gib * memory.GIB, total_gib * memory.GIB
        self.fraction = None

    def mem_get_info(self):
        return self.free, self.total

    def memory_reserved(self):
        return 0

    def set_per_process_memory_fraction(self, fraction):
        self.fraction = fraction

    def max_memory_reserved(self):
        return 3 * memory.GIB

    def max_memory_allocated(self):
        return 2 * memory.GIB


@pytest.fixture
def fake_cuda(monkeypatch):
    def make(**sizes):
        cuda, asked = FakeCuda(**sizes), []
        core = SimpleNamespace(_C=SimpleNamespace(_accelerator_setAllocatorSettings=asked.append))
        monkeypatch.setattr(memory, "_cuda", lambda: cuda)
        monkeypatch.setattr(memory.importlib, "import_module", lambda name: core)
        cuda.asked = asked
        return cuda

    return make


def test_a_gpu_is_capped_at_the_budget_less_the_context(fake_cuda, caplog):
    cuda = fake_cuda()
    assert cap_gpu(6.0) == 6.0
    assert cuda.fraction == pytest.approx((6.0 - memory.CONTEXT_GIB) / 80)
    assert measure_peaks() == (3.0, 2.0)
    assert not caplog.records


def test_more_than_the_card_has_is_no_limit_and_no_news(fake_cuda, caplog):
    cuda = fake_cuda()
    assert cap_gpu(1000.0) == pytest.approx(79 + memory.CONTEXT_GIB)
    assert cuda.fraction == pytest.approx(79 / 80)
    assert not caplog.records


def test_what_other_programs_hold_lowers_the_budget_and_is_said(fake_cuda, caplog):
    cuda = fake_cuda(free_gib=4.0, total_gib=6.0)
    assert cap_gpu(6.0) == pytest.approx(4.0 + memory.CONTEXT_GIB)
    assert cuda.fraction == pytest.approx(4 / 6)
    assert "only 4.45 GiB of the GPU's 6.00 are free" in caplog.text
    assert "close other programs" in caplog.text


def test_segments_grow_unless_the_environment_says_how_to_allocate(fake_cuda, monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.delenv("PYTORCH_CUDA_ALLOC_CONF", raising=False)
    monkeypatch.delenv("PYTORCH_ALLOC_CONF", raising=False)
    cuda = fake_cuda()
    cap_gpu(6.0)
    assert cuda.asked == ["expandable_segments:True"]
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:64")
    cap_gpu(6.0)
    assert len(cuda.asked) == 1


def test_without_a_gpu_nothing_is_capped_nor_measured(monkeypatch):
    monkeypatch.setattr(memory, "_cuda", lambda: None)
    assert cap_gpu(6.0) == 6.0
    assert measure_peaks() == (None, None)
