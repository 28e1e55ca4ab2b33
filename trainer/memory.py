"""The memory of a training: expected by arithmetic before a GPU minute is spent, capped, measured when it is over.

What the budget leaves beside a training's smallest footprint buys time. Three things are for sale, each a layer at a
time: keeping what its attention half computed, holding its weights dequantised, keeping its MLP's products. What is
not bought is computed again in the backward pass.
"""

import importlib
import logging
import os
import sys
from dataclasses import dataclass
from typing import Any

from trainer.config import TrainConfig
from trainer.footprint import compute_width, layer_bytes, stream_width
from trainer.loads import WHOLE_TOKENS, Load, Loads
from trainer.shapes import LINEAR_LAYERS, Shape, known_shape, same_model

__all__ = [
    "GIB",
    "Estimate",
    "Shape",
    "Spending",
    "cap_gpu",
    "choose_kept",
    "estimate",
    "known_shape",
    "measure_peaks",
    "plan_spending",
    "same_model",
    "token_budget",
]

GIB = 2**30
CONTEXT_GIB = 0.45
"""CUDA's context and its libraries' kernels: outside what torch counts."""
WORKSPACE_GIB = 0.0625
"""What cuBLAS takes through torch, for the forward and the backward thread."""
FRAGMENTATION = 1.07
"""Reserved over allocated at the peak: measured between 1.02 and 1.07 on an H100, with segments that grow."""
SLACK = 0.08
"""The share of the budget that a plan leaves alone: where segments cannot grow, reserved was 1.16 times allocated."""
LOGIT_ROWS = 256
MAX_TOKENS = 4096
"""Of a micro-batch of several groups: it holds most steps of 16 examples whole, and launches then cost little."""

# Seconds on an H100 (launches from Python, dense products in bf16, memory), for what is worth buying first.
LAUNCH_S, DEQUANTIZE_S, FLOP_PER_S, BYTE_PER_S = 10e-6, 60e-6, 3e14, 2e12


@dataclass(frozen=True)
class Spending:
    """How many layers are held dequantised, keep their activations, and of these keep their MLP's products too."""

    dequantized_layers: int = 0
    kept_layers: int = 0
    kept_mlps: int = 0
    micro_batch_tokens: int = 0


@dataclass(frozen=True)
class Estimate:
    """Expected GiB of each part at the peak on the GPU, and the `host`'s part of the weights, in CPU memory."""

    weights: float
    adapter: float
    activations: float
    logits: float
    context: float
    host: float = 0.0

    @property
    def allocated(self) -> float:
        """What torch's tensors take, in GiB: `torch.cuda.max_memory_allocated`."""
        return self.weights + self.adapter + self.activations + self.logits + WORKSPACE_GIB

    @property
    def reserved(self) -> float:
        """What torch takes from the card, in GiB: `torch.cuda.max_memory_reserved`."""
        return self.allocated * FRAGMENTATION

    @property
    def total(self) -> float:
        """What the card sees, in GiB: with CUDA's context."""
        return self.reserved + self.context


