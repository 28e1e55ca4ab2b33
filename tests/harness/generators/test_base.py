"""What is passed to a generator when a run goes on."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from harness.generators.base import pending_prompts
from harness.types import Prompt


@dataclass(frozen=True)
class Plain:
    def generate(self, prompts):
        yield from ()


@dataclass(frozen=True)
class ByLength:
    size: int

    def generate(self, prompts):
        yield from ()

    def batches(self, prompts):
        ordered = sorted(prompts, key=lambda prompt: -len(prompt.text))
        return [ordered[start : start + self.size] for start in range(0, len(ordered), self.size)]


def test_a_plain_generator_gets_what_is_not_done():
    prompts = [Prompt(index, "", "") for index in range(4)]
    assert [one.index for one in pending_prompts(Plain(), prompts, frozenset({1, 2}))] == [0, 3]


@given(st.lists(st.integers(0, 9), max_size=20), st.sets(st.integers(0, 19)), st.integers(1, 5))
def test_a_batching_generator_repeats_whole_batches_and_forms_the_very_same_ones(lengths, done, size):
    prompts = [Prompt(index, "x" * length, "") for index, length in enumerate(lengths)]
    generator = ByLength(size)
    undisturbed = generator.batches(prompts)
    pending = pending_prompts(generator, prompts, frozenset(done))
    assert {one.index for one in pending} >= {one.index for one in prompts} - done
    assert all(batch in undisturbed for batch in generator.batches(pending))
