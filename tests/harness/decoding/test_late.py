"""A statement whose tokens are nearly spent begins nothing that it can do without, and still may end."""

import numpy as np
import pytest

from harness.decoding.constraint import build_byte_constraint


@pytest.fixture(scope="module")
def letters():
    return build_byte_constraint("schema")


def written(letters, schema, begun):
    track = letters.start(schema)
    assert all(map(track.advance, begun.encode()))
    return track


def goes_on(letters, schema, begun, text, *, hurry):
    """Whether a text may follow another; told to hurry between the two."""
    track = written(letters, schema, begun)
    if hurry:
        track.hurry()
    return all(map(track.advance, text.encode()))


BARRED = [
    ("SELECT T1.name, ", "T2.title FROM city AS T1 JOIN shop AS T2"),
    ("SELECT T1.name, ", "total FROM city AS T1 JOIN (SELECT 1 AS total)"),
    ("SELECT a.name, b.title FROM city AS a JOIN ", "`order` AS c JOIN shop AS b"),
    ("SELECT name FROM city WHERE id = 1 ", "AND id = 2"),
    ("SELECT name FROM city WHERE id = 1 ", "OR id = 2"),
    ("SELECT name FROM city WHERE (id = 1 ", "OR id = 2)"),
    ("SELECT name FROM city ", "UNION SELECT name FROM city"),
    ("SELECT name", ", id FROM city"),
    ("SELECT name FROM city ORDER BY name", ", id"),
    ("SELECT city.name FROM city ", "JOIN shop ON shop.city_id = city.id"),
    ("SELECT name FROM city", ", shop"),
    ("SELECT name FROM ", "(SELECT name FROM city)"),
    ("SELECT name FROM city WHERE id = ", "(1)"),
    ("SELECT total FROM (SELECT 1 AS ", "another, 2 AS total)"),
    ("SELECT total FROM (SELECT 1", ", 2 AS total)"),
    ("SELECT amount FROM `order` WHERE ", "date(amount) = 1"),
    ("SELECT amount FROM `order` WHERE ", "date (amount) = 1"),
    ("SELECT name FROM city JOIN shop ON id IN (SELECT city_id FROM", "(SELECT city_id FROM shop))"),
    ("SELECT name FROM city WHERE id = ", "abs(1)"),
    ("SELECT name FROM city WHERE id = ", "CASE WHEN 1 THEN 2 END"),
    ("SELECT name FROM city WHERE ", "EXISTS (SELECT 1)"),
    ("SELECT name FROM city WHERE id IN (", "SELECT id FROM city)"),
    ("SELECT CASE WHEN id = 1 ", "AND id = 2 THEN 3 END FROM city"),
    ("VALUES (1) ", "INTERSECT VALUES (2)"),
]
OWED = [
    ("SELECT name FROM city WHERE id BETWEEN 1 ", "AND 2"),
    ("SELECT name FROM city WHERE id IN ", "(1)"),
    ("SELECT name FROM city WHERE EXISTS (", "SELECT 1)"),
    ("SELECT shop.title FROM city ", "JOIN shop ON shop.city_id = city.id"),
    ("SELECT CASE WHEN id = 1 ", "THEN 3 ELSE 4 END FROM city"),
    ("SELECT name FROM city UNION SELECT 1 FROM (SELECT id, name FROM city) ", "AS x"),
    ("SELECT name, id FROM city UNION SELECT 1", ", 2"),
    ("SELECT CAST(id ", "AS REAL) FROM city"),
    ("SELECT abs(id ", ") FROM city"),
    ("SELECT total FROM ", "(SELECT 1 AS total)"),
    ("SELECT total FROM (SELECT 1", " AS total)"),
    ("SELECT total FROM (SELECT 1 AS another", ", 2 AS total)"),
    ("SELECT SUM(id) OVER ", "() FROM city"),
    ("SELECT SUM(id) FILTER ", "(WHERE id = 1) FROM city"),
    ("SELECT name FROM city WHERE id IN ", "(1)"),
    ("SELECT name FROM city LIMIT ", "(SELECT 1)"),
    ("SELECT CAST(CASE id ", "WHEN 1 THEN 2 END AS REAL) FROM city"),
    ("SELECT name FROM city ", "WHERE id = 1 GROUP BY name ORDER BY name DESC LIMIT 3"),
]


