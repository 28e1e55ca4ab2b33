"""What a step tells the host of the tokens that it chose: all in one tensor, since each transfer is waited for."""

from dataclasses import dataclass
from typing import Any

import torch

from harness.generators.huggingface.choosing import log_probabilities

__all__ = ["SPARE", "Told", "hear", "tell"]

SPARE = 8
"""So many of the likeliest tokens come along where a token may be refused: most refused rows take one of them."""


@dataclass(frozen=True)
class Told:
    """Tokens by line, their logarithms (0 unless they were drawn), and `spare`, [k, n] or None: the likeliest first."""

    tokens: list[int]
    logarithms: list[float]
    spare: Any = None

    def others(self, line: int) -> list[int]:
        """Return the likeliest tokens of a line beside the one that was chosen; none where they did not come along."""
        ranked = [] if self.spare is None else self.spare[:, line].tolist()
        return [token for token in ranked if token != self.tokens[line]]


def tell(logits: Any, tokens: Any, *, drawn: bool, spare: bool) -> Any:
    """Return tokens [n] chosen from logits [n, vocabulary] with what the host needs to know beside them.

    float64 [2, n] with their logarithms where they were `drawn`, int64 [1 + k, n] with the k likeliest tokens where
    those are wanted (`spare`), else the tokens as they are. Nothing here waits for the device: steps are recorded.
    """
    if drawn:
        return torch.stack((tokens.double(), log_probabilities(logits, tokens).double()))
    if not spare:
        return tokens
    # Among equals `topk` need not have the same one first as `argmax`: what was chosen stays what it is.
    return torch.cat((tokens[None], logits.topk(min(SPARE, logits.shape[-1]), dim=-1).indices.T))


def hear(news: Any) -> Told:
    """Read on the host what `tell` told."""
    if news.dim() == 1:
        return Told(news.tolist(), [0.0] * len(news))
    if news.dtype is torch.float64:
        tokens, logarithms = news.tolist()
        return Told([int(token) for token in tokens], logarithms)
    return Told(news[0].tolist(), [0.0] * news.shape[1], news[1:])
