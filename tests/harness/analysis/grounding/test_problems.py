"""What is said of a name that does not exist: its kind, where it is, what is near."""

import pytest

from harness.analysis.grounding import KINDS, Problem, ground
from harness.types import Column, Schema, Table


def table(name, *columns):
    return Table(name, tuple(Column(column) for column in columns))


HEROES = Schema(
    "heroes",
    (
        table("superhero", "id", "superhero_name", "full_name", "height_cm", "publisher_id"),
        table("publisher", "id", "publisher_name", "founded"),
        table("hero_power", "hero_id", "power_id"),
        table("Frpm", "CDSCode", "Enrollment (K-12)"),
    ),
)


def only(sql):
    (problem,) = ground(sql, HEROES).problems
    return problem


@pytest.mark.parametrize(
    ("sql", "kind", "name", "where", "suggestion"),
    [
        ("SELECT id FROM heroes", "unknown_table", "heroes", "", "superhero"),
        ("SELECT id FROM zzz", "unknown_table", "zzz", "", ""),
        ("WITH tallest AS (SELECT 1) SELECT * FROM tallst", "unknown_table", "tallst", "", "tallest"),
        (
            "SELECT superhero.hero_name FROM superhero",
            "unknown_column",
            "superhero.hero_name",
            "superhero",
            "superhero_name",
        ),
        ("SELECT T1.Hero_Name FROM superhero T1", "unknown_column", "T1.Hero_Name", "superhero", "superhero_name"),
        ("SELECT heroName FROM superhero", "unknown_column", "heroName", "", "superhero_name"),
        ("SELECT enrollment FROM frpm", "unknown_column", "enrollment", "", "`Enrollment (K-12)`"),
        ("SELECT zzz FROM superhero", "unknown_column", "zzz", "", ""),
        ("SELECT height_cm FROM publisher", "wrong_scope", "height_cm", "superhero", ""),
        ("SELECT id FROM hero_power", "wrong_scope", "id", "superhero, publisher", ""),
        ("SELECT b.height_cm FROM superhero a, publisher b", "wrong_scope", "b.height_cm", "superhero", "a.height_cm"),
        ("SELECT superhero.id FROM superhero AS T1", "wrong_scope", "superhero.id", "superhero", "T1.id"),
        ("SELECT T9.height_cm FROM superhero AS T1", "wrong_scope", "T9.height_cm", "superhero", "T1.height_cm"),
        ("SELECT id FROM (SELECT height_cm FROM superhero)", "wrong_scope", "id", "superhero, publisher", ""),
        ("SELECT superhero.* FROM superhero AS T1", "wrong_scope", "superhero.*", "superhero", "T1.*"),
        ("SELECT id FROM superhero a, publisher b", "ambiguous", "id", "a, b", "a.id"),
        ("SELECT YEAR(founded) FROM publisher", "unknown_function", "YEAR", "", "strftime"),
        ("SELECT lenght(founded) FROM publisher", "unknown_function", "lenght", "", "length"),
        ('SELECT "full_nmae" FROM superhero', "quoted_string", "full_nmae", "", "full_name"),
    ],
)
def test_a_problem_says_what_where_and_what_else(sql, kind, name, where, suggestion):
    assert only(sql) == Problem(kind, name, where, suggestion)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT superhero.hero_name FROM superhero",
            "unknown column superhero.hero_name (did you mean superhero_name?)",
        ),
        (
            "SELECT T1.hero_name FROM superhero T1",
            "unknown column T1.hero_name in superhero (did you mean superhero_name?)",
        ),
        (
            "SELECT height_cm FROM publisher",
            "height_cm is not in scope: it belongs to superhero, which the query does not read",
        ),
        (
            "SELECT id FROM hero_power",
            "id is not in scope: it belongs to superhero and publisher, none of which the query reads",
        ),
        ("SELECT b.height_cm FROM superhero a, publisher b", "b.height_cm is not in scope (did you mean a.height_cm?)"),
        ("SELECT full_name FROM (SELECT id FROM superhero)", "full_name is not in scope: it belongs to superhero"),
        ("SELECT id FROM superhero a, publisher b", "ambiguous column id: a and b have it (did you mean a.id?)"),
        ("SELECT zzz, yyy() FROM publisher", "unknown column zzz; unknown function yyy"),
    ],
)
def test_problems_read_as_clauses(sql, said):
    assert ground(sql, HEROES).explain() == said


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "Sure, here you are",
        "SELECT FROM WHERE",
        "SELECT (((",
        "(" * 5000,
        "FROM superhero",
        "DELETE FROM superhero",
        "WITH q AS (SELECT 1) DELETE FROM superhero",
        "PRAGMA table_info(superhero)",
    ],
)
def test_what_is_no_query_is_unreadable(sql):
    problem = only(sql)
    assert problem.kind == "unreadable"
    assert problem.where
    assert str(problem).startswith("not readable as one query: ")