@pytest.mark.parametrize(("begun", "text"), BARRED)
def test_what_can_be_left_out_begins_no_more(letters, schema, begun, text):
    assert goes_on(letters, schema, begun, text, hurry=False)
    assert not goes_on(letters, schema, begun, text, hurry=True)


@pytest.mark.parametrize(("begun", "text"), OWED)
def test_what_a_statement_owes_may_still_come(letters, schema, begun, text):
    assert goes_on(letters, schema, begun, text, hurry=True)


PLACES = [
    "SELECT abs(id ",
    "SELECT CASE id ",
    "SELECT CASE WHEN id = 1 ",
    "SELECT CAST(CASE id ",
    "SELECT IIF(id = 1 ",
    "SELECT COUNT(id ",
    "SELECT SUM(id) OVER (PARTITION BY id ",
    "SELECT COUNT(*) FILTER (WHERE id = 1 ",
    "SELECT id FROM city WHERE id = CASE WHEN id = 1 ",
    "SELECT id FROM city WHERE id LIKE 'a' ",
    "SELECT city.id FROM city JOIN shop ON id = CASE WHEN 1 ",
    "SELECT city.id FROM city JOIN shop ON id = 1 ",
    "SELECT id FROM city ",
    "SELECT id FROM city GROUP BY id ",
    "SELECT id FROM city ORDER BY id ",
    "SELECT id FROM city ORDER BY first_value(id) ",
    "SELECT city.name FROM city ",
    "SELECT shop.title FROM city ",
    "SELECT 1 LIMIT ",
    "SELECT 1 LIMIT (",
    "SELECT 1 LIMIT 1 ",
    "SELECT 1 LIMIT 1, (",
    "VALUES (1) ",
]


@pytest.mark.parametrize("begun", PLACES)
def test_no_three_letters_lead_nowhere(letters, schema, begun):
    """Whatever may come, something may come behind it that is more than white space."""
    waiting = [""]
    while waiting:
        text = waiting.pop()
        track = written(letters, schema, begun)
        track.hurry()
        assert all(map(track.advance, text.encode()))
        row = np.zeros(-(-letters.vocabulary // 32), dtype=np.uint32)
        track.fill(row)
        shown = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little")).tolist()
        more = [chr(one) for one in shown if not letters.is_end(one) and not chr(one).isspace()]
        if not more and not any(map(letters.is_end, shown)):
            assert text.strip() == text != "", (begun, text)
            waiting.append(f"{text} ")
        if len(text) < 3:
            waiting += [text + letter for letter in more if letter.islower() or letter in "()"]


@pytest.mark.parametrize("begun", ["SELECT (SELECT 1 join", "SELECT id FROM city WHERE id IN (SELECT id join"])
def test_a_word_that_may_be_an_alias_or_a_join_is_no_trouble(letters, schema, begun):
    track = written(letters, schema, begun[:-1])
    track.hurry()
    if track.advance(ord(begun[-1])):
        row = np.zeros(-(-letters.vocabulary // 32), dtype=np.uint32)
        track.fill(row)
        assert row.any()


def test_behind_a_between_the_next_condition_is_barred(letters, schema):
    begun = "SELECT name FROM city WHERE id BETWEEN 1 AND 2 "
    assert not goes_on(letters, schema, begun, "AND id = 1", hurry=True)


def test_a_word_that_has_begun_is_finished_first(letters, schema):
    track = written(letters, schema, "SELECT name FROM city WHERE id = 1 AN")
    track.hurry()
    assert not track.scope.late
    assert all(map(track.advance, b"D id = 2 "))
    track.hurry()
    assert track.scope.late
    assert not track.advance(ord("A"))
    assert track.advance(ord(";"))


@pytest.mark.parametrize("begun", [begun for begun, _ in BARRED + OWED])
def test_the_mask_of_a_late_place_is_what_may_come(letters, schema, begun):
    track = written(letters, schema, begun)
    track.hurry()
    row = np.zeros(-(-letters.vocabulary // 32), dtype=np.uint32)
    track.fill(row)
    shown = {int(token) for token in np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))}
    for token in range(128):
        if letters.is_end(token):
            continue
        another = written(letters, schema, begun)
        another.hurry()
        assert (token in shown) == another.advance(token), chr(token)


def test_at_level_syntax_there_is_nothing_to_leave_out(schema):
    track = build_byte_constraint("syntax").start(schema)
    track.hurry()
    assert all(map(track.advance, b"SELECT a FROM b WHERE c AND d"))
