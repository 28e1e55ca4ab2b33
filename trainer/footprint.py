"""The bytes of one decoder layer in training, from its shape and the configuration."""

from dataclasses import dataclass

from trainer.config import TrainConfig
from trainer.shapes import LINEAR_LAYERS, Shape

__all__ = ["LayerBytes", "compute_width", "layer_bytes", "stream_width"]


@dataclass(frozen=True)
class LayerBytes:
    """The bytes of one decoder layer. A token keeps `stream`, and `attention` and `mlp` unless they are recomputed.

    `passing`, for each token, is there while the MLP's half goes back; `quantized` and `dequantized` are its weights.
    `mask` is what a layer that is not recomputed holds for each pair of tokens, `fixed` what it holds however few.
    """

    stream: int
    attention: int
    mlp: int
    passing: int
    quantized: float
    dequantized: float
    scratch: int
    mask: int = 0
    fixed: int = 0


def compute_width(config: TrainConfig) -> int:
    """Bytes of a number in products; `auto` is 16 bits on a GPU."""
    return 4 if config.model.compute_dtype == "fp32" else 2


def stream_width(config: TrainConfig) -> int:
    """Bytes of a number between layers: a quantised model that computes in fp16 adds up in fp32."""
    wide = config.model.compute_dtype == "fp16" and config.model.quantization != "none"
    return 4 if wide else compute_width(config)


def layer_bytes(config: TrainConfig, shape: Shape) -> LayerBytes:
    """Return what one layer takes; see `trainer.memory.estimate` for what is counted."""
    width, stream = compute_width(config), stream_width(config) * shape.hidden
    targets = [name for name in config.lora.target_modules if shape.linear(name)[0]]
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    attention = width * (2 * queries + 2 * keys + config.lora.r * len(targets)) + 4 * shape.heads + stream
    products = (2 if shape.gated else 1) * width * shape.intermediate
    # An adapter's masked input and mask, and what it sends back; the last layer of the block has the widest.
    widest = max((shape.linear(name)[0] for name in targets), default=0)
    last = width * shape.intermediate if {"down_proj", "c_proj"} & set(targets) else 0
    passing = (
        (3 if shape.gated else 2) * width * shape.intermediate
        + 4 * stream
        + max(last, 3 * width * min(widest, shape.hidden))
    )
    linear = [a * b for a, b in map(shape.linear, LINEAR_LAYERS)]
    scale = (0.127 if config.model.double_quant else 0.5) / 8
    whole = float(width * sum(linear))
    quantized = whole if config.model.quantization == "none" else sum(linear) * (0.5 + scale)
    # Weights are dequantised in the type in which they were quantised, then cast.
    scratch = max(linear) * (width if stream_width(config) == width else width + stream_width(config))
    if shape.written_out:
        return LayerBytes(stream, attention, products, passing, quantized, whole, scratch)
    everything, fixed = _autograd_bytes(config, shape), 0
    if config.lora.use_dora:
        kept, fixed, passed = _dora_bytes(config, shape)
        everything, scratch = everything + kept, scratch + passed
    return LayerBytes(stream, everything, 0, passing, quantized, whole, scratch, mask=width, fixed=fixed)


def _autograd_bytes(config: TrainConfig, shape: Shape) -> int:
    """Return what a token keeps in a layer of transformers' own, under autocast with PEFT's adapters.

    Both norms keep their input in fp32; attention its queries, its output, and keys and values copied for every head;
    the MLP its products, the activated one among them; an adapter its input, dropout's mask and the image under A.
    """
    width = compute_width(config)
    inputs = [size for name in config.lora.target_modules if (size := shape.linear(name)[0])]
    adapters = sum((width + (config.lora.dropout > 0)) * size + width * config.lora.r for size in inputs)
    attention = 4 * width * shape.heads * shape.head_dim + 4 * shape.heads
    return 2 * 4 * shape.hidden + attention + (3 if shape.gated else 1) * width * shape.intermediate + adapters


def _dora_bytes(config: TrainConfig, shape: Shape) -> tuple[int, int, int]:
    """Return what PEFT's DoRA keeps for a token, what it keeps of a layer besides, and what passes meanwhile.

    A token keeps both products, the base's and the adapter's, for the gradient of their norm. With dropout the base
    multiplies the input that is left too, and autograd keeps its weight, dequantised. To know the norm, B·A is made
    from an identity matrix in fp32 and its copy in the compute type, then scaled and added to the weight: in the
    compute type on a quantised base, else in fp32.
    """
    width = compute_width(config)
    sizes = [shape.linear(name) for name in config.lora.target_modules]
    outputs = sum(out for _, out in sizes)
    weights = width * sum(a * b for a, b in sizes) if config.lora.dropout else 0
    adding = 4 * width if config.model.quantization != "none" else 2 * width + 4 * 4
    passing = (max((4 + width) * a * a + width * a * b, width * a * a + adding * a * b) for a, b in sizes)
    return 2 * width * outputs, weights + 3 * 4 * outputs, max(passing)
