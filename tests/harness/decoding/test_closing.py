"""A statement in its very last tokens closes what can be closed and opens nothing, so that it comes to its end."""

import random

import numpy as np
import pytest
import sqlglot
from llguidance import LLTokenizer, TokenizerWrapper

from harness.decoding.closing import index_closing
from harness.decoding.constraint import GrammarConstraint, build_byte_constraint


def allowed(constraint, track):
    row = np.zeros(-(-constraint.vocabulary // 32), dtype=np.uint32)
    track.fill(row)
    return row


def tokens(bits):
    return np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")).tolist()


def end(constraint, track, drawn, *, most):
    """Close a statement that a model would rather go on with; return what was written for it, None where it went on."""
    text = []
    for _ in range(most):
        track.hurry()
        token = track.closer()
        if token is None or not track.advance(token):
            assert token is None
            may_come = allowed(constraint, track)
            calm = may_come.copy()
            calm[: len(track.opening)] &= ~track.opening
            worth = tokens(calm) or tokens(may_come)
            # Whoever draws letters at random finishes no word; and a mask is generous to tokens of two lexemes.
            space = [one for one in worth if constraint.text(one) == " " and drawn.random() < 0.5]
            tried = [*space, *drawn.sample(worth, len(worth)), *tokens(may_come)]
            token = next((one for one in tried if track.advance(one)), None)
            assert token is not None, "".join(text)
        if constraint.is_end(token):
            return "".join(text)
        text.append(constraint.text(token))
    return None


@pytest.mark.parametrize("level", ["schema", "syntax"])
def test_whatever_was_written_comes_to_its_end_and_parses(schema, tokenizer, level, prepare):
    wrapped = LLTokenizer(TokenizerWrapper(tokenizer))
    constraint = GrammarConstraint(wrapped, level, wrapped.vocab_size)
    for seed in range(40):
        drawn = random.Random(seed)
        track, text = constraint.start(schema), ""
        for _ in range(drawn.randrange(90)):
            may_come = [one for one in tokens(allowed(constraint, track)) if not constraint.is_end(one)]
            if not may_come:
                assert track.closer() is not None, text
                break
            # A walk that opens whatever it can, since that is what has to be closed.
            opening = [one for one in may_come if not set(constraint.text(one)).isdisjoint("('[\"`")]
            tried = drawn.sample(opening if opening and drawn.random() < 0.3 else may_come, 1)
            tried += drawn.sample(may_come, len(may_come))
            text += constraint.text(next(token for token in tried if track.advance(token)))
        closing = end(constraint, track, drawn, most=1_000)
        assert closing is not None, text
        whole = (text + closing).encode("latin-1").decode("utf-8", "replace")
        message = prepare(whole)
        assert "syntax error" not in message, whole
        assert "no such" not in message or level == "syntax", whole


@pytest.mark.parametrize(
    ("begun", "closer"),
    [
        ("SELECT name FROM city", None),
        ("SELECT name FROM city WHERE id = 1 ", ""),
        ("SELECT name FROM city WHERE (id = 1", ")"),
        ("SELECT abs(abs(id", ")"),
        ("SELECT name FROM city WHERE name = 'a (b", "'"),
        ("SELECT name FROM city WHERE name = 'it'", ""),
        ("SELECT name FROM city WHERE name = 'it''", "'"),
        ("SELECT name FROM city WHERE `Area (km2)", "`"),
        ("SELECT CASE WHEN id = 1", " THEN"),
        ("SELECT CASE WHEN id = 1 THEN 2", " END"),
        ("SELECT name FROM city WHERE id BETWEEN 1", " AND"),
        ("SELECT name", " FROM"),
        ("SELECT name FROM city WHERE id = ", None),
        # AND may come, and closes nothing: the WHEN and the AS are the row's own to write.
        ("SELECT CASE id", None),
        ("SELECT CAST(id", None),
        ("SELECT T1.title, T2.name FROM shop AS T1", None),
    ],
)
def test_what_closes_most_comes_first(pieces, tokenizer, schema, begun, closer):
    track = pieces.start(schema)
    assert all(map(track.advance, tokenizer(begun)))
    track.hurry()
    before = allowed(pieces, track)
    found = track.closer()
    if closer is None and begun.endswith("city"):
        assert pieces.is_end(found)
    elif closer is None:
        assert found is None
    else:
        assert pieces.is_end(found) if not closer else pieces.text(found) == closer, pieces.text(found)
    assert (allowed(pieces, track) == before).all()


def test_without_such_tokens_there_is_nothing_to_close_with(schema):
    letters = build_byte_constraint("schema")
    track = letters.start(schema)
    assert all(map(track.advance, b"SELECT CASE WHEN id = 1 "))
    assert track.closer() is None


def test_capitals_come_before_small_letters_and_the_end_before_all():
    closing = index_closing(["x", " end", " END", ")", ";", "'", " (", "a=b", "<end>", " ", " AND"], [8])
    closers = ((8,), (4,), (3,), (2, 9), (1, 9))
    assert closing.candidates("", ranging=False) == closers
    assert closing.candidates("", ranging=True) == (*closers, (10, 9))
    assert closing.candidates("'abc", ranging=True) == ((5,),)
    assert closing.candidates("`abc", ranging=False) == ()
    assert closing.candidates("x'a", ranging=False) == ((5,),)
    assert tokens(closing.opening) == [6, 7, 8]
    assert tokens(closing.spaces) == [9]


def test_what_was_closed_parses_for_others_too(pieces, tokenizer, schema):
    track = pieces.start(schema)
    begun = "SELECT name FROM city WHERE id IN (SELECT abs(city_id"
    assert all(map(track.advance, tokenizer(begun)))
    track.hurry()
    sqlglot.parse_one(begun + end(pieces, track, random.Random(1), most=200), dialect="sqlite")
