import os

import pytest

from harness.datasets import load, to_ddl
from harness.decoding.golds import check_golds, summarise_golds
from harness.decoding.grammar import check, render_grammar
from harness.execution import Executor
from harness.types import Column, Schema, Table

ACCEPTED = """
SELECT 1
select name from city;
SELECT T1.name, T2.title FROM city AS T1 INNER JOIN shop AS T2 ON T1.id = T2.city_id WHERE T2.opened > 1990
SELECT `Area (km2)`, [mayor], "name" FROM city
SELECT T1.`Area (km2)` FROM city T1
SELECT COUNT(*), COUNT(DISTINCT name), MAX(id) FROM city GROUP BY mayor HAVING COUNT(*) > 1 ORDER BY COUNT(*) DESC
SELECT name FROM city WHERE id IN (SELECT city_id FROM shop WHERE title LIKE '%x%') LIMIT 3 OFFSET 1
SELECT name FROM city WHERE name IN ('a', 'it''s') OR id NOT BETWEEN -1 AND 2 + 3
SELECT name FROM city WHERE EXISTS (SELECT 1 FROM shop WHERE shop.city_id = city.id)
SELECT CASE WHEN id = 1 THEN 'one' ELSE NULL END AS word FROM city ORDER BY word
SELECT CAST(SUM(amount) AS REAL) * 100 / COUNT(order_id) FROM `order`
SELECT RANK() OVER (PARTITION BY mayor ORDER BY id DESC) AS place, name FROM city
SELECT rnk FROM (SELECT RANK() OVER (ORDER BY id) AS rnk FROM city) WHERE rnk = 1
SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM city
WITH big AS (SELECT id, name FROM city WHERE id > 5) SELECT big.name FROM big
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9) SELECT x FROM n
SELECT name FROM city UNION SELECT title FROM shop EXCEPT SELECT language FROM set_translations ORDER BY name
SELECT * FROM city AS T1, shop AS T2 WHERE T1.id = T2.city_id
SELECT T1.* FROM city AS T1 CROSS JOIN shop
SELECT T.name FROM (SELECT name FROM city) AS T
SELECT T FROM (SELECT CASE WHEN id = 1 THEN name END AS T FROM city) WHERE T IS NOT NULL
SELECT title FROM shop JOIN `order` USING (shop_id)
SELECT title FROM shop NATURAL JOIN `order`
SELECT T1.end FROM shop AS T1 LEFT OUTER JOIN city AS T2 ON T1.city_id = T2.id
SELECT T2.name FROM shop AS T1, city AS T2
SELECT T2.name FROM city AS T2 INNER JOIN shop AS T1 ON T1.city_id = T2.id
SELECT name FROM city WHERE name = "Paris" COLLATE NOCASE
SELECT strftime('%Y', opened) FROM shop WHERE date(opened) = '2000-01-01'
SELECT COUNT (*) FROM city
SELECT s.title FROM shop s WHERE s.city_id = (SELECT id FROM city ORDER BY id LIMIT 1)
SELECT (SELECT COUNT(*) FROM shop) - (SELECT COUNT(*) FROM city)
SELECT st.language FROM set_translations AS st
SELECT name FROM city WHERE mayor IS NOT NULL AND NOT id = 1 AND x'00ff' <> name
SELECT name COUNT FROM city
VALUES (1, 'a'), (2, 'b')
SELECT name
FROM city
WHERE id = 1
SELECT 'é' || name FROM city
"""
REFUSED = {
    "SELECT title FROM city": "the end",  # a column of another table
    "SELECT population FROM city": "population",
    "SELECT T1.population FROM city AS T1": "population",
    "SELECT T1.title FROM city AS T1": "city",
    "SELECT name FROM town": "town",
    "SELECT T2.name FROM city AS T1": "the end",
    "SELECT T1.id FROM city AS T1 WHERE T1.id = (SELECT MAX(T1.title) FROM shop)": ")",
    "SELECT id FROM city WHERE id = (SELECT city_id FROM shop ORDER BY mayor)": "mayor",
    "SELECT T1.id FROM city AS T1 JOIN shop AS T2 JOIN `order` AS T3 WHERE 1 = (SELECT shop_id FROM city)": ")",
    "SELECT T1.name FROM city AS T1 WHERE T2.id = 1": "T2",
    "SELECT T1.name FROM city AS T1 WHERE T1.title = 1": "title",
    "SELECT name FROM city ORDER BY nothing": "nothing",
    "SELECT shop.name FROM shop": "name",
    "SELECT name FROM city WHERE COUNT(id) > 1": "COUNT",
    "SELECT name FROM city ORDER BY COUNT(id)": "COUNT",
    "SELECT SUM(COUNT(id)) FROM city": "COUNT",
    "SELECT frobnicate(id) FROM city": "frobnicate",
    "SELECT substr(name) FROM city": ")",
    "SELECT RANK() FROM city": "FROM",
    "SELECT name FROM city WHERE id = (SELECT id, name FROM city)": ",",
    "SELECT id FROM city UNION SELECT shop_id, title FROM shop": ",",
    "SELECT * WHERE 1": "WHERE",
    "SELECT name FROM city GROUP BY": "the end",
    "SELECT name FROM city WHERE": "the end",
    "SELECTname FROM city": "SELECTname",
    "SELECT name FROM city -- a comment": "-",
    "SELECT T1.shop_id FROM shop AS T1 JOIN `order` AS T2 WHERE shop_id = 1": "shop_id",
    "SELECT title FROM shop JOIN city USING (shop_id)": "USING",
    "DELETE FROM city": "DELETE",
    "SELECT name FROM city LIMIT 3 UNION SELECT title FROM shop": "UNION",
    "WITH a AS (SELECT id FROM city) SELECT name FROM a": "the end",
    "": "the end",
}


