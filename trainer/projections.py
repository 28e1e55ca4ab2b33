"""A frozen linear layer with LoRA beside it, forward and backward written out: nothing is kept that can be had again.

y = x·Wᵀ + bias + s·(dropout(x)·Aᵀ)·Bᵀ, where B has been multiplied by s already. W is frozen, so the backward pass
needs no x for it; A and B need their input, which the caller has or can compute again, and dropout's mask, which its
seed gives again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Lora", "Projection", "cast_all", "dequantize", "dequantize_projection", "frozen_weight", "is_quantized"]


def is_quantized(base: Any) -> bool:
    """Return whether a linear layer is one of bitsandbytes' 4-bit ones."""
    return getattr(base.weight, "quant_state", None) is not None


def dequantize(base: Any, dtype: Any) -> Any:
    """Return the weight [out, in] of a 4-bit layer in `dtype`: the values that bitsandbytes multiplies by."""
    from bitsandbytes.functional import dequantize_4bit  # noqa: PLC0415 - absent where nothing is quantised

    return dequantize_4bit(base.weight.data, base.weight.quant_state).to(dtype)


def dequantize_projection(base: Any, dtype: Any) -> Any:
    """Return a plain frozen layer in place of a 4-bit one.

    The arithmetic stays the same: for a product bitsandbytes dequantises these very values, each time anew.
    """
    weight = dequantize(base, dtype)
    with torch.device("meta"):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=base.bias is not None)
    layer.weight = torch.nn.Parameter(weight, requires_grad=False)
    if base.bias is not None:
        layer.bias = torch.nn.Parameter(base.bias.data.to(dtype), requires_grad=False)
    return layer.train(base.training)


def frozen_weight(base: Any, dtype: Any) -> Any:
    """Return a layer's weight in `dtype`, dequantised where it is quantised."""
    return dequantize(base, dtype) if is_quantized(base) else base.weight.to(dtype)


@dataclass(frozen=True)
class Lora:
    """What stands beside a frozen layer: A [r, in] and B [out, r] in fp32, the `scale` s and the share dropped out."""

    a: Any
    b: Any
    scale: float
    dropout: float

    def factor(self, *, training: bool) -> float:
        """Return what B is multiplied by: with dropout, what is left of the input stands for all of it."""
        return self.scale / (1 - self.dropout) if training else self.scale


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear layer; `number` tells its dropout from that of others."""

    base: Any
    lora: Lora | None
    number: int

    def forward(self, x: Any, weights: Sequence[Any], seed: int | None) -> tuple[Any, Any]:
        """Return y [T, out] of x [T, in], and with an adapter x's image under A [T, r].

        `weights`: A and B, times its factor, in x's type, none without an adapter; `seed`: of the micro-batch, `None`
        drops nothing out.
        """
        bias = None if self.base.bias is None else self.base.bias.to(x.dtype)
        y = torch.nn.functional.linear(x, frozen_weight(self.base, x.dtype), bias)
        if self.lora is None:
            return y, None
        a, b = weights
        mask = self._mask(x, seed)
        inner = (x if mask is None else mask.mul_(x)) @ a.t()
        return y.addmm_(inner, b.t()), inner

    def backward(self, g: Any, x: Any, weights: Sequence[Any], inner: Any, seed: int | None) -> tuple[Any, Any, Any]:
        """Return the gradients of A and B, and what A sends back to x (before `input_gradient` adds W's part)."""
        a, b = weights
        mask = self._mask(x, seed)
        back = g @ b
        gradient_a = back.t() @ (x if mask is None else x * mask)
        sent = back @ a
        return gradient_a, g.t() @ inner, sent if mask is None else sent.mul_(mask)

    def input_gradient(self, g: Any, onto: Any = None) -> Any:
        """Return g·W [T, in], added in place to `onto` where that is given."""
        weight = frozen_weight(self.base, g.dtype)
        return g @ weight if onto is None else onto.addmm_(g, weight)

    def _mask(self, x: Any, seed: int | None) -> Any:
        if seed is None or self.lora is None or not self.lora.dropout:
            return None
        generator = torch.Generator(x.device).manual_seed(seed + self.number)
        return torch.empty_like(x).bernoulli_(1 - self.lora.dropout, generator=generator)


class _CastAll(torch.autograd.Function):
    """Many small tensors times a number each, in another type, by few kernels; gradients come back in the old type."""

    @staticmethod
    def forward(ctx: Any, dtype: Any, factors: list[float], *tensors: Any) -> Any:
        ctx.factors, ctx.dtypes = factors, [tensor.dtype for tensor in tensors]
        cast = [torch.empty_like(tensor, dtype=dtype) for tensor in tensors]
        scaled = torch._foreach_mul(list(tensors), factors)  # noqa: SLF001 - torch has no public name for it
        torch._foreach_copy_(cast, scaled)
        return tuple(cast)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        back = [torch.empty_like(one, dtype=dtype) for one, dtype in zip(gradients, ctx.dtypes, strict=True)]
        torch._foreach_copy_(back, list(gradients))
        torch._foreach_mul_(back, ctx.factors)
        return None, None, *back


def cast_all(tensors: Sequence[Any], factors: Sequence[float], dtype: Any) -> tuple[Any, ...]:
    """Return the tensors times their factors in `dtype`, once for a micro-batch; gradients flow back to them."""
    return tuple(_CastAll.apply(dtype, list(factors), *tensors))
