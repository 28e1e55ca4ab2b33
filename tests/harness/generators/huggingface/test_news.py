"""What the host is told of a step: the tokens, and beside them what it needs when one is refused."""

import pytest

pytest.importorskip("torch")

import torch

from harness.generators.huggingface.choosing import Redraw, log_probabilities
from harness.generators.huggingface.graphs import _tokens
from harness.generators.huggingface.masks import Grammar, Masks
from harness.generators.huggingface.news import SPARE, hear, tell
from harness.generators.huggingface.rows import Decoding, Request, Row
from harness.types import Prompt

pytestmark = pytest.mark.torch


def test_where_nothing_is_refused_tokens_come_alone():
    tokens = torch.tensor([4, 2])
    assert tell(torch.zeros(2, 5), tokens, drawn=False, spare=False) is tokens
    told = hear(tokens)
    assert (told.tokens, told.logarithms, told.others(0)) == ([4, 2], [0.0, 0.0], [])


def test_the_likeliest_tokens_come_along_in_their_order_without_the_one_that_was_chosen():
    logits = torch.randn(7, 40, generator=torch.Generator().manual_seed(3))
    told = hear(tell(logits, logits.argmax(dim=-1), drawn=False, spare=True))
    ranked = logits.sort(dim=-1, descending=True).indices
    assert told.tokens == ranked[:, 0].tolist()
    assert [told.others(line) for line in range(7)] == ranked[:, 1:SPARE].tolist()


@pytest.mark.parametrize("chosen", range(12))
def test_among_equals_the_chosen_one_stays_and_does_not_come_twice(chosen):
    told = hear(tell(torch.zeros(1, 12), torch.tensor([chosen]), drawn=False, spare=True))
    assert told.tokens == [chosen]
    assert chosen not in told.others(0)
    assert len(set(told.others(0))) == len(told.others(0)) >= SPARE - 1


def test_a_small_vocabulary_comes_along_whole():
    told = hear(tell(torch.tensor([[0.1, 0.3, 0.2]]), torch.tensor([1]), drawn=False, spare=True))
    assert (told.tokens, told.others(0)) == ([1], [2, 0])


def test_what_is_drawn_comes_with_its_logarithm_and_nothing_else():
    logits, tokens = torch.randn(3, 150_000), torch.tensor([0, 77_777, 149_999])
    told = hear(tell(logits, tokens, drawn=True, spare=False))
    assert told.tokens == tokens.tolist()
    assert told.logarithms == log_probabilities(logits, tokens).double().tolist()
    assert told.others(1) == []


@pytest.mark.parametrize(("drawn", "spare"), [(False, False), (True, False), (False, True)])
def test_a_recording_is_compared_by_the_tokens_that_were_chosen(drawn, spare):
    logits = torch.randn(5, 30)
    tokens = torch.tensor([3, 1, 4, 1, 5])
    assert _tokens(tell(logits, tokens, drawn=drawn, spare=spare)).tolist() == tokens.tolist()
    assert _tokens(logits).tolist() == logits.argmax(dim=-1).tolist()


def test_a_row_takes_the_first_token_that_may_come_and_nothing_more():
    class Track:
        finished, taken = False, ()

        def advance(self, token):
            if token not in (5, 6):
                return False
            self.taken += (token,)
            return True

    row = Row(Request(Prompt(0, "", ""), (), (1,)), track=Track())
    masks = Masks(Grammar(None, None, None))
    assert masks.admit_first(row, [9, 6, 5]) == 6
    assert masks.admit_first(row, [1, 2]) is None
    assert masks.admit_first(row, []) is None
    assert row.track.taken == (6,)


@pytest.mark.parametrize("only", [{5}, set()])
def test_a_row_goes_in_circles_where_nothing_else_may_come(only):
    """The repetition of 5 is refused for as long as something else may come, and a row that may go nowhere ends."""

    class Track:
        finished = False

        def advance(self, token):
            return token in allowed

    def fill(tracks, bits):
        bits[:] = sum(1 << token for token in allowed)

    allowed = only
    row = Row(Request(Prompt(0, "", ""), (), (1,)), track=Track(), ids=[5] * 40)
    masks, none = Masks(Grammar(None, fill, None)), torch.zeros(1, dtype=torch.long)
    logits = torch.linspace(0, 1, 40)[None].flip(-1)
    redraw = Redraw(none, none, Decoding())
    (token,) = masks.choose(logits, [row], [5], redraw)
    assert (row.finished, row.complete) == (not only, not only)
    assert token == 5
    allowed = {5, 30}
    again = Row(row.request, track=Track(), ids=[5] * 40)
    assert masks.choose(logits, [again], [5], redraw) == [30]
    assert not again.finished


def test_the_grammars_of_rows_to_come_are_begun_once_each():
    class Constraint:
        def start(self, schema):
            begun.append(schema)

    begun, schemas = [], ["one", "two"]
    rows = [Row(Request(Prompt(index, "", ""), (), (1,))) for index in range(6)]
    Masks(Grammar(Constraint(), None, lambda index: schemas[index // 4])).expect(rows)
    assert begun == schemas
    assert all(row.track is None for row in rows)
    Masks(None).expect(rows)