def estimate(config: TrainConfig, shape: Shape, load: Load, spending: Spending | None = None) -> Estimate:
    """Return the expected peak of a micro-batch.

    - Weights: NF4 and FP4 take 0.5 byte and 0.127/8 (double) or 0.5/8 more for the scales, dequantised layers the
      compute type's bytes; embedding and head the stream's type: fp32 under fp16, whose residuals overflow. An
      embedding on the CPU takes nothing here.
    - Adapter: fp32 weight, gradient and two Adam moments, and weight and gradient in the compute type.
    - Between the passes: every layer's input; queries, keys, values, attention's output and sums, the middle of the
      stream and the images under A where attention is kept; the MLP's two products (one without a gate) where these
      are.
    - While a layer goes back: its MLP's products and their three gradients, adapters' inputs and masks, four streams,
      and what it did not keep; one dequantised weight.
    - Masks: of each group, which are shared by the layers. transformers' own layers get one of the whole micro-batch,
      and each makes its own copy of it in the compute type, its rows aligned.
    - The loss: a chunk of logits in fp32 twice, hidden states and their gradients. It comes before any layer goes back.
    """
    spending = spending or Spending()
    layer, width = layer_bytes(config, shape), stream_width(config)
    kept = shape.layers * layer.stream + spending.kept_layers * layer.attention + spending.kept_mlps * layer.mlp
    # Kept layers are the last ones: when a layer must be computed again, what they kept is gone.
    partly = (spending.kept_layers - spending.kept_mlps) * layer.attention + layer.mlp
    peaks = [kept + layer.passing if spending.kept_mlps else kept]
    if spending.kept_mlps < spending.kept_layers:
        peaks.append(shape.layers * layer.stream + partly + layer.passing)
    if spending.kept_layers < shape.layers:
        peaks.append(shape.layers * layer.stream + layer.attention + layer.mlp + layer.passing)
    held = load.tokens * kept + spending.kept_layers * layer.fixed
    logits = min(load.completion, LOGIT_ROWS) * shape.vocabulary * 8 + load.completion * shape.hidden * 3 * width
    masks = _mask_bytes(config, shape, load, spending.kept_layers * layer.mask)
    # A layer that is computed again holds for a while what it did not keep.
    going_back = load.tokens * max(peaks) + layer.scratch + max(1, spending.kept_layers) * layer.fixed
    weights = spending.dequantized_layers * layer.dequantized
    weights += (shape.layers - spending.dequantized_layers) * layer.quantized + shape.embedding_parameters * width
    host = shape.vocabulary * shape.hidden * width if config.model.embedding_on_cpu and not shape.tied else 0
    learnt = shape.adapter_parameters(config.lora.r, config.lora.target_modules, norms=config.lora.use_dora)
    adapter = learnt * (16 + 2 * compute_width(config))
    return Estimate(
        weights=(weights - host) / GIB,
        adapter=adapter / GIB,
        activations=(max(held, going_back - logits) + masks) / GIB,
        logits=logits / GIB,
        context=CONTEXT_GIB,
        host=host / GIB,
    )


def _mask_bytes(config: TrainConfig, shape: Shape, load: Load, held: int) -> int:
    width, tokens = compute_width(config), load.tokens
    if shape.written_out:
        return width * tokens * min(tokens, WHOLE_TOKENS)
    return (1 + 2 * width + held) * tokens * tokens


def plan_spending(config: TrainConfig, shape: Shape, loads: Loads) -> Spending:
    """Say what the budget buys for micro-batches of typical size, where the largest must fit too.

    What saves most seconds a GiB comes first; what is left buys the next. For the largest only what is dequantised
    is binding: kept activations are chosen for each micro-batch anew. A plan that fits stays below the budget
    by `SLACK`; nothing is bought where nothing fits, or `packing.use_spare_memory` is off.
    """
    packing = config.packing
    asked, layers = packing.gradient_checkpointing, shape.layers
    load = loads.typical
    spending = Spending(micro_batch_tokens=load.tokens)
    if asked is False:
        spending = Spending(0, layers, layers, load.tokens)
    names = [] if asked in (True, False) else ["kept_layers", "kept_mlps"]
    if config.model.quantization != "none":
        names.append("dequantized_layers")
    if not packing.use_spare_memory:
        return spending
    worth = _worth(config, shape, load)
    for name in sorted(names, key=lambda name: -worth[name]):
        spending = _buy(config, shape, loads, spending, name)
    return spending


def choose_kept(config: TrainConfig, shape: Shape, load: Load, dequantized_layers: int) -> Spending:
    """Say what one micro-batch can keep where so many layers are dequantised already."""
    packing = config.packing
    spending = Spending(dequantized_layers, 0, 0, load.tokens)
    if packing.gradient_checkpointing is False:
        return Spending(dequantized_layers, shape.layers, shape.layers, load.tokens)
    if packing.gradient_checkpointing is True or not packing.use_spare_memory:
        return spending
    for name in ("kept_layers", "kept_mlps"):
        spending = _buy(config, shape, Loads(load, load), spending, name)
    return spending


def _buy(config: TrainConfig, shape: Shape, loads: Loads, spending: Spending, name: str) -> Spending:
    """Buy as many layers of one kind as fit: by halving, as memory grows with each."""
    budget = config.packing.vram_budget_gib * (1 - SLACK)

    def fits(count: int) -> bool:
        wanted = {**vars(spending), name: count}
        bare = Spending(wanted["dequantized_layers"])
        return (
            estimate(config, shape, loads.typical, Spending(**wanted)).total <= budget
            and estimate(config, shape, loads.largest, bare).total <= budget
        )

    low, high = 0, spending.kept_layers if name == "kept_mlps" else shape.layers
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return Spending(**{**vars(spending), name: low})


