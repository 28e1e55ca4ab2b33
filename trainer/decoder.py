"""The decoder of Qwen2, Llama and Starcoder2 for training adapters only: few kernels, few kept activations.

The same arithmetic as transformers' layers with PEFT's adapters in them, but with the backward pass written out. A
frozen weight needs no input for its gradient, so between the passes a layer keeps its input, queries, keys, values,
what attention returned, and the middle of the residual stream; the MLP's products only where memory is to spare.
Not covered (transformers' own layers then serve): other model classes and activations, the base's own dropout, DoRA
and other variants of LoRA, biases of adapters.
"""

from dataclasses import dataclass
from typing import Any

import torch

from harness.models import sliding_windows
from trainer.blocks import Call, Keep, Layer, run_layer
from trainer.embedding import look_up
from trainer.norms import Norm
from trainer.packing import MicroBatch, attention_pieces
from trainer.projections import Lora, Projection, cast_all, is_quantized
from trainer.shapes import WRITTEN_OUT

__all__ = ["Decoder", "Kept", "unsupported"]

ACTIVATIONS = {True: ("silu", "swish"), False: ("gelu_pytorch_tanh",)}
ADAPTER = "default"
PROJECTIONS = 7
"""At most so many in a layer: dropout's seeds of one layer end where those of the next begin."""


@dataclass(frozen=True)
class Kept:
    """How many layers are not computed again in the backward pass, and how many of these keep the MLP's products.

    They are the last ones: when a layer must be computed again, what they kept is gone.
    """

    layers: int = 0
    mlps: int = 0


def unsupported(model: Any) -> str | None:
    """Return why an adapted model's layers cannot be computed here, `None` where they can."""
    config = model.get_base_model().config
    if config.model_type not in WRITTEN_OUT:
        return f"model type {config.model_type}"
    if config.hidden_act not in ACTIVATIONS[config.model_type != "starcoder2"]:
        return f"activation {config.hidden_act}"
    names = ("attention_dropout", "residual_dropout", "embedding_dropout")
    if any(getattr(config, name, 0) for name in names):
        return "dropout of the base"
    for module in model.get_base_model().modules():
        if not hasattr(module, "lora_A"):
            continue
        if any(getattr(module, "use_dora", {}).values()):
            return "DoRA"
        variant = getattr(module, "lora_variant", None)
        if list(module.lora_A) != [ADAPTER] or variant or any(getattr(module, "lora_bias", {}).values()):
            return "a variant of LoRA"
    return None


class Decoder:
    """An adapted model's decoder; it shares the model's weights and holds nothing of its own.

    Raises `ValueError` for a model that is `unsupported`.
    """

    def __init__(self, model: Any) -> None:
        if reason := unsupported(model):
            raise ValueError(f"the decoder is not written out for this model: {reason}")
        self.model = model
        self.body = model.get_base_model().model
        config = self.body.config
        windows = sliding_windows(config)
        self.layers = tuple(_read_layer(layer, window) for layer, window in zip(self.body.layers, windows, strict=True))
        base = self.layers[0].reading[0].base
        self.dtype = base.compute_dtype if is_quantized(base) else base.weight.dtype

    def hidden_rows(self, batch: MicroBatch, kept: Kept) -> Any:
        """Return the last hidden states [N, D] of the batch's rows.

        In training mode dropout draws from seeds that come from torch's own generator on the CPU, so that a resumed
        run draws the same.
        """
        x = look_up(self.body.embed_tokens, batch)
        cosine, sine = (one[0, :, None].to(self.dtype) for one in self.body.rotary_emb(x, batch.positions[None]))
        sine_back = -sine
        seed = int(torch.randint(2**40, ())) * PROJECTIONS * len(self.layers) if self.model.training else None
        pieces = {window: attention_pieces(batch, window, self.dtype) for window in {one.window for one in self.layers}}
        weights = self._adapters()
        for number, layer in enumerate(self.layers):
            behind = len(self.layers) - number
            rows = batch.rows if behind == 1 else None
            keep = Keep(pieces[layer.window], behind <= kept.layers, behind <= kept.mlps, rows)
            here = None if seed is None else seed + PROJECTIONS * number
            x = run_layer(layer, Call(self.dtype, cosine, sine, sine_back, here), keep, x, *weights[number])
        return self.body.norm(x)

    def _adapters(self) -> list[list[Any]]:
        """Return A and B of each layer's projections in the compute type, cast once for all passes."""
        adapters = [[one.lora for one in layer.projections if one.lora] for layer in self.layers]
        found = [lora for layer in adapters for lora in layer]
        factors = [factor for lora in found for factor in (1.0, lora.factor(training=self.model.training))]
        cast = iter(cast_all([weight for lora in found for weight in (lora.a, lora.b)], factors, self.dtype))
        return [[next(cast) for _ in range(2 * len(layer))] for layer in adapters]


def _read_layer(module: Any, window: int | None) -> Layer:
    attention, mlp = module.self_attn, module.mlp
    gated = hasattr(mlp, "gate_proj")
    modules = [attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj]
    modules += [mlp.gate_proj, mlp.up_proj, mlp.down_proj] if gated else [mlp.c_fc, mlp.c_proj]
    all_of = [_read_projection(one, number) for number, one in enumerate(modules)]
    return Layer(
        norms=(Norm(module.input_layernorm), Norm(module.post_attention_layernorm)),
        reading=tuple(all_of[:3]),
        writing=all_of[3],
        widening=tuple(all_of[4:-1]),
        narrowing=all_of[-1],
        head_dim=attention.head_dim,
        scaling=attention.scaling,
        window=window,
    )


def _read_projection(module: Any, number: int) -> Projection:
    if not hasattr(module, "lora_A"):
        return Projection(module, None, number)
    dropout = getattr(module.lora_dropout[ADAPTER], "p", 0.0)
    lora = Lora(module.lora_A[ADAPTER].weight, module.lora_B[ADAPTER].weight, module.scaling[ADAPTER], dropout)
    return Projection(module.base_layer, lora, number)