def test_of_two_statements_the_first_is_grounded_as_sqlite_does():
    grounding = ground("SELECT nope FROM superhero; SELECT 1", HEROES)
    assert [problem.kind for problem in grounding.problems] == ["unknown_column", "unreadable"]
    assert grounding.tables == {"superhero"}


def test_a_name_is_a_problem_once_and_one_missing_table_is_one_problem():
    sql = "SELECT n.a, n.b, c FROM nowhere AS n WHERE n.a = 1 AND superhero_nmae = 2 OR SUPERHERO_NMAE = 3"
    assert [problem.name for problem in ground(sql, HEROES).problems] == ["nowhere"]
    sql = "SELECT nope FROM superhero WHERE NOPE = 1 ORDER BY nope"
    assert [problem.name for problem in ground(sql, HEROES).problems] == ["nope"]


def test_definitions_that_multiply_take_no_time():
    names = [f"q{number}" for number in range(40)]
    previous = ["superhero", *names]
    parts = [
        f"{name} AS (SELECT id FROM {one} WHERE id IN (SELECT id FROM {one}) AND id > (SELECT max(id) FROM {one})"
        f" ORDER BY (SELECT min(id) FROM {one}))"
        for name, one in zip(names, previous, strict=False)
    ]
    sql = f"WITH {', '.join(parts)} SELECT (SELECT id FROM q39), id FROM q39 WHERE id = (SELECT id FROM q39)"
    assert not ground(sql, HEROES).problems
    stars = [f"{name} AS (SELECT * FROM {one} AS a, {one} AS b)" for name, one in zip(names, previous, strict=False)]
    assert not ground(f"WITH {', '.join(stars)} SELECT * FROM q39", HEROES).problems


def test_recursion_without_end_is_unreadable_or_grounded_but_never_raised():
    deep = "SELECT " + "(" * 3000 + "id" + ")" * 3000 + " FROM superhero"
    assert {problem.kind for problem in ground(deep, HEROES).problems} <= {"unreadable"}
    circular = "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT x FROM a"
    assert not ground(circular, HEROES).problems


def test_the_same_question_is_answered_once():
    sql = "SELECT full_name FROM superhero"
    assert ground(sql, HEROES) is ground(sql, HEROES)
    other = Schema("other", (table("superhero", "id"),))
    assert ground(sql, other).problems


def test_every_kind_has_its_words():
    assert {str(Problem(kind, "x")) for kind in KINDS} != {""}
    assert len({str(Problem(kind, "x", "y")) for kind in KINDS}) == len(KINDS)


def test_text_made_to_waste_time_is_answered():
    many = "SELECT " + ", ".join(f"superhero_name{number}" for number in range(3000)) + " FROM superhero"
    problems = ground(many, HEROES).problems
    assert len(problems) == 3000
    assert problems[0].suggestion == "superhero_name"
    assert not problems[-1].suggestion
    assert only("SELECT id FROM superhero WHERE id IN (" + "1, " * 50_000 + "1)").kind == "unreadable"
    joins = "".join(f" LEFT JOIN superhero AS t{number}" for number in range(50))
    assert only(f"SELECT t9.nope FROM publisher{joins}").name == "t9.nope"


def test_of_names_that_differ_in_case_alone_the_first_counts():
    schema = Schema("db", (table("T", "First", "FIRST", "last"), table("t", "other")))
    assert not ground("SELECT first, last FROM t", schema).problems
    assert [problem.suggestion for problem in ground("SELECT frist FROM t", schema).problems] == ["First"]
    assert [problem.name for problem in ground("SELECT other FROM t", schema).problems] == ["other"]
