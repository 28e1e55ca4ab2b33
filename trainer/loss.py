"""Cross-entropy of the completion tokens alone, without ever holding the logits of all positions.

Only the hidden states that predict a completion token pass the frozen head, a chunk at a time; the gradient of the
hidden states is formed in the same pass, so no logits wait for the backward one.
"""

from typing import Any

import torch

__all__ = ["completion_loss"]

CHUNK_ROWS = 256


class _FrozenHeadLoss(torch.autograd.Function):
    """Σ cross-entropy of [N, D] hidden states through a frozen [V, D] head, computed in fp32."""

    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any) -> Any:
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, hidden.shape[0], CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            logits = torch.nn.functional.linear(hidden[part].to(weight.dtype), weight, bias).float()
            chosen = targets[part, None]
            normalizer = torch.logsumexp(logits, dim=-1, keepdim=True)
            total += (normalizer - logits.gather(-1, chosen)).sum()
            if gradient is not None:
                probabilities = logits.sub_(normalizer).exp_()
                probabilities.scatter_add_(-1, chosen, torch.full_like(normalizer, -1.0))
                gradient[part] = (probabilities.to(weight.dtype) @ weight).to(hidden.dtype)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return (gradient * outer[0]).to(gradient.dtype), None, None, None


def completion_loss(hidden: Any, head: Any, targets: Any) -> Any:
    """Return the sum of the cross-entropy over N tokens, in nats, fp32.

    `hidden`: [N, D], `head`: the frozen `nn.Linear` to the vocabulary, `targets`: [N] token ids. Raises
    `ValueError` when the head is trained, which this shortcut would ignore.
    """
    if head.weight.requires_grad:
        raise ValueError("the head must be frozen: its gradient is not computed here")
    with torch.autocast(hidden.device.type, enabled=False):
        return _FrozenHeadLoss.apply(hidden, head.weight, head.bias, targets)
