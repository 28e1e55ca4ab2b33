"""The norms of decoder layers, forward and back, in one kernel each where torch has one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Norm"]


@dataclass(frozen=True, eq=False)
class Norm:
    """RMSNorm (without `mean` among its statistics) or LayerNorm."""

    module: Any

    def forward(self, x: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return x normed, in its own type, and what the way back needs beside x."""
        module, size = self.module, [x.shape[-1]]
        if hasattr(module, "bias"):
            y, *statistics = torch.native_layer_norm(x, size, module.weight, module.bias, module.eps)
            return y, tuple(statistics)
        if _fused(x):
            y, scale = torch.ops.aten._fused_rms_norm(x, size, module.weight, module.variance_epsilon)  # noqa: SLF001
            return y, (scale,)
        wide = x.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + module.variance_epsilon)
        return module.weight * (wide * scale).to(x.dtype), (scale,)

    def backward(self, g: Any, x: Any, statistics: Sequence[Any]) -> Any:
        """Return the gradient of x."""
        module, size = self.module, [x.shape[-1]]
        if hasattr(module, "bias"):
            wanted = [True, False, False]
            return torch.ops.aten.native_layer_norm_backward(
                g, x, size, *statistics, module.weight, module.bias, wanted
            )[0]
        (scale,) = statistics
        if _fused(x):
            backward = torch.ops.aten._fused_rms_norm_backward  # noqa: SLF001
            return backward(g, x, size, scale, module.weight, [True, False])[0]
        weighted, wide = (g * module.weight).float(), x.float()
        along = (weighted * wide).mean(-1, keepdim=True)
        return (scale * (weighted - wide * (scale.pow(2) * along))).to(x.dtype)


def _fused(x: Any) -> bool:
    return x.is_cuda and hasattr(torch.ops.aten, "_fused_rms_norm_backward")