def _worth(config: TrainConfig, shape: Shape, load: Load) -> dict[str, float]:
    """Return the seconds a layer saves for each GiB that it takes, launches and arithmetic added up."""
    layer = layer_bytes(config, shape)
    sizes = {name: shape.linear(name)[0] * shape.linear(name)[1] for name in LINEAR_LAYERS}
    attention = sum(sizes[name] for name in LINEAR_LAYERS[:4])
    mlp = sum(sizes.values()) - attention
    widening = mlp * (2 / 3 if shape.gated else 1 / 2)
    squares = 2 * load.tokens * shape.heads * shape.head_dim
    products = {
        "kept_layers": 20 * LAUNCH_S + (2 * attention + squares) * load.tokens / FLOP_PER_S,
        "kept_mlps": 5 * LAUNCH_S + 2 * widening * load.tokens / FLOP_PER_S,
        # Forward, backward, and for most of them again: what is read and written.
        "dequantized_layers": 2.5 * (7 * DEQUANTIZE_S + (layer.quantized + layer.dequantized) / BYTE_PER_S),
    }
    if not shape.written_out:  # there a layer keeps all or nothing
        products["kept_layers"] += products["kept_mlps"]
    prices = {
        "kept_layers": load.tokens * layer.attention,
        "kept_mlps": max(1.0, load.tokens * layer.mlp),
        "dequantized_layers": max(1.0, layer.dequantized - layer.quantized),
    }
    worth = {name: seconds * GIB / prices[name] for name, seconds in products.items()}
    # Its products can be kept only where a layer is.
    return worth | {"kept_mlps": min(worth["kept_mlps"], worth["kept_layers"] * (1 - 1e-9))}


def token_budget(config: TrainConfig, shape: Shape, longest: int, completion_share: float) -> int:
    """Return the tokens that a micro-batch may have within the memory budget, at least the `longest` group's.

    Bigger micro-batches come before everything that spare memory buys.
    """
    if config.packing.micro_batch_tokens:
        return config.packing.micro_batch_tokens
    budget = config.packing.vram_budget_gib * (1 - SLACK)
    kept = Spending(0, shape.layers, shape.layers) if config.packing.gradient_checkpointing is False else None
    tokens = MAX_TOKENS
    while tokens > longest:
        if estimate(config, shape, Load(tokens, int(tokens * completion_share)), kept).total <= budget:
            break
        tokens -= 256
    return max(tokens, longest)


def cap_gpu(budget_gib: float) -> float:
    """Let torch reserve no more than a card of `budget_gib` could give it; return the budget that this leaves.

    CUDA's context is part of it. Other programs hold memory too (a laptop's desktop does): what is free bounds the
    budget, and that is said.
    """
    cuda = _cuda()
    if cuda is None:
        return budget_gib
    _let_segments_grow()
    free, total = cuda.mem_get_info()
    usable = (free + cuda.memory_reserved()) / GIB + CONTEXT_GIB
    if usable < budget_gib <= total / GIB:
        logging.getLogger(__name__).warning(
            "packing.vram_budget_gib = %g: only %.2f GiB of the GPU's %.2f are free, so that many are planned with; "
            "close other programs for more",
            budget_gib,
            usable,
            total / GIB,
        )
    budget = min(budget_gib, usable)
    cuda.set_per_process_memory_fraction(min(1.0, max(0.0, budget - CONTEXT_GIB) * GIB / total))
    return budget


def _let_segments_grow() -> None:
    # Micro-batches differ in size: segments that grow reserve little more than is used. What a user set is left.
    core = importlib.import_module("torch")._C  # noqa: SLF001 - torch's documentation names no other way at run time
    settings = getattr(core, "_accelerator_setAllocatorSettings", None)
    asked = os.environ.get("PYTORCH_CUDA_ALLOC_CONF") or os.environ.get("PYTORCH_ALLOC_CONF")
    if settings is not None and not asked and sys.platform == "linux":
        settings("expandable_segments:True")


def measure_peaks() -> tuple[float | None, float | None]:
    """Return the peak (reserved, allocated) GiB of this process on the GPU, (`None`, `None`) without one."""
    cuda = _cuda()
    if cuda is None:
        return None, None
    return cuda.max_memory_reserved() / GIB, cuda.max_memory_allocated() / GIB


def _cuda() -> Any:
    # Imported when a training asks: `t2s plan` does its arithmetic without torch.
    cuda = importlib.import_module("torch").cuda
    return cuda if cuda.is_available() else None
