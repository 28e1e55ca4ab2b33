"""What a generator is: anything that answers prompts with completions."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from harness.types import Completion, Prompt

__all__ = ["Batched", "Continues", "Generator", "gather_samples", "pending_prompts", "samples_of"]


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


@runtime_checkable
class Continues(Protocol):
    """A generator that can go on from a given beginning of an answer and be kept from writing given names there."""

    def generate_from(
        self, prompts: Sequence[Prompt], prefixes: Sequence[str], forbidden: Sequence[frozenset[str]]
    ) -> Iterator[Completion]:
        """Yield completions as `generate` does, whose text begins with the prompt's prefix (`""`: write all anew).

        `prefixes[i]` and `forbidden[i]` belong to `prompts[i]`; no two prompts have the same index. A forbidden name
        is as the refused SQL has it, with its qualifier, without quotes (`T1.name`), and must not be what comes next
        behind the prefix. What a back end cannot keep from is allowed: the caller checks.
        """
        ...


def samples_of(generator: object) -> int:
    """Return how many completions a generator yields for each prompt: its `samples`, else one."""
    return int(getattr(generator, "samples", 1))


def gather_samples(completions: Iterable[Completion], samples: int) -> Iterator[tuple[Completion, ...]]:
    """Yield the completions of a prompt together, in the order of the samples, as soon as all `samples` are there."""
    waiting: dict[int, list[Completion]] = {}
    for completion in completions:
        gathered = waiting.setdefault(completion.index, [])
        gathered.append(completion)
        if len(gathered) == samples:
            yield tuple(sorted(waiting.pop(completion.index), key=lambda one: one.sample))


def pending_prompts(generator: Generator, prompts: Sequence[Prompt], done: frozenset[int]) -> list[Prompt]:
    """Return the prompts to pass to `generate` when the completions with an index in `done` are known already."""
    if not isinstance(generator, Batched):
        return [prompt for prompt in prompts if prompt.index not in done]
    batches = generator.batches(prompts)
    return [prompt for batch in batches if any(one.index not in done for one in batch) for prompt in batch]