def statements():
    lines, found = ACCEPTED.strip().splitlines(), []
    for line in lines:
        if line.split()[0] in ("FROM", "WHERE"):
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


@pytest.mark.parametrize("sql", statements())
def test_what_sqlite_takes_is_accepted(schema, prepare, sql):
    assert prepare(sql) == ""
    assert check(schema, sql).accepted, check(schema, sql)
    assert check(schema, sql, "syntax").accepted


@pytest.mark.parametrize(("sql", "token"), REFUSED.items())
def test_what_sqlite_refuses_is_rejected_where_it_goes_wrong(schema, prepare, sql, token):
    found = check(schema, sql)
    assert prepare(sql) or "--" in sql or not sql or sql.startswith("DELETE")
    assert not found.accepted
    assert found.token == token
    assert sql[found.position :].startswith(found.token) or found.token == "the end"


def test_at_level_syntax_any_name_may_be_written_but_no_other_statement(schema):
    assert check(schema, "SELECT a.b, [c d] FROM e AS a WHERE `f` = 1", "syntax").accepted
    assert not check(schema, "SELECT FROM e", "syntax").accepted
    assert not check(schema, "DROP TABLE e", "syntax").accepted


def test_another_level_is_a_mistake(schema):
    with pytest.raises(ValueError, match="level must be one of syntax, schema"):
        render_grammar(schema, "off")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("folder", "split", "least"),
    [
        ("bird_questions", "dev", 0.995),
        ("bird_train", "train", 0.99),
        ("spider", "dev", 0.99),
        ("spider", "train", 0.99),
    ],
)
def test_real_golds_are_accepted_if_sqlite_prepares_them_and_else_rejected(folder, split, least):
    if "T2S_SHARED_DATA" not in os.environ:
        pytest.skip("T2S_SHARED_DATA is not set")
    dataset = load(f"{os.environ['T2S_SHARED_DATA']}/{folder}", split)
    ddl = {db_id: to_ddl(schema) for db_id, schema in dataset.schemas.items()}
    with Executor({}, ddl=ddl) as executor:
        checks = list(check_golds(dataset, executor))
    assert summarise_golds(iter(checks)).rate >= least
    assert not [one for one in checks if one.error and one.acceptance.accepted]


VISITS = Schema(
    "visits",
    tuple(
        Table(name, tuple(map(Column, columns.split())))
        for name, columns in {"shop": "city_id title", "visit": "city_id day"}.items()
    ),
)


@pytest.mark.parametrize(
    ("sql", "token"),
    [
        # What only `shop` has comes with a second `city_id` when `visit`, which has one too, is read first.
        ("SELECT city_id, title FROM visit JOIN shop ON 1", "visit"),
        ("SELECT city_id, T2.title FROM visit AS T1 JOIN shop AS T2 ON 1", "visit"),
        ("SELECT city_id FROM shop JOIN visit ON 1", "JOIN"),
        ("SELECT city_id FROM shop, visit", ","),
        ("SELECT title FROM shop JOIN (SELECT title, city_id FROM shop)", ","),
        ("SELECT title FROM shop JOIN (SELECT city_id AS title FROM shop)", "title"),
        ("SELECT title FROM shop JOIN (SELECT city_id title FROM shop)", "title"),
        ("SELECT title FROM shop JOIN (SELECT * FROM visit)", "*"),
        # Both must be T2, since a second table would bring a second `city_id`.
        ("SELECT city_id, T2.title FROM shop AS T1 JOIN shop AS T2 ON 1", "T1"),
        ("SELECT title, day, city_id FROM shop JOIN visit ON 1", "city_id"),
        ("SELECT city_id, title, day FROM shop JOIN visit ON 1", "day"),
        ("SELECT title FROM (SELECT title, day, city_id FROM shop JOIN visit ON 1)", "city_id"),
    ],
)
def test_a_bare_name_is_kept_from_being_ambiguous(sql, token):
    found = check(VISITS, sql)
    assert (found.accepted, found.token) == (False, token)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT city_id, title FROM shop",
        "SELECT shop.city_id, title, day FROM shop JOIN visit ON 1",
        "SELECT title, day, T1.city_id FROM shop AS T1 JOIN visit AS T2 ON 1",
        "SELECT title, day FROM visit JOIN shop ON 1",
        "SELECT title FROM shop CROSS JOIN (SELECT MAX(day) AS m FROM visit)",
        # What a sub-query is asked for it may bring, though it stands bare beside it.
        "SELECT title, T2.title, T2.total FROM shop JOIN (SELECT 1 AS total, 2 AS title) AS T2",
        "SELECT title FROM shop JOIN (SELECT title AS other, city_id FROM shop) AS t ON t.other = title",
        "SELECT title FROM shop, (SELECT COUNT(*), day FROM visit GROUP BY day) AS t WHERE t.day > 1",
        "SELECT city_id FROM shop NATURAL JOIN visit",
        "SELECT T1.city_id FROM shop AS T1 JOIN visit AS T2 ON T1.city_id = T2.city_id JOIN shop AS T3 ON 1",
    ],
)
def test_what_is_clear_may_be_written_bare(sql):
    assert check(VISITS, sql).accepted


@pytest.mark.parametrize("nested", ["(", "abs(", "CASE WHEN ", "EXISTS (SELECT ", "id IN (SELECT ", "id IN (", "CAST("])
def test_nothing_is_nested_deeper_than_anybody_needs(schema, nested):
    """SQLite's parser has a stack, and so have others."""
    begun = "SELECT id FROM city WHERE "
    found = check(schema, begun + nested * 30)
    depth = (found.position - len(begun)) / len(nested)
    assert not found.accepted
    assert 5 <= depth < 15
