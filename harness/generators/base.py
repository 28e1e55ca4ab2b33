"""What a generator is: anything that answers prompts with completions."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from harness.types import Completion, Prompt

__all__ = ["Batched", "Generator", "pending_prompts"]


@runtime_checkable
class Generator(Protocol):
    """Answers prompts. An implementation is a frozen dataclass whose fields are its options in TOML."""

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield one completion for each prompt (and sample), in any order, as soon as it is known.

        Raises `ModelError` when the model cannot be had; a prompt that a model fails on is no error but an
        empty completion.
        """
        ...


@runtime_checkable
class Batched(Protocol):
    """A generator whose arithmetic depends on which prompts it computes together.

    A resumed run repeats whole batches, so that it writes exactly what an undisturbed one would have written.
    """

    def batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Return the batches in which `generate` would compute `prompts`.

        Leaving whole batches out of `prompts` must leave the other batches as they are.
        """
        ...


def pending_prompts(generator: Generator, prompts: Sequence[Prompt], done: frozenset[int]) -> list[Prompt]:
    """Return the prompts to pass to `generate` when the completions with an index in `done` are known already."""
    if not isinstance(generator, Batched):
        return [prompt for prompt in prompts if prompt.index not in done]
    batches = generator.batches(prompts)
    return [prompt for batch in batches if any(one.index not in done for one in batch) for prompt in batch]
