-- tables
SELECT name FROM hero
SELECT name FROM heroes
SELECT name FROM HERO
SELECT name FROM "hero"
SELECT name FROM `hero`
SELECT name FROM [hero]
SELECT name FROM 'hero'
SELECT name FROM main.hero
SELECT name FROM MAIN.hero
SELECT main.hero.name FROM hero
SELECT main.hero.name FROM main.hero
SELECT main.h.name FROM hero AS h
SELECT main.s.name FROM (SELECT name FROM hero) AS s
SELECT name FROM temp.hero
SELECT other.hero.name FROM hero
SELECT other.name FROM hero
SELECT name FROM other.hero
SELECT * FROM hero, villains
SELECT name FROM sqlite_master
SELECT sql FROM sqlite_schema
SELECT sqlite_master.sql FROM main.sqlite_schema
SELECT name FROM sqlite_temp_master
SELECT colour FROM sqlite_master
SELECT [first name] FROM `odd table`
SELECT `first nmae` FROM "odd table"
SELECT "odd table"."first name" FROM "odd table"
SELECT o."ORDER" FROM [odd table] o
-- columns and qualifiers
SELECT nmae FROM hero
SELECT NAME FROM hero
SELECT hero.name FROM hero
SELECT Hero.Name FROM hero
SELECT hero.nmae FROM hero
SELECT h.name FROM hero h
SELECT h.nmae FROM hero h
SELECT hero.name FROM hero AS h
SELECT name.hero FROM hero
SELECT colour.name FROM hero
SELECT height FROM colour
SELECT h.'name' FROM hero AS 'h'
SELECT h.'nmae' FROM hero AS 'h'
SELECT 'h'.name FROM hero AS 'h'
SELECT 'h'.'nmae' FROM hero AS h
SELECT `h`.[name] FROM hero AS "h"
SELECT h."nmae" FROM hero h
SELECT "h"."name" FROM hero h
SELECT a.name FROM hero a, hero b
SELECT 1 AS one
SELECT name
SELECT 'name'
SELECT NULL, TRUE, FALSE, CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP
SELECT current_user
SELECT x'ab', 1e5, .5, 0x1F
SELECT ?, :a, @b, $c
SELECT É FROM hero
SELECT Ärger, ÄRGER FROM umlaut
SELECT ärger FROM umlaut
-- stars
SELECT * FROM hero
SELECT hero.* FROM hero
SELECT h.* FROM hero AS h
SELECT hero.* FROM hero AS h
SELECT colour.* FROM hero
SELECT nope.* FROM hero
SELECT h.*, c.name FROM hero h JOIN colour c ON h.colour_id = c.id
SELECT count(*) FROM hero
-- row numbers
SELECT rowid FROM hero
SELECT oid, _rowid_, ROWID FROM hero
SELECT hero.rowid FROM hero
SELECT h.rowid FROM hero h, colour c
SELECT rowid FROM hero, colour
SELECT rowid FROM (SELECT name FROM hero)
SELECT rowid FROM hero, (SELECT 1 AS a)
SELECT s.rowid FROM (SELECT rowid FROM hero) AS s
SELECT (SELECT rowid FROM (SELECT 1 AS a)) FROM hero
SELECT (SELECT rowid FROM colour, team) FROM hero
SELECT (SELECT hero.rowid FROM colour, team) FROM hero
WITH q AS (SELECT name FROM hero) SELECT rowid FROM q
SELECT rowid FROM sqlite_master
SELECT rowid FROM json_each('[1]')
-- ambiguity
SELECT name FROM hero, colour
SELECT id FROM hero JOIN colour ON hero.colour_id = colour.id
SELECT height FROM hero, colour
SELECT height FROM hero JOIN colour ON colour_id = colour.id
SELECT name FROM hero AS a, hero AS b
SELECT hero.name FROM hero, hero
SELECT hero.name FROM hero, colour WHERE name = 'x'
SELECT hero.name FROM hero, colour ORDER BY name
SELECT hero.name AS name FROM hero, colour ORDER BY name
SELECT hero.name AS name FROM hero, colour ORDER BY name COLLATE NOCASE
SELECT hero.name AS name FROM hero, colour ORDER BY (name)
SELECT hero.name AS name FROM hero, colour ORDER BY lower(name)
SELECT hero.name AS name FROM hero, colour GROUP BY name
SELECT hero.name AS name FROM hero, colour WHERE name = 'x'
SELECT * FROM hero, colour ORDER BY name
SELECT * FROM hero, colour ORDER BY name || ''
SELECT * FROM hero, colour GROUP BY name
SELECT hero.*, colour.name FROM hero, colour ORDER BY id
SELECT (SELECT name FROM hero, colour)
SELECT (SELECT name FROM team) FROM hero, colour
SELECT (SELECT height FROM team) FROM hero AS a, hero AS b
SELECT "name" FROM hero, colour
-- USING and NATURAL
SELECT name FROM hero JOIN member USING (id)
SELECT id FROM hero JOIN member USING (id)
SELECT id, hero_id FROM hero JOIN member USING (id)
SELECT id FROM hero LEFT JOIN member USING (id)
SELECT id FROM hero JOIN member USING (id) JOIN colour USING (id)
SELECT id FROM hero JOIN member USING (id), colour
SELECT id FROM hero NATURAL JOIN member
SELECT name FROM hero NATURAL JOIN colour
SELECT name FROM hero NATURAL JOIN colour JOIN team
SELECT name FROM hero NATURAL JOIN colour NATURAL JOIN team
SELECT name FROM hero JOIN colour USING (id)
SELECT hero.id, member.id FROM hero JOIN member USING (id)
SELECT 1 FROM hero JOIN member USING (name)
SELECT 1 FROM hero JOIN member USING (hero_id)
SELECT 1 FROM hero JOIN member USING (nope)
SELECT * FROM hero JOIN member USING (id) ORDER BY id
SELECT s.id FROM (SELECT * FROM hero JOIN member USING (id)) AS s
SELECT s."id:1" FROM (SELECT * FROM hero JOIN member USING (id)) AS s
SELECT s."id:1" FROM (SELECT * FROM hero JOIN member) AS s
-- ON
SELECT h.name FROM hero h JOIN colour c ON h.colour_id = c.id
SELECT h.name FROM hero h JOIN colour c ON h.color_id = c.id
SELECT h.name FROM hero h LEFT JOIN colour c ON c.id = colour_id
SELECT h.name FROM hero h JOIN colour c ON x.id = c.id
SELECT h.name AS label FROM hero h JOIN colour c ON label = c.name
SELECT h.name FROM hero h JOIN colour c ON h.id = t.id JOIN team t ON 1
SELECT t.name FROM hero h, colour c, team AS t WHERE h.id = t.id
SELECT 1 FROM (hero h JOIN colour c ON h.colour_id = c.id) JOIN team t ON t.id = h.id
SELECT 1 FROM team t JOIN (hero h JOIN colour c ON h.colour_id = c.id) ON t.id = c.id
SELECT 1 FROM team t JOIN (hero h JOIN colour c ON h.colour_id = t.id) ON t.id = c.id
SELECT height FROM team t JOIN (hero h JOIN colour c ON 1) ON 1
SELECT name FROM team t JOIN (hero h JOIN colour c ON 1) ON 1
SELECT x.height, h.height FROM team t JOIN (hero h JOIN colour c ON 1) AS x ON 1
SELECT x.name FROM (hero) AS x
SELECT hero.name FROM (hero) AS x
SELECT hero.name FROM (hero)
SELECT s.name FROM ((SELECT name FROM hero) AS s JOIN team ON 1)
SELECT s.nmae FROM ((SELECT name FROM hero) AS s JOIN team ON 1)
SELECT h.name FROM ((hero h JOIN colour c ON h.colour_id = c.id) JOIN team t ON t.id = h.id)
SELECT name FROM hero CROSS JOIN member
SELECT name, hero_id FROM hero INNER JOIN member ON member.hero_id = hero.id AND member.team_id = 3
-- aliases of result columns
SELECT height AS h FROM hero WHERE h > 3
SELECT height AS h FROM hero GROUP BY h
SELECT height AS h FROM hero GROUP BY h HAVING h > 3
SELECT height AS h FROM hero ORDER BY h
SELECT height AS h FROM hero ORDER BY h + 1
SELECT height AS h, h + 1 FROM hero
SELECT height AS h, (SELECT h) FROM hero
SELECT height AS h FROM hero WHERE EXISTS (SELECT 1 FROM colour WHERE colour.id = h)
SELECT height AS "tall one" FROM hero ORDER BY "tall one"
SELECT height AS 'tall' FROM hero ORDER BY tall
SELECT height 'tall' FROM hero ORDER BY tll
SELECT height [tall] FROM hero WHERE tall > 1
SELECT height AS h FROM hero WHERE hero.h > 3
SELECT count(*) AS n FROM hero GROUP BY colour_id HAVING n > 1 ORDER BY n
SELECT count(*) AS n FROM hero GROUP BY colour_id ORDER BY m
SELECT height AS h FROM hero LIMIT h
SELECT name FROM hero LIMIT height
SELECT name FROM hero LIMIT 1 OFFSET height
SELECT name FROM hero LIMIT (SELECT count(*) FROM hero)
SELECT name FROM hero LIMIT (SELECT nope FROM hero)
-- sub-queries
SELECT name FROM hero WHERE colour_id = (SELECT id FROM colour WHERE name = 'red')
SELECT name FROM hero WHERE colour_id = (SELECT id FROM colour WHERE label = 'red')
SELECT name FROM hero WHERE EXISTS (SELECT 1 FROM colour WHERE colour.id = hero.colour_id)
SELECT name FROM hero h WHERE EXISTS (SELECT 1 FROM colour WHERE colour.id = hero.colour_id)
SELECT name FROM hero WHERE EXISTS (SELECT 1 FROM colour WHERE id = colour_id)
SELECT name FROM hero WHERE colour_id IN (SELECT colour_id FROM colour)
SELECT name FROM hero WHERE colour_id IN (SELECT nope FROM colour)
SELECT name FROM hero WHERE id IN (1, 2, team_id)
SELECT name FROM hero WHERE id IN single
SELECT name FROM hero WHERE id IN main.single
SELECT name FROM hero WHERE id IN nope
SELECT name FROM hero WHERE id NOT IN 'nope'
SELECT name FROM hero WHERE id IN (colour)
SELECT name FROM hero WHERE (id, name) IN (SELECT id, name FROM colour)
SELECT name FROM hero WHERE (id, nmae) = (1, 2)
SELECT name FROM hero WHERE (id, name) IN (VALUES (1, 'a'), (2, nope))
SELECT s.n FROM (SELECT name AS n FROM hero) AS s
SELECT s.name FROM (SELECT name AS n FROM hero) AS s
SELECT n FROM (SELECT name AS n FROM hero)
SELECT name FROM (SELECT name AS n FROM hero)
SELECT s.height FROM hero, (SELECT name FROM hero) AS s
SELECT 1 FROM hero, (SELECT hero.name) AS s
SELECT 1 FROM hero WHERE id = (SELECT s.x FROM (SELECT hero.id AS x) AS s)
SELECT (SELECT 1 FROM colour ORDER BY hero.id) FROM hero
SELECT (SELECT 1 FROM colour GROUP BY hero.id) FROM hero
SELECT (SELECT 1 FROM colour WHERE hero.id = 1 ORDER BY colour.id) FROM hero
SELECT (SELECT 1 FROM colour LIMIT hero.id) FROM hero
SELECT (SELECT max(h.height) FROM hero AS h WHERE h.colour_id = c.id) FROM colour AS c
SELECT (SELECT max(h.height) FROM hero AS h WHERE h.colour_id = c.id) FROM colour
SELECT * FROM (SELECT * FROM (SELECT name FROM hero)) WHERE name = 'x'
SELECT * FROM (SELECT * FROM (SELECT name FROM hero)) WHERE height = 1
SELECT s."count(*)" FROM (SELECT count(*) FROM hero) AS s
SELECT s."count(1)" FROM (SELECT count(*) FROM hero) AS s
SELECT `max(height)` FROM (SELECT max(height) FROM hero)
SELECT s.id FROM (SELECT hero.id, colour.id FROM hero, colour) AS s
SELECT s.column1, s.column2 FROM (VALUES (1, 2)) AS s
SELECT s.column3 FROM (VALUES (1, 2)) AS s
SELECT CASE WHEN height > 1 THEN nope ELSE name END FROM hero
SELECT CASE name WHEN 'a' THEN 1 WHEN b THEN 2 END FROM hero
SELECT CAST(nope AS TEXT) FROM hero
SELECT CAST(height AS VARCHAR(20)) FROM hero
SELECT name COLLATE NOCASE FROM hero WHERE nope COLLATE BINARY = 'x'
SELECT name FROM hero WHERE height BETWEEN low AND 3
SELECT name FROM hero WHERE name LIKE pattern ESCAPE '\'
SELECT name FROM hero WHERE nope IS NULL
SELECT name FROM hero WHERE NOT nope
SELECT -nope FROM hero
SELECT name -> '$.a', name ->> '$.b' FROM hero
SELECT nope -> '$.a' FROM hero
SELECT name -> nope FROM hero
SELECT max(name -> '$.a') FROM hero
SELECT max(nope -> '$.a') FROM hero
SELECT max(name -> '$.a'), lower(nope ->> '$.b') FROM hero
-- compound queries
SELECT name FROM hero UNION SELECT name FROM colour
SELECT name FROM hero UNION SELECT height FROM colour
SELECT name FROM hero UNION ALL SELECT nope FROM colour EXCEPT SELECT name FROM team
SELECT name FROM hero UNION SELECT name FROM colour ORDER BY name
SELECT name AS n FROM hero UNION SELECT name AS m FROM colour ORDER BY m
SELECT name AS n FROM hero UNION SELECT name FROM colour ORDER BY n LIMIT 3
SELECT name FROM hero UNION SELECT name FROM colour ORDER BY 1
SELECT name FROM hero INTERSECT SELECT name FROM colour ORDER BY hero.name
SELECT s.n FROM (SELECT name AS n FROM hero UNION SELECT name AS m FROM colour) AS s
SELECT s.m FROM (SELECT name AS n FROM hero UNION SELECT name AS m FROM colour) AS s
VALUES (1, 2), (3, 4)
VALUES (1), (nope)
SELECT (VALUES (hero.id)) FROM hero
-- common table expressions
WITH q AS (SELECT name FROM hero) SELECT name FROM q
WITH q AS (SELECT name FROM hero) SELECT height FROM q
WITH q AS (SELECT name FROM hero) SELECT q.name FROM q
WITH q AS (SELECT name FROM hero) SELECT x.name, q.name FROM q AS x
WITH q(n) AS (SELECT name FROM hero) SELECT n FROM q
WITH q(n) AS (SELECT name FROM hero) SELECT name FROM q
WITH q(n, m) AS (SELECT name, max(height) FROM hero) SELECT n, m FROM Q
WITH q AS (SELECT nope FROM hero) SELECT * FROM q
WITH q AS (SELECT nope FROM hero) SELECT 1
WITH q AS (SELECT 1 FROM nowhere) SELECT 1
WITH hero AS (SELECT id AS number FROM colour) SELECT number FROM hero
WITH hero AS (SELECT id AS number FROM colour) SELECT name FROM hero
WITH hero AS (SELECT id AS number FROM colour) SELECT name FROM main.hero
WITH a AS (SELECT name FROM b), b AS (SELECT name FROM hero) SELECT name FROM a
WITH a AS (SELECT name AS x FROM hero), b AS (SELECT x AS y FROM a) SELECT y FROM b
WITH a AS (SELECT name AS x FROM hero), b AS (SELECT name AS y FROM a) SELECT y FROM b
WITH q AS (SELECT name FROM hero) SELECT (SELECT name FROM q), name FROM colour
SELECT * FROM (WITH q AS (SELECT name FROM hero) SELECT name FROM q) WHERE name = 'x'
SELECT name FROM hero WHERE id IN (WITH q AS (SELECT id FROM colour) SELECT id FROM q)
SELECT name FROM q WHERE id IN (WITH q AS (SELECT id FROM colour) SELECT id FROM q)
WITH q AS (SELECT name FROM hero) SELECT * FROM q UNION SELECT name FROM q ORDER BY name
WITH q AS (SELECT name FROM hero) SELECT * FROM main.q
WITH q AS (SELECT name FROM hero) SELECT name FROM hero WHERE name IN q
WITH q AS (SELECT hero.height AS x) SELECT (SELECT x FROM q) FROM hero
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT j + 1 FROM n WHERE i < 5) SELECT i FROM n
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT n.i + 1 FROM n WHERE k < 5) SELECT i FROM n
WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 5) SELECT i, n.i FROM n
WITH q AS (VALUES (1, 2)) SELECT column1, column2 FROM q
WITH q AS (VALUES (1, 2)) SELECT column1, column3 FROM q
WITH q AS (SELECT count(*) FROM hero) SELECT "count(*)" + 1 FROM q
WITH q AS (SELECT * FROM hero JOIN colour ON hero.colour_id = colour.id) SELECT height, "name:1" FROM q
WITH q AS (SELECT * FROM nowhere) SELECT nope FROM q
-- functions
SELECT count(*), sum(height), avg(height), min(height), max(height), total(height) FROM hero
SELECT upper(name), LOWER(name), Length(name), substr(name, 1, 2), instr(name, 'a') FROM hero
SELECT concatenate(name, 'x') FROM hero
SELECT year('2020-01-01')
SELECT now()
SELECT datediff('2020-01-01', '2021-01-01')
SELECT position('a' IN name) FROM hero
SELECT nope(height) FROM hero
SELECT if(height > 1, 'a', 'b') FROM hero
SELECT lower(nope(height)) FROM hero
SELECT iif(height > 1, 'a', 'b'), coalesce(name, ''), nullif(name, ''), ifnull(name, '') FROM hero
SELECT strftime('%Y', 'now'), date('now'), time('now'), datetime('now'), julianday('now')
SELECT replace(name, 'a', 'b'), trim(name), round(height, 2), abs(height), printf('%d', height) FROM hero
SELECT group_concat(name), group_concat(DISTINCT name), group_concat(name, ', ') FROM hero
SELECT "upper"(name), [lower](name) FROM hero
SELECT "uper"(name) FROM hero
SELECT count(nope) FROM hero
SELECT count(DISTINCT colour_id), count(DISTINCT color_id) FROM hero
SELECT name FROM hero WHERE name GLOB 'a*' AND name LIKE 'b%'
SELECT name FROM hero WHERE name REGEXP 'a'
SELECT json_extract(name, '$.a') FROM hero
SELECT random(), last_insert_rowid(), sqlite_version(), typeof(1), hex('a'), char(65), unicode('a'), quote(1)
-- window functions
SELECT rank() OVER (ORDER BY height) FROM hero
SELECT rank() OVER (PARTITION BY colour_id ORDER BY nope) FROM hero
SELECT sum(height) OVER (PARTITION BY nope) FROM hero
SELECT sum(height) OVER w FROM hero WINDOW w AS (PARTITION BY colour_id ORDER BY id)
SELECT sum(height) OVER w FROM hero WINDOW w AS (PARTITION BY nope)
SELECT sum(height) OVER (w ORDER BY id) FROM hero WINDOW w AS (PARTITION BY colour_id)
SELECT row_number() OVER w AS place FROM hero WINDOW w AS (ORDER BY height) ORDER BY place
SELECT sum(height) FILTER (WHERE colour_id = 1) FROM hero
SELECT sum(height) FILTER (WHERE nope = 1) FROM hero
SELECT sum(height) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM hero
SELECT name FROM (SELECT name, row_number() OVER (ORDER BY height) AS place FROM hero) WHERE place = 1
-- table-valued functions
SELECT key, value FROM json_each('[1, 2]')
SELECT j.value, j.json FROM hero, json_each(hero.name) AS j
SELECT json_each.fullkey FROM json_each('[1]')
SELECT value, hero.name FROM hero, json_tree(name, '$.a')
SELECT item FROM json_each('[1]')
SELECT value FROM hero JOIN json_each(nope)
SELECT json FROM (SELECT * FROM json_each('[1]'))
SELECT json, key FROM json_each('[1]')
SELECT 1 FROM nowhere(1)
-- views
SELECT name FROM tall
SELECT tall.height FROM tall
SELECT colour_id FROM tall
-- definitions in LIMIT, unread windows, names that are keywords elsewhere
WITH q AS (SELECT 3 AS n) SELECT name FROM hero LIMIT (SELECT n FROM q)
WITH q AS (SELECT 3 AS n) SELECT name FROM hero UNION SELECT name FROM team LIMIT (SELECT n FROM q)
SELECT value, key, type FROM hero
SELECT "select" FROM (SELECT 1 AS "select")
SELECT date, year FROM (SELECT 1 AS date, 2 AS year)
SELECT s.date, date(s.date) FROM (SELECT 1 AS date) AS s
SELECT if FROM (SELECT 1 AS if)
SELECT name FROM hero ORDER BY height DESC NULLS LAST, id COLLATE NOCASE LIMIT 3, 4
SELECT name FROM hero WHERE height ISNULL OR name NOTNULL OR NOT id BETWEEN 1 AND 2
SELECT name FROM hero WHERE id IS NOT colour_id AND height IS NOT DISTINCT FROM 3
SELECT name FROM hero LEFT JOIN member ON hero.id = member.hero_id AND member.nope = 1
SELECT name, hero.id FROM hero, member WHERE hero_id = hero.id AND team_id = team.id
SELECT t.name FROM team t WHERE t.id IN (SELECT m.team_id FROM member m WHERE m.hero_id IN (SELECT h.id FROM hero h WHERE h.name = t.name))
SELECT t.name FROM team t WHERE t.id IN (SELECT m.team_id FROM member m WHERE m.hero_id IN (SELECT h.id FROM hero h WHERE h.name = m.name))
SELECT (SELECT (SELECT hero.name FROM team) FROM colour) FROM hero
SELECT (SELECT (SELECT x.name FROM team) FROM colour AS x) FROM hero
SELECT name FROM hero GROUP BY 1 ORDER BY 1
SELECT DISTINCT name FROM hero ORDER BY height
SELECT name AS "name" FROM hero, member ORDER BY "name"
SELECT hero.name, team.name FROM hero, team ORDER BY hero.name, team.name
SELECT * FROM hero AS a JOIN hero AS b ON a.id = b.id JOIN hero AS c USING (id)
SELECT id FROM hero AS a JOIN hero AS b ON a.id = b.id JOIN hero AS c USING (id)
SELECT * FROM hero RIGHT JOIN member USING (id) ORDER BY id
SELECT id FROM hero RIGHT JOIN member USING (id)
SELECT id FROM hero FULL JOIN member USING (id)
SELECT id FROM hero FULL JOIN member USING (id) FULL JOIN colour USING (id)
SELECT id FROM hero, team RIGHT JOIN member USING (id)
-- joins without conditions
SELECT hero.name, team.name FROM hero JOIN team JOIN member
SELECT name FROM hero JOIN team LEFT JOIN member
SELECT h.name FROM hero h JOIN team t JOIN member m ON m.hero_id = h.id AND m.team_id = t.id
SELECT h.name FROM hero h LEFT JOIN team t LEFT JOIN member m ON m.hero_id = x.id
SELECT h.name FROM hero h JOIN (team t JOIN member m) JOIN colour c WHERE c.id = h.colour_id AND m.team_id = t.id
SELECT h.name FROM hero h JOIN team t, member m GROUP BY m.nope
SELECT count(*) FROM hero JOIN team UNION SELECT count(*) FROM hero CROSS JOIN team JOIN nope
SELECT left FROM hero JOIN team ORDER BY 1 LIMIT 1
