"""What is kept of a statement's state, and grammars that are compiled beside the decoding: nothing of it may show."""

import random
import re
from concurrent.futures import Future

import pytest

from harness.decoding.constraint import build_byte_constraint
from harness.decoding.lexicon import may_begin
from harness.decoding.lexing import Lexeme, split
from harness.decoding.permits import admits
from harness.decoding.permitting import permit
from harness.decoding.scope import Known, begin
from harness.decoding.states import States
from harness.decoding.steps import step
from harness.decoding.vocabulary import LOWER
from harness.decoding.walks import walk

NAMING = [
    "WITH big AS (SELECT id AS number FROM city), others (a, b) AS (SELECT id, name FROM big) SELECT number FROM big ;",
    "SELECT mayor, COUNT(*) AS howmany FROM city AS places GROUP BY mayor ORDER BY howmany DESC, places.id",
    "SELECT x.`my name` FROM (SELECT name AS `my name`, id AS identity FROM city) AS x WHERE x.identity > 1",
    "SELECT title AS names, opened nam FROM shop AS shops WHERE shops.title = 'names' AND names = 'a' ORDER BY nam",
    "SELECT name AS datum FROM city UNION SELECT `date` AS dates FROM `order` ORDER BY datum",
    "SELECT T1.name AS shop_name, T2.title FROM city T1 JOIN shop stores ON T1.id = stores.city_id;",
]


@pytest.fixture(scope="module")
def letters():
    return build_byte_constraint("schema")


def follow(scope, text):
    """What `State.follow` finds out, without anything that is kept."""
    lexemes, partial = split(text)
    for lexeme in lexemes:
        if not admits(permit.__wrapped__(scope), lexeme):
            return None
        scope = step(scope, lexeme)
    return (scope, partial) if may_begin(permit.__wrapped__(scope), partial.translate(LOWER)) else None


def may_follow(scope, partial, piece):
    """Whether a piece may come letter by letter: a word that begins like a barred one is refused at its beginning."""
    for letter in piece:
        behind = follow(scope, partial + letter)
        if behind is None:
            return False
        scope, partial = behind
    return True


def may_end(scope, partial):
    lexemes, left = split(f"{partial} ")
    for lexeme in lexemes:
        if not admits(permit.__wrapped__(scope), lexeme):
            return False
        scope = step(scope, lexeme)
    return not left and admits(permit.__wrapped__(scope), Lexeme("sign", ";"))


def pieces(drawn, sql):
    """Cut a statement anyhow, and now and then exchange a piece for one of another place."""
    while sql:
        size = drawn.choice([1, 1, 2, 3, 5, 9])
        yield sql[:size]
        if drawn.random() < 0.1:
            start = drawn.randrange(len(sql))
            yield sql[start : start + size]
        sql = sql[size:]


@pytest.mark.parametrize("most", [7, 200_000])
def test_a_state_answers_as_its_scope_does_whatever_is_kept(letters, schema, most):
    drawn, known, compared = random.Random(5), letters._know(schema), 0
    states, refused = States(most), 0
    statements = [*NAMING, *(walk(letters, schema, random.Random(number)).sql for number in range(16))]
    for sql in [*statements, *statements]:
        scope, partial, written = begin(known), "", ""
        state, track = states.of(scope), letters.start(schema)
        for piece in pieces(drawn, sql):
            if track.matcher.deep_copy().try_consume_tokens(list(piece.encode())) < len(piece):
                continue  # what is no SQL need not make sense to a scope
            if re.search(r"\s{3}", written[-2:] + piece):
                continue  # a track has enough of white space, about which no scope is asked
            expected, found = follow(scope, partial + piece), state.follow(partial + piece)
            assert (found is None) == (expected is None)
            compared += 1
            if expected is not None and may_follow(scope, partial, piece):
                (scope, partial), (state, begun) = expected, found
                assert (state.scope, state.permit, begun) == (scope, permit.__wrapped__(scope), partial)
                assert state.may_end(partial) == may_end(scope, partial)
                assert all(map(track.advance, piece.encode()))
                written += piece
            elif expected is None:
                refused += 1
    assert compared > 1_000
    assert refused > 5


def test_states_of_equal_scopes_are_one_until_there_are_too_many(schema):
    known = Known.of(schema)
    states = States(most=3)
    first = states.of(begin(known))
    assert states.of(begin(known)) is first
    behind = [first.follow(text)[0] for text in ("SELECT ", "select ", "SELECT  ")]
    assert behind[0] is behind[1] is behind[2]
    assert first.follow("SELECT\n")[0] is behind[0]
    assert states.of(begin(known)) is not first
    assert first.follow("SELECT ")[0] is behind[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_grammar_that_comes_late_admits_what_one_that_is_there_admits(letters, schema, seed):
    """One track has its grammars at once, the other only when it cannot go on: they take and refuse the same."""
    drawn, late, taken = random.Random(seed), 0, 0
    walks = [walk(letters, schema, random.Random(f"late {seed} {number}")).sql for number in range(4)]
    for sql in [*NAMING, *walks]:
        prompt, slow = letters.start(schema), letters.start(schema)
        for byte in [*sql.encode(), letters.vocabulary - 1]:
            others = [*drawn.sample(range(32, 127), 12), *drawn.sample(list(sql.encode()), 4)]
            tried = [*(others if drawn.random() < 0.1 else []), byte]  # what is refused is what makes it come
            for token in tried:
                prompt.matcher.is_accepting()
                if token != byte and prompt.matcher.deep_copy().try_consume_tokens([token]):
                    continue  # whoever takes it is no longer on the way
                assert prompt.advance(token) == slow.advance(token), (sql, token)
            taken += 1
            late += slow._coming is not None
            assert prompt.finished == slow.finished
            assert (prompt.scope, prompt.partial) == (slow.scope, slow.partial)
    assert taken > 500
    assert late > 20


def test_a_name_is_known_where_it_is_used_however_late_its_grammar_comes(letters, schema, monkeypatch):
    """What is compiled is not waited for before it is needed, and then it is."""
    letters.start(schema).matcher.is_accepting()
    coming, prepare = [], letters.prepare

    class Late(Future):
        def result(self, timeout=None):
            waited.append(self)
            return prepare(schema, self.declared).result()

    def prepare_late(schema, declared):
        if not declared:
            return prepare(schema, declared)
        coming.append(Late())
        coming[-1].declared = declared
        return coming[-1]

    waited = []
    monkeypatch.setattr(letters, "prepare", prepare_late)
    track = letters.start(schema)
    assert all(map(track.advance, b"SELECT mayor, COUNT(*) AS howmany FROM city GROUP BY mayor ORDER BY "))
    assert (len(coming), waited) == (1, [])
    assert all(map(track.advance, b"howman"))
    assert waited == coming
    assert not track.advance(ord("i"))
    assert all(map(track.advance, b"y DESC"))
    assert (len(coming), len(waited)) == (1, 1)
