"""Units of work."""

from itertools import pairwise

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given
from hypothesis import strategies as st

from harness.generators.huggingface.rows import Request
from harness.generators.huggingface.units import cut, ordered, phases
from harness.types import Prompt

pytestmark = pytest.mark.torch

REQUESTS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), max_size=30).map(
    lambda sizes: [
        Request(Prompt(index, "", ""), (prefix,) * prefix, (9,) * suffix)
        for index, (prefix, suffix) in enumerate(sizes)
    ]
)


@given(REQUESTS, st.integers(1, 7), st.data())
def test_leaving_units_out_leaves_the_others_as_they_are(requests, size, data):
    units = cut(requests, size)
    kept = data.draw(st.lists(st.sampled_from(units), unique_by=id)) if units else []
    left = [unit for unit in units if any(unit is one for one in kept)]
    shuffled = data.draw(st.permutations([request for unit in left for request in unit]))
    assert cut(shuffled, size) == left


@given(REQUESTS)
def test_requests_go_by_prefix_and_there_the_longest_first(requests):
    queue = ordered(requests)
    assert sorted(map(id, queue)) == sorted(map(id, requests))
    prefixes = [request.prefix for request in queue]
    assert len(set(prefixes)) == 1 + sum(a != b for a, b in pairwise(prefixes)) or not queue
    for one, other in pairwise(queue):
        assert one.prefix != other.prefix or len(one.suffix) >= len(other.suffix)


@given(REQUESTS, st.integers(1, 5))
def test_phases_hold_every_sample_of_every_prompt_once(requests, samples):
    rows = [row for phase in phases(requests, samples) for row in phase]
    keys = [(row.request.prompt.index, row.sample) for row in rows]
    assert sorted(keys) == [(request.prompt.index, sample) for request in requests for sample in range(samples)]
    whole = {request.prompt.index: request.whole.suffix for request in requests}
    assert all(row.request.prefix + row.request.suffix == whole[row.request.prompt.index] for row in rows)


def test_prompts_that_share_their_prefix_with_nearly_no_other_share_nothing():
    alone = [Request(Prompt(index, "", ""), (index,), (9,)) for index in range(10)]
    together = [Request(Prompt(index, "", ""), (99,), (9,)) for index in range(10, 20)]
    first, second = phases([*alone, *together], 1)
    assert {row.request.prefix for row in first} == {(99,)}
    assert {row.request.prefix for row in second} == {()}
    assert len(phases([*alone[:3], *together], 1)) == 1
