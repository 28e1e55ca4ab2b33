"""Rows whose choice is refused: on a GPU they go a step back while others go on, and it must not show."""

import hashlib
import random
import sys
import types
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from harness.generators.huggingface import news, shared
from harness.generators.huggingface.choosing import Redraw, choose
from harness.generators.huggingface.masks import Grammar, Masks
from harness.generators.huggingface.rows import Decoding, Request, Row
from harness.generators.huggingface.session import Session
from harness.types import Dataset, Example, Prompt, Schema

pytestmark = pytest.mark.torch

END = 0
CLOSERS = (END, 5, 9)


def number(*parts):
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "little")


class Moody:
    """Allows what its history says: a share of the tokens, now and then none; its masks allow a few too many."""

    opening = np.array([0b0011_0000_0001_0010], dtype="uint32")

    def __init__(self, name, share):
        self.name, self.share, self.history, self.ended, self.hurried = name, share, (), False, False

    def allows(self, token):
        stuck = len(self.history) > 1 and number("stuck", self.name, self.history) % 60 == 0
        whole = self.only_the_end and token != END
        early = token == END and len(self.history) < 3
        late = self.hurried and token % 2
        return not (stuck or whole or early or late) and number(self.name, self.history, token) % 100 < self.share

    @property
    def only_the_end(self):
        return len(self.history) > 3 and number("whole", self.name, self.history) % 17 == 0

    @property
    def finished(self):
        return self.ended or self.only_the_end

    def fill(self, row):
        row[:] = 0
        for token in range(14):
            generous = number("generous", self.name, self.history, token) % 5 == 0
            row[0] |= (self.allows(token) or generous) << token

    def hurry(self):
        self.hurried = True

    def closer(self):
        return next((token for token in CLOSERS if not self.ended and self.allows(token)), None)

    def advance(self, token):
        if self.ended or not self.allows(token):
            return False
        self.history += (token,)
        self.ended = token == END
        return True


@pytest.mark.parametrize("seed", range(8))
def test_a_step_back_changes_no_answer(seed, make_generator, folder, monkeypatch):
    drawn = random.Random(seed)
    names = [f"schema {drawn.randrange(5)}" for _ in range(24)]
    share = drawn.choice([15, 35, 60, 95])
    options = {"constraint": "schema", "batch_size": drawn.choice([3, 8, 16]), "max_new_tokens": 24}
    if seed % 2:
        options |= {"samples": 3, "temperature": drawn.choice([0.7, 3.0]), "top_p": 0.9}

    class Constraint:
        def __init__(self, tokenizer, level, *, vocabulary, ends):
            self.vocabulary = vocabulary

        def start(self, schema):
            return Moody(schema.db_id, share)

    def fill_all(tracks, bits):
        for track, row in zip(tracks, bits, strict=True):
            track.fill(row)

    module = types.ModuleType("harness.decoding.constraint")
    module.build_constraint, module.fill_all = Constraint, fill_all
    monkeypatch.setitem(sys.modules, "harness.decoding.constraint", module)
    examples = tuple(Example(index, name, "", "") for index, name in enumerate(names))
    dataset = Dataset("d", "dev", examples, {name: Schema(name, ()) for name in names}, {})
    prompts = [
        Prompt(index, f"SELECT {'a b ' * len(name)}", "Q " * (1 + index % 7)) for index, name in enumerate(names)
    ]

    def answer(**more):
        generator = make_generator(folder, **options, **more)
        tokenizer, generator = generator.tokenizer, generator.bind(dataset)
        vars(generator)["tokenizer"] = tokenizer
        found = list(generator.generate(prompts))
        likely.append([one.logprob for one in sorted(found, key=lambda one: (one.index, one.sample))])
        return {(one.index, one.sample): (one.text, one.finish_reason, one.completion_tokens) for one in found}

    likely = []
    expected = answer()
    assert len(expected) == 24 * options.get("samples", 1)
    assert answer(engine="generate") == expected
    plan, take_back, taken = shared.Plan, Session._take_back, []
    ask, asked = Session._ask, []
    monkeypatch.setattr(shared, "Plan", lambda *fields: plan(*fields[:-2], True, False))
    monkeypatch.setattr(
        Session, "_take_back", lambda self, rows, tokens: (taken.extend(tokens), take_back(self, rows, tokens))
    )
    monkeypatch.setattr(
        Session,
        "_ask",
        lambda self, sent, told, seats, masks: asked.extend(seats) or ask(self, sent, told, seats, masks),
    )
    assert answer() == expected
    assert taken
    # What is drawn has no likeliest tokens that come along; else few have to ask for more.
    assert asked if seed % 2 else len(asked) < len(taken)
    before, few = len(asked), len(taken)
    monkeypatch.setattr(news, "SPARE", 1)
    assert answer() == expected
    # What closes a statement is known without asking.
    closers = sum(token in CLOSERS for token in taken[few:])
    assert len(asked) - before >= len(taken) - few - (0 if seed % 2 else closers)
    for one in likely:
        assert one == pytest.approx(likely[0], abs=1e-4) if seed % 2 else not any(one)


@pytest.mark.parametrize("generous", [False, True])
def test_what_is_drawn_in_place_of_a_refused_token_is_drawn_among_the_others(generous):
    """Of probabilities 5, 3 and 2 the first is refused: the others come as 3 to 2, whatever the mask says of it."""

    class Track:
        finished = False

        def advance(self, token):
            return token != 0

    def fill(tracks, bits):
        bits[:] = 0
        bits[:, 0] = 0b111 if generous else 0b110

    decoding, rows = Decoding(temperature=1.0), []
    for index in range(6_000):
        row = Row(Request(Prompt(index, "", ""), (), (1,)))
        row.track = Track()
        rows.append(row)
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().repeat(len(rows), 1)
    keys, drawn = torch.tensor([decoding.key(row) for row in rows]), torch.zeros(len(rows), dtype=torch.long)
    first = choose(logits, keys, drawn, decoding)
    at = (first == 0).nonzero()[:, 0]
    redraw = Redraw(keys, drawn, decoding).of(at)
    again = Masks(Grammar(None, fill, None)).choose(logits[at], [rows[one] for one in at], [0] * len(at), redraw)
    found = Counter([token for token in first.tolist() if token] + again)
    assert set(found) == {1, 2}
    # Four standard deviations of 6,000 draws.
    assert abs(found[1] / len(rows) - 0.6) < 0.026
