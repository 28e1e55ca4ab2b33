"""The trap of double quotes: a name that means nothing is a string to SQLite, and nobody is told."""

import pytest

from harness.analysis.grounding import ground

TRAPS = [
    'SELECT "nmae" FROM hero',
    'SELECT name, "nmae" AS n FROM hero',
    'SELECT count("nmae") FROM hero',
    'SELECT count(DISTINCT "nmae") FROM hero',
    'SELECT sum("height in cm") FROM hero',
    'SELECT round("nmae", 2) FROM hero',
    "SELECT name FROM hero WHERE \"nmae\" = 'Bob'",
    "SELECT name FROM hero WHERE 'Bob' = (\"nmae\")",
    'SELECT name FROM hero WHERE "nmae" > 3',
    "SELECT name FROM hero WHERE \"nmae\" LIKE '%b'",
    "SELECT name FROM hero WHERE \"nmae\" IN ('a', 'b')",
    'SELECT name FROM hero WHERE "nmae" BETWEEN 1 AND 2',
    'SELECT name FROM hero WHERE "nmae" IS NULL',
    'SELECT name FROM hero WHERE "nmae"',
    'SELECT name FROM hero WHERE "a" = "b"',
    'SELECT name FROM hero WHERE height = "hero_id"',
    'SELECT name FROM hero GROUP BY "nmae"',
    'SELECT name FROM hero ORDER BY "nmae"',
    'SELECT "nmae" * 2 FROM hero',
    'SELECT -"nmae" FROM hero',
    "SELECT CASE \"nmae\" WHEN 'x' THEN 1 END FROM hero",
    'SELECT CASE WHEN "nmae" THEN 1 END FROM hero',
    'SELECT max("nmae") FROM hero GROUP BY name',
    'SELECT name FROM hero LIMIT "nmae"',
    'SELECT CAST("nmae" AS TEXT) FROM hero',
]
STRINGS = [
    'SELECT name FROM hero WHERE name = "Bob"',
    'SELECT name FROM hero WHERE "Bob" = name',
    'SELECT name FROM hero WHERE name <> ("Bob")',
    'SELECT name FROM hero WHERE lower(name) = "bob"',
    'SELECT name FROM hero WHERE name LIKE "%b%"',
    'SELECT name FROM hero WHERE name IN ("a", "b")',
    'SELECT name FROM hero WHERE name BETWEEN "a" AND "b"',
    'SELECT name FROM hero WHERE name IS NOT "Bob"',
    'SELECT name || " " || height FROM hero',
    'SELECT iif(height > 2, "tall", "small") FROM hero',
    'SELECT CASE WHEN height > 2 THEN "tall" ELSE "small" END FROM hero',
    'SELECT CASE name WHEN "Bob" THEN 1 END FROM hero',
    'SELECT replace(name, "x", "y") FROM hero',
    'SELECT date("now"), strftime("%Y", "now") FROM hero',
]
NAMES = [
    'SELECT "name" FROM hero',
    'SELECT "NAME", hero."name" FROM "hero"',
    'SELECT name AS "full name" FROM hero ORDER BY "full name"',
    'SELECT "n" FROM (SELECT name AS "n" FROM hero)',
]


def compiles_only_in_double_quotes(sql, database):
    """Whether SQLite takes the statement, but not with the names in quotes that never make strings."""
    return not database.refusal(sql) and "no such column" in database.refusal(sql.replace('"', "`"))


@pytest.mark.parametrize("sql", TRAPS)
def test_a_string_where_a_name_was_meant_is_a_problem(sql, database, schema):
    assert compiles_only_in_double_quotes(sql, database)
    assert {problem.kind for problem in ground(sql, schema).problems} == {"quoted_string"}


@pytest.mark.parametrize("sql", STRINGS)
def test_a_string_in_the_wrong_quotes_is_none(sql, database, schema):
    assert compiles_only_in_double_quotes(sql, database)
    assert not ground(sql, schema).problems


@pytest.mark.parametrize("sql", NAMES)
def test_a_name_in_double_quotes_is_a_name(sql, database, schema):
    assert not database.refusal(sql.replace('"', "`"))
    assert not ground(sql, schema).problems


@pytest.mark.parametrize("sql", ["SELECT `nmae` FROM hero", "SELECT [nmae] FROM hero", 'SELECT hero."nmae" FROM hero'])
def test_other_quotes_and_qualified_names_never_make_strings(sql, database, schema):
    assert "no such column" in database.refusal(sql)
    assert [problem.kind for problem in ground(sql, schema).problems] == ["unknown_column"]
