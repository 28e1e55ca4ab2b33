"""What is decoded: requests (prompts as tokens) and the rows that answer them, one for each sample."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from harness.decoding.base import Track
from harness.generators.huggingface.forbidding import Ban
from harness.types import Prompt

__all__ = ["Decoding", "Request", "Row", "make_rows"]


@dataclass(frozen=True)
class Decoding:
    """How tokens are chosen and rows end; temperature 0 takes the likeliest token."""

    samples: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_new_tokens: int = 256
    stop_early: bool = True

    def key(self, row: "Row") -> int:
        """Return 63 bits from which all draws of a row come: from what is asked alone, never from its batch."""
        name = f"{self.seed} {row.request.prompt.index} {row.sample}{row.request.beginning}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1


@dataclass(frozen=True, eq=False)
class Request:
    """A prompt as tokens: those it shares with others (`prefix`) and its own; there is at least one of its own.

    An answer may be begun already: `beginning` is its text, of which the last `begun` own tokens are made, and `bans`
    say what must not come next.
    """

    prompt: Prompt
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    beginning: str = ""
    begun: int = 0
    bans: frozenset[Ban] = frozenset()

    @property
    def tokens(self) -> int:
        """The length of the whole prompt."""
        return len(self.prefix) + len(self.suffix)

    @property
    def whole(self) -> "Request":
        """The same prompt with nothing shared."""
        return replace(self, prefix=(), suffix=(*self.prefix, *self.suffix))

    def text(self, generated: str) -> str:
        """Return an answer's whole text."""
        # White space at its end was left to the model, whose tokens begin with it.
        behind = generated.lstrip() if self.beginning[-1:].isspace() else generated
        return self.beginning + behind


@dataclass(eq=False)
class Row:
    """One answer being written: `ids` so far; `stored` counts its own tokens (behind the prefix) in the cache.

    `complete` is set where a row ended without an end token: its statement, or what the constraint allows, was whole.
    `logprob` adds up over the tokens, where they are drawn.
    """

    request: Request
    sample: int = 0
    ids: list[int] = field(default_factory=list)
    stored: int = 0
    finished: bool = False
    complete: bool = False
    track: Track | None = None
    logprob: float = 0.0

    def again(self) -> "Row":
        """Return the same row before its first token."""
        return Row(self.request, self.sample)


def make_rows(requests: Iterable[Request], samples: int) -> list[Row]:
    """Return the rows of requests: the samples of one beside each other."""
    return [Row(request, sample) for request in requests for sample in range(samples)]
