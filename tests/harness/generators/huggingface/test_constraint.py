"""A constraint in front of the choice; the one here is a fake that knows a few words."""

import random
import sys
import types

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from harness.generators.huggingface import shared
from harness.generators.huggingface.choosing import Redraw
from harness.generators.huggingface.loops import is_loop
from harness.generators.huggingface.masks import Grammar, Masks
from harness.generators.huggingface.rows import Decoding, Request, Row
from harness.types import Dataset, Example, Prompt, Schema

pytestmark = pytest.mark.torch

NEXT = {
    "one": [[1], [2, 3], [4], [5], [7, 8, 10], [0]],
    "two": [[1, 11], [11, 0], [0]],
    "whole": [[1], [2], [6, 4], [2]],
    "stuck": [[1], []],
}
"""For each schema, the tokens that may come next, one after the other; 0 is the end token, 6 a semicolon."""


class Track:
    def __init__(self, words):
        self.words = words or [[]]
        self.taken = 0

    def fill(self, row):
        row[:] = 0
        for token in self.words[self.taken]:
            row[token // 32] |= 1 << (token % 32)

    def hurry(self):
        """There is nothing that could be left out."""

    opening = np.zeros(1, dtype="uint32")

    def closer(self):
        """There is nothing that could be closed."""

    def advance(self, token):
        allowed = token in self.words[self.taken]
        self.taken += allowed
        return allowed

    @property
    def finished(self):
        return self.words[self.taken] == [0]


class Constraint:
    def __init__(self, tokenizer, level, *, vocabulary, ends):
        assert (level, vocabulary, ends) == ("schema", 14, [0])
        self.vocabulary = vocabulary

    def start(self, schema):
        return Track(NEXT[schema.db_id])


def fill_all(tracks, bits):
    assert (bits.dtype, bits.shape) == ("uint32", (len(tracks), 1))
    for track, row in zip(tracks, bits, strict=True):
        track.fill(row)


NAMES = ["one", "two", "whole", "stuck"] * 6
DATASET = Dataset(
    "d",
    "dev",
    tuple(Example(index, name, "", "") for index, name in enumerate(NAMES)),
    {name: Schema(name, ()) for name in NEXT},
    {},
)
PROMPTS = [
    Prompt(index, f"SELECT {'a ' * (3 + len(name))}", "Q " * (1 + index % 5)) for index, name in enumerate(NAMES)
]


@pytest.fixture
def complete(monkeypatch, make_generator, folder):
    module = types.ModuleType("harness.decoding.constraint")
    module.build_constraint, module.fill_all = Constraint, fill_all
    monkeypatch.setitem(sys.modules, "harness.decoding.constraint", module)

    def run(beginnings=None, **options):
        generator = make_generator(folder, constraint="schema", batch_size=8, **options)
        tokenizer, generator = generator.tokenizer, generator.bind(DATASET)
        vars(generator)["tokenizer"] = tokenizer
        found = generator.generate(PROMPTS)
        if beginnings:
            found = generator.generate_from(PROMPTS, beginnings, [frozenset("b")] * len(PROMPTS))
        return {(one.index, one.sample): (one.text.split(), one.finish_reason) for one in found}

    return run


def check(found):
    texts = {name: {tuple(text) for (index, _), (text, _) in found.items() if NAMES[index] == name} for name in NEXT}
    assert {(text[0], *text[2:4]) for text in texts["one"]} == {("SELECT", "FROM", "t")}
    assert {text[1] for text in texts["one"]} <= {"a", "b"}
    assert {text[4] for text in texts["one"]} <= {"WHERE", "=", "y'"}
    assert {len(text) for text in texts["one"]} == {5}
    assert texts["two"] <= {("SELECT", "1"), ("1", "1"), ("SELECT",), ("1",)}
    assert texts["whole"] <= {("SELECT", "a", ";"), ("SELECT", "a", "FROM", "a")}
    assert texts["stuck"] == {("SELECT",)}
    assert {reason for _, reason in found.values()} == {"stop"}


@pytest.fixture
def endless(monkeypatch):
    """Let the third schema go on until its semicolon or the limit of tokens."""
    monkeypatch.setitem(NEXT, "whole", [[1], [2], [6]])


def test_nothing_is_written_that_the_constraint_forbids(complete, endless):
    found = complete()
    assert len(found) == len(PROMPTS)
    check(found)
    assert complete(engine="generate") == found


def test_samples_are_constrained_each_for_itself(complete, endless):
    found = complete(samples=4, temperature=3.0)
    assert len(found) == 4 * len(PROMPTS)
    check(found)
    assert len({tuple(text) for text, _ in found.values()}) > 8
    assert complete(samples=4, temperature=3.0, engine="generate") == found


def test_a_constrained_row_does_not_go_round_in_circles(complete, endless, monkeypatch):
    monkeypatch.setitem(NEXT, "one", [[1], *([[2, 3]] * 60), [0]])
    found = complete(max_new_tokens=60)
    for (index, _), (text, _) in found.items():
        assert NAMES[index] != "one" or not any(is_loop(text[:place], text[place]) for place in range(len(text)))
    assert max(len(text) for text, _ in found.values()) > 16


def test_reading_a_step_behind_changes_nothing(complete, endless, monkeypatch):
    found = complete()
    plan = shared.Plan
    monkeypatch.setattr(shared, "Plan", lambda *fields: plan(*fields[:-2], True, False))
    assert complete() == found


def test_what_was_begun_is_gone_on_with_and_is_free_where_the_grammar_does_not_have_it(complete, endless):
    beginnings = ["SELECT " if index % 3 else "FROM " for index in range(len(PROMPTS))]
    found = complete(beginnings)
    begun = {(index, sample): one for (index, sample), one in found.items() if index % 3}
    check(begun)
    assert {text[1] for (index, _), (text, _) in begun.items() if NAMES[index] == "one"} == {"a"}
    free = [text for (index, _), (text, _) in found.items() if not index % 3]
    assert all(text[0] == "FROM" and text[1:2] != ["b"] for text in free)
    assert any(len(text) > 6 for text in free)
    assert complete(beginnings, engine="generate") == found


def test_in_its_last_tokens_a_row_closes_what_it_can_and_opens_only_what_it_must(complete, endless, monkeypatch):
    """Token 6 closes, 3 opens; which others may come changes so that nothing repeats."""
    drawn = random.Random(1)
    free = [sorted({2, 3, drawn.randrange(2, 6)}) for _ in range(60)]
    monkeypatch.setitem(NEXT, "one", [[1], *([*few, 6] for few in free)])
    monkeypatch.setitem(NEXT, "two", [[1], *free[:30], [3], [3], [2, 3], [6]])
    monkeypatch.setattr(Track, "opening", np.array([0b1000], dtype="uint32"))
    monkeypatch.setattr(Track, "closer", lambda self: 6 if 6 in self.words[self.taken] else None)
    found = complete(max_new_tokens=40)
    assert complete(max_new_tokens=40, engine="generate") == found
    for (index, _), (text, reason) in found.items():
        if NAMES[index] == "one":
            assert len(text) <= 26
        if NAMES[index] == "two":
            assert (len(text), reason) == (35, "stop")
            assert "b" not in text[25:31]
            assert text[31:] == ["b", "b", "a", ";"]


@pytest.mark.parametrize(("tokens", "patience", "stretch"), [(64, 40, 40), (256, 160, 208), (1_000, 625, 952)])
def test_a_row_is_in_a_hurry_before_it_closes_what_it_can(complete, make_generator, folder, tokens, patience, stretch):
    generator = make_generator(folder, constraint="schema", max_new_tokens=tokens)
    tokenizer, bound = generator.tokenizer, generator.bind(DATASET)
    vars(bound)["tokenizer"] = tokenizer
    grammar = bound._build_grammar()
    assert (grammar.patience, grammar.stretch) == (patience, stretch)
    assert bound.manifest["decoding"]["constraint_version"] >= 2


def test_logits_may_be_narrower_than_what_opens():
    """A tokeniser may have more tokens than its model."""

    class Closing(Track):
        opening = np.array([0b1100, 0b1], dtype="uint32")

        def advance(self, token):
            return token == 30

    def fill(tracks, bits):
        bits[:] = 1 << 30 | 0b1100

    row = Row(Request(Prompt(0, "", ""), (), (1,)), track=Closing([]))
    logits = torch.zeros(1, 32)
    logits[0, :20] = 1.0
    redraw = Redraw(torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.long), Decoding())
    assert Masks(Grammar(None, fill, None, stretch=0)).choose(logits, [row], [2], redraw) == [30]
