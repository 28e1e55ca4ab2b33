"""How a token is chosen."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from scipy import stats

from harness.generators.huggingface.choosing import Redraw, choose, forbid, log_probabilities, uniform
from harness.generators.huggingface.rows import Decoding, Request, Row
from harness.types import Prompt

pytestmark = pytest.mark.torch

MASK = (1 << 64) - 1


def splitmix(key, position):
    """SplitMix64 in Python's own integers."""
    x = (key + (position + 1) * 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return ((x ^ (x >> 31)) >> 40) / 2**24


def test_draws_are_those_of_splitmix():
    keys = [0, 1, 1 << 62, (1 << 63) - 1, 123456789]
    drawn = [0, 1, 7, 255, 3]
    found = uniform(torch.tensor(keys), torch.tensor(drawn)).tolist()
    assert found == [splitmix(key, position) for key, position in zip(keys, drawn, strict=True)]


def test_draws_are_uniform_over_keys_and_positions():
    keys = torch.tensor([Decoding(seed=3).key(Row(Request(Prompt(n, "", ""), (), (1,)), 2)) for n in range(2000)])
    assert stats.kstest(uniform(keys, torch.zeros_like(keys)).numpy(), "uniform").pvalue > 0.001
    one = torch.full((2000,), int(keys[0]))
    assert stats.kstest(uniform(one, torch.arange(2000)).numpy(), "uniform").pvalue > 0.001


def test_a_rows_key_depends_on_seed_question_and_sample():
    def key(seed, index, sample):
        return Decoding(seed=seed).key(Row(Request(Prompt(index, "", ""), (), (1,)), sample))

    keys = {key(seed, index, sample) for seed in range(3) for index in range(3) for sample in range(3)}
    assert len(keys) == 27
    assert key(1, 2, 0) == key(1, 2, 0)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 1.0), (1.0, 0.8), (1.5, 0.5)])
def test_tokens_are_drawn_by_the_law_of_nucleus_sampling(temperature, top_p):
    torch.manual_seed(1)
    logits = torch.randn(40) * 2
    weights = torch.softmax(logits.double() / temperature, -1)
    order = weights.argsort(descending=True)
    before = weights[order].cumsum(0) - weights[order]
    law = torch.zeros(40, dtype=torch.double)
    law[order[before < top_p]] = weights[order[before < top_p]]
    law /= law.sum()
    draws, keys = 40_000, torch.arange(40_000) * 7919
    tokens = choose(
        logits.expand(draws, -1), keys, torch.zeros_like(keys), Decoding(temperature=temperature, top_p=top_p)
    )
    counts = torch.bincount(tokens, minlength=40)
    assert not counts[law == 0].any()
    expected = law * draws
    common = expected > 5
    rare_seen, rare = int(counts[~common].sum()), float(expected[~common].sum())
    seen, wanted = [*counts[common].tolist(), rare_seen], [*expected[common].tolist(), rare]
    if rare < 1:
        seen, wanted = seen[:-1], [one * sum(seen[:-1]) / sum(wanted[:-1]) for one in wanted[:-1]]
    assert stats.chisquare(seen, wanted).pvalue > 0.001


def test_a_draw_does_not_depend_on_the_batch():
    torch.manual_seed(2)
    logits, keys, drawn = torch.randn(9, 300), torch.arange(9) * 31, torch.arange(9)
    decoding = Decoding(temperature=1.0, top_p=0.9)
    together = choose(logits, keys, drawn, decoding)
    alone = [int(choose(logits[n : n + 1], keys[n : n + 1], drawn[n : n + 1], decoding)) for n in range(9)]
    assert together.tolist() == alone


def test_without_temperature_the_likeliest_is_chosen_and_the_first_of_several():
    logits = torch.tensor([[0.0, 3.0, 3.0, 1.0], [5.0, 0.0, 0.0, 0.0]])
    zeros = torch.zeros(2, dtype=torch.long)
    assert choose(logits, zeros, zeros, Decoding()).tolist() == [1, 0]


def test_logarithms_are_those_of_the_models_own_probabilities():
    logits, tokens = torch.randn(5, 70), torch.tensor([3, 0, 69, 12, 12])
    wanted = torch.log_softmax(logits, -1)[torch.arange(5), tokens]
    assert torch.allclose(log_probabilities(logits, tokens), wanted, atol=1e-6)


@pytest.mark.parametrize("vocabulary", [31, 32, 33, 70])
def test_a_cleared_bit_forbids_its_token(vocabulary):
    chance = torch.Generator().manual_seed(vocabulary)
    allowed = torch.rand(3, vocabulary, generator=chance) < 0.5
    words = -(-vocabulary // 32)
    bits = torch.zeros(3, words, dtype=torch.int64)
    for row, token in allowed.nonzero().tolist():
        bits[row, token // 32] |= 1 << (token % 32)
    found = forbid(torch.zeros(3, vocabulary), bits.to(torch.int32))
    assert torch.equal(found == 0, allowed)
    drawn = choose(found, torch.arange(3), torch.zeros(3, dtype=torch.long), Decoding(temperature=5.0))
    assert allowed[torch.arange(3), drawn].all()


def test_tokens_to_try_come_without_the_refused_one_by_the_law_of_draws_without_replacement():
    """Of 5, 3 and 2 the first was refused: the second leads in 3 of 5 orders; what is outside the nucleus is −1."""
    count = 20_000
    logits = torch.tensor([0.5, 0.3, 0.2, 1e-6]).log().repeat(count, 1)
    keys = torch.tensor([Decoding().key(Row(Request(Prompt(n, "", ""), (), (1,)))) for n in range(count)])
    drawn, refused = torch.zeros(count, dtype=torch.long), torch.zeros(count, dtype=torch.long)
    decoding = Decoding(temperature=1.0, top_p=0.99)
    ranked = Redraw(keys, drawn, decoding).rank(logits, refused, 16)
    assert ranked.shape == (count, 4)
    assert set(map(tuple, ranked.tolist())) == {(1, 2, -1, -1), (2, 1, -1, -1)}
    share = (ranked[:, 0] == 1).double().mean().item()
    assert abs(share - 0.6) < 4 * (0.6 * 0.4 / count) ** 0.5
    some = torch.tensor([3, 7, 19])
    assert Redraw(keys, drawn, decoding).of(some).rank(logits[some], refused[some], 16).equal(ranked[some])


def test_greedily_the_likeliest_are_tried_first():
    logits = torch.tensor([[0.1, 3.0, 2.0, -1.0]])
    nothing = torch.zeros(1, dtype=torch.long)
    assert Redraw(nothing, nothing, Decoding()).rank(logits, nothing + 1, 3).tolist() == [[1, 2, 0]]
