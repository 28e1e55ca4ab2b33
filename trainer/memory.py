"""The memory of a training: expected by arithmetic before a GPU minute is spent, measured when it is over."""

import importlib
from dataclasses import dataclass, replace
from typing import Any

from trainer.config import TrainConfig

__all__ = [
    "GIB",
    "Estimate",
    "Shape",
    "cap_gpu",
    "estimate",
    "known_shape",
    "measure_peaks",
    "same_model",
    "token_budget",
]

GIB = 2**30
CONTEXT_GIB = 0.45
"""CUDA's context, its libraries' kernels and workspaces: outside what torch counts."""
FRAGMENTATION = 1.10
LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "c_fc", "c_proj")


@dataclass(frozen=True)
class Shape:
    """What memory depends on; `gated` for a SwiGLU block of three matrices, else two."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool
    positions: int
    gated: bool = True

    def linear(self, name: str) -> tuple[int, int]:
        """Return the (in, out) features of a linear layer of the block; (0, 0) for one that it has not."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        sizes = {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
        }
        names = ("gate_proj", "up_proj", "down_proj") if self.gated else ("c_fc", "c_proj")
        for one in names:
            down = one in ("down_proj", "c_proj")
            sizes[one] = (self.intermediate, self.hidden) if down else (self.hidden, self.intermediate)
        return sizes.get(name, (0, 0))

    @property
    def block_parameters(self) -> int:
        """The parameters of all linear layers in all blocks: those that are quantised."""
        return self.layers * sum(a * b for a, b in map(self.linear, LINEAR_LAYERS))

    @property
    def embedding_parameters(self) -> int:
        """The parameters of embedding and head."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    def adapter_parameters(self, rank: int, target_modules: tuple[str, ...]) -> int:
        """The parameters of LoRA at `rank`."""
        return self.layers * sum(rank * (a + b) for a, b in map(self.linear, target_modules))


SHAPES = {
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": Shape(1536, 28, 12, 2, 128, 8960, 151936, tied=True, positions=32768),
    "tiiuae/Falcon3-1B-Base": Shape(2048, 18, 8, 4, 256, 8192, 131072, tied=False, positions=4096),
    "bigcode/starcoder2-3b": Shape(3072, 30, 24, 2, 128, 12288, 49152, tied=True, positions=16384, gated=False),
    "HuggingFaceTB/SmolLM2-135M-Instruct": Shape(576, 30, 9, 3, 64, 1536, 49152, tied=True, positions=8192),
}
"""The shapes of the presets' models, from their published configurations."""


def same_model(one: Shape, other: Shape) -> bool:
    """Return whether two shapes can be of one model: files differ in tied heads, padded vocabularies and positions."""
    ignored: Any = {"tied": True, "vocabulary": 0, "positions": 0}
    return replace(one, **ignored) == replace(other, **ignored)


def known_shape(model_id: str) -> Shape | None:
    """Return the shape of a preset's model, `None` for any other."""
    return SHAPES.get(model_id)


@dataclass(frozen=True)
class Estimate:
    """Expected GiB of each part at the peak; `checkpointing` says whether activations are recomputed."""

    weights: float
    adapter: float
    activations: float
    logits: float
    context: float
    checkpointing: bool

    @property
    def total(self) -> float:
        """The sum, in GiB, with the allocator's losses."""
        return (self.weights + self.adapter + self.activations + self.logits) * FRAGMENTATION + self.context


def estimate(config: TrainConfig, shape: Shape, micro_batch_tokens: int, completion_tokens: int) -> Estimate:
    """Return the expected peak of a micro-batch of so many tokens, of which so many carry loss.

    Weights in NF4 take 0.5 byte and 0.127/8 (double) or 0.5/8 more for the scales; what is not quantised takes the
    compute type's bytes. LoRA: fp32 weight, gradient and two Adam moments.
    """
    width = 4 if config.model.compute_dtype == "fp32" or config.model.quantization == "none" else 2
    scale = (0.127 if config.model.double_quant else 0.5) / 8
    per_weight = width if config.model.quantization == "none" else 0.5 + scale
    weights = shape.block_parameters * per_weight + shape.embedding_parameters * width
    adapter = 16 * shape.adapter_parameters(config.lora.r, config.lora.target_modules)
    asked = config.packing.gradient_checkpointing
    chunk = min(completion_tokens, 256)
    logits = chunk * shape.vocabulary * 10 + completion_tokens * shape.hidden * width
    for checkpointing in (False, True) if asked == "auto" else (asked,):
        activations = _activation_bytes(config, shape, micro_batch_tokens, width, checkpointing=checkpointing)
        result = Estimate(
            weights=weights / GIB,
            adapter=adapter / GIB,
            activations=activations / GIB,
            logits=logits / GIB,
            context=CONTEXT_GIB,
            checkpointing=checkpointing,
        )
        if result.total <= config.packing.vram_budget_gib:
            break
    return result


def _activation_bytes(config: TrainConfig, shape: Shape, tokens: int, width: int, *, checkpointing: bool) -> float:
    inputs = {name: shape.linear(name)[0] for name in config.lora.target_modules}
    # Kept for the backward pass in each block: norms' inputs (fp32 copies too), queries, keys, values, the
    # attention's output, the MLP's three products, and for each adapter its input with its dropout mask.
    attention = (2 * shape.heads + 2 * shape.kv_heads) * shape.head_dim
    mlp = (4 if shape.gated else 2) * shape.intermediate
    block = width * (10 * shape.hidden + attention + mlp) + sum((width + 1) * size for size in inputs.values())
    # The mask, boolean and as the kernel's additive form.
    mask = tokens * tokens * (1 + width)
    # The dequantised form of the largest layer, twice: forward and backward pass.
    scratch = 2 * width * max(a * b for a, b in map(shape.linear, LINEAR_LAYERS))
    if checkpointing:
        return tokens * (shape.layers * shape.hidden * width + 1.5 * block) + mask + scratch
    return tokens * shape.layers * block + mask + scratch


def token_budget(config: TrainConfig, shape: Shape, longest: int, completion_share: float) -> int:
    """Return the tokens that a micro-batch may have within the memory budget, at least the `longest` group's.

    Checkpointing, where it is `auto`, is spent first: it allows bigger batches. At most 4,096, which holds a whole
    step of 16 examples: beyond, attention between groups, masked but computed, costs more than launches save.
    """
    if config.packing.micro_batch_tokens:
        return config.packing.micro_batch_tokens
    budget = config.packing.vram_budget_gib
    tokens = 4096
    while tokens > longest and estimate(config, shape, tokens, int(tokens * completion_share)).total > budget:
        tokens -= 256
    return max(tokens, longest)


def cap_gpu(budget_gib: float) -> None:
    """Let torch refuse to reserve what a card of `budget_gib` could not give it beside CUDA's context."""
    cuda = _cuda()
    if cuda is not None:
        total = cuda.get_device_properties(cuda.current_device()).total_memory
        cuda.set_per_process_memory_fraction(min(1.0, (budget_gib - CONTEXT_GIB) * GIB / total))


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
