"""Logits → tokens: the likeliest, or a draw that depends on (seed, question, sample, position) and on nothing else."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from harness.generators.huggingface.rows import Decoding

__all__ = ["Redraw", "choose", "forbid", "log_probabilities", "uniform"]

CANDIDATES = 256
"""Of so many likeliest tokens the nucleus is made, where `top_p` is below 1: sorting a vocabulary costs a step."""
AGAIN = 0x3C6EF372FE94F82B
"""Makes another key of a row's."""
GAMMA, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WORD, SIGN = 1 << 64, 1 << 63


def choose(logits: Any, keys: Any, drawn: Any, decoding: Decoding) -> Any:
    """Return the tokens [n] for logits [n, vocabulary]; `keys` [n] are the rows', `drawn` [n] their tokens so far.

    Sampling takes the smallest set of likeliest tokens whose probability reaches `top_p` (Holtzman et al., The Curious
    Case of Neural Text Degeneration, ICLR 2020) and inverts its cumulative distribution at `uniform`.
    """
    if not decoding.temperature:
        return logits.argmax(dim=-1)
    nucleus, tokens = _nucleus(logits, decoding)
    reached = nucleus.cumsum(dim=-1)
    level = uniform(keys, drawn)[:, None] * reached[:, -1:]
    # Rounding may put the level at the very end: behind it stand tokens that are not in the nucleus.
    last = (nucleus > 0).sum(dim=-1, keepdim=True) - 1
    place = torch.minimum((reached <= level).sum(dim=-1, keepdim=True), last)
    return tokens.gather(-1, place.clamp(min=0))[:, 0]


def _nucleus(logits: Any, decoding: Decoding) -> tuple[Any, Any]:
    """Return the probabilities [n, k] of the likeliest tokens, 0 for those outside of the nucleus, and the tokens."""
    count = logits.shape[-1] if decoding.top_p >= 1 else min(CANDIDATES, logits.shape[-1])
    weights = torch.softmax(logits.float() / decoding.temperature, dim=-1)
    likely, tokens = weights.topk(count, dim=-1)
    reached = likely.cumsum(dim=-1)
    # A token is in the nucleus where those before it do not reach top_p.
    return likely * (reached - likely < decoding.top_p), tokens


@dataclass(frozen=True)
class Redraw:
    """Chooses in place of refused tokens; `keys` and `drawn` [n] are as in `choose`.

    A token that is drawn freely, and where it must not come drawn anew among the others, is distributed as one drawn
    among those that may come at once, but that the nucleus is that of all tokens. Each attempt draws with another key:
    what comes must not depend on what was refused.
    """

    keys: Any
    drawn: Any
    decoding: Decoding

    def of(self, lines: Any) -> "Redraw":
        """Return the same for some of the rows."""
        return replace(self, keys=self.keys[lines], drawn=self.drawn[lines])

    def rank(self, logits: Any, refused: Any, count: int) -> Any:
        """Return tokens [n, count] in the order in which they are to be tried, −1 behind the last; `refused`: [n].

        Greedily the likeliest first. Else draws without replacement from what is left of the nucleus: the largest of
        log-probabilities with Gumbel's noise (Kool, van Hoof & Welling, Stochastic Beams and Where to Find Them, ICML
        2019), so that the first that may come is a draw among those that may.
        """
        count = min(count, logits.shape[-1])
        if not self.decoding.temperature:
            return logits.topk(count, dim=-1).indices
        weights, tokens = _nucleus(logits, self.decoding)
        weights = weights * (tokens != refused[:, None])
        noise = uniform(self.keys[:, None] ^ (tokens + 1) * _signed(AGAIN), self.drawn[:, None])
        # Of 24 bits: half a step above 0, and so below 1.
        scores = weights.log() - (-(noise.double() + 2.0**-25).log()).log()
        best, places = scores.topk(min(count, scores.shape[-1]), dim=-1)
        return tokens.gather(-1, places).masked_fill(best.isinf(), -1)

    def __call__(self, logits: Any, attempt: int) -> Any:
        """Return tokens [n] for logits [n, vocabulary] of which those of tokens that must not come are −∞."""
        return choose(logits, self.keys ^ _signed(AGAIN * attempt % WORD), self.drawn, self.decoding)


def log_probabilities(logits: Any, tokens: Any) -> Any:
    """Return the natural logarithm of the tokens' probabilities [n], as the model has them at temperature 1."""
    chosen = logits.gather(-1, tokens[:, None])[:, 0].float()
    return chosen - torch.logsumexp(logits.float(), dim=-1)


def uniform(keys: Any, drawn: Any) -> Any:
    """Return numbers in [0, 1) from counters: SplitMix64's output function of key + n·γ, its upper 24 bits.

    Steele, Lea & Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
    """
    x = keys + (drawn + 1) * _signed(GAMMA)
    x = (x ^ _shifted(x, 30)) * _signed(MIX_1)
    x = (x ^ _shifted(x, 27)) * _signed(MIX_2)
    return _shifted(x ^ _shifted(x, 31), 40).float() * 2.0**-24


def _signed(value: int) -> int:
    return value - WORD if value >= SIGN else value


def _shifted(x: Any, bits: int) -> Any:
    # torch's shift of signed integers keeps the sign.
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def forbid(logits: Any, bits: Any) -> Any:
    """Return logits [n, vocabulary] with −∞ where a token's bit is 0.

    `bits`: int32 [n, words]; that of token t is bit t % 32 of word t // 32.
    """
    octets = bits.view(torch.uint8)
    place = 1 << torch.arange(8, dtype=torch.uint8, device=bits.device)
    forbidden = (octets[:, :, None] & place == 0).flatten(1)[:, : logits.shape[-1]]
    return logits.masked_fill(forbidden, float("-inf"))
