-- Names, aliases, stars, spelling: what is gone once a query is resolved.

-- proved: aliases of tables and columns, case, JOIN for INNER JOIN, a semicolon
SELECT T1.a AS first FROM T AS T1 INNER JOIN u AS "U two" ON "U two".tid = T1.id;
select t.a from t join u on u.tid = t.id

-- proved: a bare name has one owner
SELECT k FROM t JOIN u ON tid = id;
SELECT u.k FROM t JOIN u ON u.tid = t.id

-- proved: a star is its columns
SELECT * FROM w;
SELECT r, s, b FROM w

-- proved: USING is equality
SELECT t.a FROM t JOIN u USING (b);
SELECT t.a FROM t JOIN u ON t.b = u.b

-- proved: rowid is its alias
SELECT rowid FROM t;
SELECT id FROM t

-- proved: double quotes around what is no name make a text
SELECT id FROM t WHERE a = "nothing called so";
SELECT id FROM t WHERE a = 'nothing called so'

-- different: double quotes around a column do not
SELECT id FROM t WHERE a = "b";
SELECT id FROM t WHERE a = 'b'

-- proved: in ORDER BY an alias comes before a column
SELECT b AS a FROM t ORDER BY a;
SELECT b FROM t ORDER BY b

-- different: inside an expression of ORDER BY a column comes before an alias
SELECT b AS a FROM t ORDER BY a || '';
SELECT b FROM t ORDER BY b || ''

-- different: in WHERE a column comes before an alias
SELECT b AS a FROM t WHERE a = 1;
SELECT b FROM t WHERE b = 1

-- proved: positions
SELECT a, b FROM t GROUP BY 1, 2;
SELECT DISTINCT a, b FROM t

-- proved: WITH tables are read where they stand
WITH few AS (SELECT id, a FROM t WHERE b = 1) SELECT few.a FROM few JOIN u ON u.tid = few.id;
SELECT t.a FROM t JOIN u ON u.tid = t.id WHERE t.b = 1

-- proved: a self-join's copies have no order
SELECT one.a FROM t AS one JOIN t AS two ON one.b = two.id WHERE two.a = 'a';
SELECT two.a FROM t AS one JOIN t AS two ON two.b = one.id WHERE one.a = 'a'

-- different: but they are two
SELECT one.a FROM t AS one JOIN t AS two ON one.b = two.id WHERE two.a = 'a';
SELECT one.a FROM t AS one JOIN t AS two ON one.b = two.id WHERE one.a = 'a'

-- not proved: a column that SQLite does not find
SELECT nothing FROM t;
SELECT nothing FROM t

-- not proved: an ambiguous column
SELECT a FROM t JOIN u ON t.id = u.tid;
SELECT a FROM t JOIN u ON t.id = u.tid

-- not proved: a reserved word as a name
SELECT a AS order FROM t;
SELECT a FROM t

-- not proved: a cast in another dialect
SELECT a::integer FROM t;
SELECT CAST(a AS INTEGER) FROM t

-- not proved: a stray comma
SELECT a, FROM t;
SELECT a FROM t

-- not proved: two statements
SELECT a FROM t; SELECT a FROM t;
SELECT a FROM t

-- not proved: the misuse of an aggregate
SELECT a FROM t WHERE COUNT(*) > 1;
SELECT a FROM t WHERE COUNT(*) > 1

-- not proved: chance
SELECT random() FROM t;
SELECT random() FROM t

-- not proved: a clock finer than the year
SELECT a FROM t WHERE a < CURRENT_TIMESTAMP;
SELECT a FROM t WHERE a < CURRENT_TIMESTAMP

-- proved: the year of the clock
SELECT strftime('%Y', 'now') - strftime('%Y', a) FROM t;
SELECT strftime('%Y', CURRENT_TIMESTAMP) - strftime('%Y', a) FROM t

-- not proved: the time of day has no year
SELECT strftime('%Y', CURRENT_TIME) FROM t WHERE id = 1;
SELECT strftime('%Y', 'now') FROM t WHERE id = 1

-- different: an alias is seen in ON, as in WHERE
SELECT u.b AS "a text" FROM t JOIN u ON t.id = u.tid AND t.b = "a text";
SELECT u.b FROM t JOIN u ON t.id = u.tid AND t.b = 'a text'

-- proved: as a column would be
SELECT u.b AS "a text" FROM t JOIN u ON t.id = u.tid AND t.b = "a text";
SELECT u.b FROM t JOIN u ON t.id = u.tid WHERE t.b = u.b
