-- Sub-queries and joins.

-- proved: IN over a key is a join
SELECT u.k FROM u WHERE u.tid IN (SELECT id FROM t WHERE a = 'a');
SELECT u.k FROM u JOIN t ON u.tid = t.id WHERE t.a = 'a'

-- different: not over what is no key
SELECT t.a FROM t WHERE t.id IN (SELECT tid FROM u);
SELECT t.a FROM t JOIN u ON u.tid = t.id

-- proved: unless duplicates don't matter
SELECT DISTINCT t.a FROM t WHERE t.id IN (SELECT tid FROM u WHERE u.b = 1);
SELECT DISTINCT t.a FROM t JOIN u ON u.tid = t.id WHERE u.b = 1

-- proved: as where a key is shown
SELECT id, a FROM t WHERE id IN (SELECT tid FROM u WHERE b = 1);
SELECT DISTINCT t.id, t.a FROM t JOIN u ON u.tid = t.id WHERE u.b = 1

-- proved: EXISTS is IN
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM w WHERE w.r = t.b AND w.s = 'a');
SELECT a FROM t WHERE b IN (SELECT r FROM w WHERE s = 'a')

-- different: a TEXT key meets many rows of a number
SELECT t.a FROM t WHERE t.b IN (SELECT k FROM u);
SELECT t.a FROM t JOIN u ON t.b = u.k

-- different: NOT IN knows NULL, NOT EXISTS does not
SELECT a FROM t WHERE b NOT IN (SELECT tid FROM u);
SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.tid = t.b)

-- proved: DISTINCT and ORDER BY inside IN say nothing
SELECT a FROM t WHERE b NOT IN (SELECT DISTINCT tid FROM u ORDER BY k);
SELECT a FROM t WHERE b NOT IN (SELECT tid FROM u)

-- different: LIMIT does
SELECT a FROM t WHERE b IN (SELECT tid FROM u LIMIT 1);
SELECT a FROM t WHERE b IN (SELECT tid FROM u)

-- different: an equality between outer columns is a condition
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.b = 1 AND t.b = t.c);
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.b = 1)

-- proved: written either way round
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.b = 1 AND t.b = t.c);
SELECT a FROM t WHERE EXISTS (SELECT k FROM u WHERE t.c = t.b AND u.b = 1)

-- different: EXISTS over an aggregate is always true
SELECT a FROM t WHERE EXISTS (SELECT COUNT(*) FROM u);
SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u)

-- not proved: an alias brings a sub-query to two places, where it is left alone
SELECT id, b IN (SELECT tid FROM u WHERE u.b = 1) AS found FROM t WHERE found;
SELECT id, b IN (SELECT tid FROM u WHERE u.b = 1) FROM t WHERE b IN (SELECT tid FROM u WHERE u.b = 1)

-- proved: a derived table that only chooses
SELECT d.a FROM (SELECT a, b FROM t WHERE b = 1 ORDER BY c) AS d WHERE d.a = 'a';
SELECT a FROM t WHERE a = 'a' AND b = 1

-- proved: and one that groups
SELECT d.a FROM (SELECT a, COUNT(*) AS n FROM t GROUP BY a HAVING COUNT(*) > 1) AS d WHERE d.n < 3;
SELECT a FROM t GROUP BY a HAVING COUNT(*) > 1 AND COUNT(*) < 3

-- different: a constant beside an aggregate of a derived table is one row
SELECT 1 FROM (SELECT COUNT(*) FROM t);
SELECT 1 FROM t

-- different: a scalar sub-query is its first row
SELECT u.a FROM u WHERE tid = (SELECT id FROM t WHERE a = 'a');
SELECT u.a FROM u WHERE tid IN (SELECT id FROM t WHERE a = 'a')

-- proved: one that has one row may be rewritten inside
SELECT u.a FROM u WHERE b = (SELECT MAX(t.b) FROM t WHERE t.a = 'a' AND t.c = 1);
SELECT u.a FROM u WHERE b = (SELECT MAX(b) FROM t WHERE c = 1 AND 'a' = a)

-- proved: UNION commutes
SELECT a FROM t UNION SELECT k FROM u WHERE b = 1;
SELECT k FROM u WHERE 1 = b UNION SELECT a FROM t

-- different: EXCEPT does not
SELECT a FROM t EXCEPT SELECT k FROM u;
SELECT k FROM u EXCEPT SELECT a FROM t

-- different: UNION ALL keeps duplicates
SELECT a FROM t UNION ALL SELECT k FROM u;
SELECT a FROM t UNION SELECT k FROM u
