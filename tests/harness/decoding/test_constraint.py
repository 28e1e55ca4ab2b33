import random
import re

import numpy as np
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLTokenizer, TokenizerWrapper

from harness.decoding import signs
from harness.decoding.constraint import GrammarConstraint, build_byte_constraint, fill_all
from harness.decoding.grammar import check
from harness.decoding.walks import walk


@pytest.fixture(scope="module")
def letters():
    return build_byte_constraint("schema")


def mask(constraint, track):
    row = np.zeros(-(-constraint.vocabulary // 32), dtype=np.uint32)
    track.fill(row)
    return set(np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist())


def write(constraint, schema, tokens):
    """Return a track that was led along tokens, and those that its masks did not allow."""
    track, refused = constraint.start(schema), []
    for token in tokens:
        if token not in mask(constraint, track):
            refused.append(token)
            break
        assert track.advance(token)
    return track, refused


STATEMENTS = [
    "SELECT T1.name, T2.title FROM city AS T1 INNER JOIN shop AS T2 ON T1.id = T2.city_id WHERE T1.name = 'x''y'",
    "SELECT COUNT(*) FROM city GROUP BY mayor ORDER BY COUNT(*) DESC",
    "SELECT `Area (km2)` FROM city WHERE mayor IN (SELECT title FROM shop)",
    "SELECT T1.`Area (km2)` AS size FROM city AS T1 ORDER BY size",
    "WITH big AS (SELECT id AS number FROM city) SELECT number FROM big",
    "SELECT T FROM (SELECT name AS T FROM city) WHERE T = 1",
    "SELECT [order_id] FROM [order] AS o WHERE o.[amount] > 3",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_the_masks_allow_every_token_of_a_statement_and_then_its_end(pieces, tokenizer, schema, sql):
    assert check(schema, sql).accepted
    track, refused = write(pieces, schema, tokenizer(sql))
    assert refused == []
    assert tokenizer.eos_token_id in mask(pieces, track)
    assert track.advance(tokenizer.eos_token_id)
    assert track.finished
    assert mask(pieces, track) == set()


@pytest.mark.parametrize("sql", STATEMENTS)
def test_behind_a_semicolon_only_the_end_may_come(pieces, tokenizer, schema, sql):
    track, refused = write(pieces, schema, tokenizer(f"{sql};"))
    assert refused == []
    assert mask(pieces, track) == {tokenizer.eos_token_id}
    assert track.finished


@pytest.mark.parametrize(
    ("begun", "next_one"),
    [
        ("SELECT T1.title FROM city AS T1", " WHERE"),
        ("SELECT T1.title FROM", " city"),
        ("SELECT T1.title FROM shop AS T1 WHERE T2", "."),
        ("SELECT T1.title FROM shop AS T1 WHERE T1", ".name"),
        ("SELECT T1.title FROM shop AS T1 WHERE", " name"),
        ("SELECT title", ";"),
        ("SELECT name FROM city WHERE id IN (SELECT T2.title", ")"),
        ("SELECT name FROM city WHERE id IN (SELECT T2.title", ");"),
        ("SELECT `Area (km2", "`"),
    ],
)
def test_a_token_that_leaves_scope_is_not_allowed(pieces, tokenizer, schema, begun, next_one):
    track, _ = write(pieces, schema, tokenizer(begun))
    token = tokenizer.tokens.index(next_one.encode())
    allowed = mask(pieces, track)
    assert token not in allowed
    assert not track.advance(token)
    assert mask(pieces, track) == allowed
    assert allowed


def test_a_statement_cannot_end_while_it_owes_a_name(pieces, tokenizer, schema):
    track, refused = write(pieces, schema, tokenizer("SELECT T1.name, T2.title FROM city AS T1"))
    assert refused == []
    assert tokenizer.eos_token_id not in mask(pieces, track)
    assert not track.advance(tokenizer.eos_token_id)
    assert all(map(track.advance, tokenizer(" INNER JOIN shop AS T2 ON T1.id = T2.city_id")))
    assert track.advance(tokenizer.eos_token_id)


def test_masks_of_several_rows_are_those_of_each_row(pieces, tokenizer, schema):
    tracks = [write(pieces, schema, tokenizer(sql[: len(sql) // 2]))[0] for sql in STATEMENTS]
    tracks[0] = write(pieces, schema, tokenizer(STATEMENTS[1]))[0]
    assert tracks[0].advance(tokenizer.eos_token_id)
    words = -(-pieces.vocabulary // 32) + 3
    bits = np.full((len(tracks), words), 0xFFFFFFFF, dtype=np.uint32)
    fill_all(tracks, bits)
    for track, row in zip(tracks, bits, strict=True):
        expected = np.full(words, 0xFFFFFFFF, dtype=np.uint32)
        track.fill(expected)
        assert (row == expected).all()
    assert not bits[0].any()


@pytest.mark.parametrize("sql", STATEMENTS)
def test_what_a_mask_allows_may_be_chosen_and_little_else(pieces, tokenizer, schema, sql):
    """The choice is looked at without a mask: a token more may pass, one that scope refuses may not."""
    tokens = tokenizer(sql)
    for size in range(0, len(tokens), 3):
        track, _ = write(pieces, schema, tokens[:size])
        allowed, chosen = mask(pieces, track), set()
        for token in range(pieces.vocabulary):
            if track.advance(token):
                chosen.add(token)
                track, _ = write(pieces, schema, tokens[:size])
        assert allowed <= chosen
        # A mask leaves out white space in front of an argument, tokens that finish one lexeme and begin the next, and
        # where letters are forced all but the longest token.
        more = [tokenizer.tokens[token] for token in chosen - allowed if tokenizer.tokens[token].strip()]
        assert len(more) <= max(2, 0.05 * len(allowed)), more


def test_a_blank_line_does_not_end_a_statement(letters, schema):
    """Whoever reads an answer stops at a blank line, whatever is still owed."""
    track, _ = write(letters, schema, b"SELECT T1.name, T2.title FROM city AS T1\n")
    assert not track.advance(ord("\n"))
    assert track.advance(ord(" "))
    assert all(map(track.advance, b"INNER JOIN shop AS T2\n;"))


def test_level_syntax_follows_no_scope(schema):
    constraint = build_byte_constraint("syntax")
    track, refused = write(constraint, schema, b"SELECT a.nothing FROM nowhere AS b WHERE c = 1")
    assert refused == []
    assert track.advance(ord(";"))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_masks_and_the_check_of_whole_statements_agree(letters, schema, data):
    """Statements with one name exchanged: where the masks stop, the check finds fault, and nowhere else."""
    sql = data.draw(st.sampled_from(STATEMENTS))
    words = sorted(set(re.findall(r"\w+", " ".join(STATEMENTS))))
    old, new = data.draw(st.sampled_from(sorted(set(re.findall(r"\w+", sql))))), data.draw(st.sampled_from(words))
    changed = re.sub(rf"\b{old}\b", new, sql)
    _, refused = write(letters, schema, f"{changed};".encode())
    assert (refused == []) == check(schema, changed).accepted


@pytest.mark.parametrize("seed", range(12))
def test_random_walks_parse_and_name_only_what_exists(letters, schema, prepare, seed):
    walks = [walk(letters, schema, random.Random(f"{seed} {number}")) for number in range(3)]
    assert not [one.sql for one in walks if one.stuck]
    for one in (one for one in walks if one.ended):
        message = prepare(one.sql)
        assert "syntax" not in message, one.sql
        assert "no such" not in message, one.sql
        assert "incomplete" not in message, one.sql
        assert check(schema, one.sql).accepted, one.sql


def test_most_random_walks_end_and_most_of_those_prepare(letters, schema, prepare):
    walks = [walk(letters, schema, random.Random(number)) for number in range(40)]
    ended = [one.sql for one in walks if one.ended]
    assert len(ended) >= 30
    assert sum(not prepare(sql) for sql in ended) >= 0.75 * len(ended)
    assert sum(_parses(sql) for sql in ended) >= 0.8 * len(ended)


def _parses(sql):
    try:
        sqlglot.parse_one(sql, read="sqlite")
    except sqlglot.errors.SqlglotError:
        return False
    return True


@pytest.mark.parametrize("begun", ["SELECT name", "SELECT name FROM", "SELECT COUNT"])
def test_white_space_is_no_way_out(pieces, tokenizer, schema, begun):
    """A model that may not write what it wants would go on with it until its tokens are spent."""
    space, line = (tokenizer.tokens.index(text) for text in (b" ", b"\n"))
    track = pieces.start(schema)
    assert all(map(track.advance, tokenizer(begun)))
    assert track.advance(space)
    assert track.advance(space)
    assert not mask(pieces, track) & {space, line}
    assert not track.advance(space)
    assert not track.advance(line)
    assert mask(pieces, track)


def test_in_a_text_white_space_is_as_good_as_anything(pieces, tokenizer, schema):
    track = pieces.start(schema)
    assert all(map(track.advance, tokenizer("SELECT name FROM city WHERE name = 'a     b'")))


TEXTS = [
    "SELECT name FROM city WHERE name = 'T1 order by (x), é `a` [b] \"c\" it''s; 1' AND id = 1",
    "SELECT name AS 'a name' FROM city WHERE name LIKE '%x' ESCAPE '!'",
    "SELECT 'x' || name || '' FROM city WHERE id IN ('1', '2')",
    "SELECT `Area (km2)` FROM city WHERE name = 'x日本y (z' OR mayor = 'Ł'",
]


@pytest.mark.parametrize("level", ["schema", "syntax"])
@pytest.mark.parametrize("sql", TEXTS)
def test_a_mask_inside_a_text_is_what_the_grammar_says_there(tokenizer, schema, sql, level):
    wrapped = LLTokenizer(TokenizerWrapper(tokenizer))
    constraint = GrammarConstraint(wrapped, level, wrapped.vocab_size)
    track, again, kept = constraint.start(schema), constraint.start(schema), 0
    for place, token in enumerate(tokenizer(sql)):
        kept += track.known
        allowed = mask(constraint, track)
        again = constraint.start(schema)  # nobody has asked it inside the text
        assert all(map(again.advance, tokenizer(sql)[:place]))
        assert allowed == mask(constraint, again)
        assert track.advance(token)
    assert kept > 0


BEGUN = [
    "",
    "SELECT name FROM city WHERE id = 1 AND (mayor IN (SELECT title FROM shop) OR id > 2)",
    "SELECT COUNT(name) FILTER (where id > 1) OVER (order BY id), T2.title FROM city, shop AS T2",
    "SELECT name FROM city WHERE id IN (SELECT COUNT(*) FILTER (where shop_id = 1) FROM shop)",
    "SELECT CAST(id AS DECIMAL(10,2)), -id, random() FROM city JOIN shop ON city_id = id ORDER BY name COLLATE NOCASE",
    "WITH a(id, n) AS (VALUES (1,2),(3,4)) SELECT n FROM a UNION SELECT COUNT(DISTINCT name) FROM city LIMIT -1",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM shop WHERE shop_id = 2) THEN name ELSE 'x' END FROM city",
    'SELECT city.mayor FROM city, city AS T1 WHERE city.id IN () AND city.name = "it""s"',
]


@pytest.mark.parametrize("begun", BEGUN)
def test_what_saves_work_takes_no_token_away(led, schema, begun, monkeypatch):
    """Masks with the tables of what the grammar refuses anyway are those without."""
    wrapped = LLTokenizer(TokenizerWrapper(led))
    quick, thorough = (GrammarConstraint(wrapped, "schema", wrapped.vocab_size) for _ in range(2))
    places = 0
    for seed in range(6):
        drawn, tokens = random.Random(seed), led(begun)
        one, other = quick.start(schema), thorough.start(schema)
        late = drawn.randrange(60)
        for place in range(len(tokens) + 30):
            if seed and place == late:
                one.hurry(), other.hurry()
            allowed = mask(quick, one)
            with monkeypatch.context() as without:
                without.setattr(signs, "_LEADS", {})
                without.setattr(signs, "_IMPOSSIBLE", {})
                assert allowed == mask(thorough, other), (tokens[:place], seed)
            places += 1
            some = drawn.sample(sorted(allowed), len(allowed))
            tried = [*tokens[place : place + 1], *sorted(some, key=lambda token: token < 256)]
            token = next((token for token in tried if one.advance(token)), None)
            assert seed or place >= len(tokens) or token == tokens[place], led.tokens[tokens[place]]
            if token is None or quick.is_end(token):
                break
            assert other.advance(token)
    assert places > 60
