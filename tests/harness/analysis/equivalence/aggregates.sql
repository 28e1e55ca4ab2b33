-- Aggregates, groups and DISTINCT.

-- proved: COUNT of what cannot be NULL counts rows
SELECT COUNT(t.id) FROM t JOIN u ON t.id = u.tid;
SELECT COUNT(*) FROM t JOIN u ON t.id = u.tid

-- proved: nor can a column that is joined
SELECT COUNT(u.tid) FROM t JOIN u ON t.id = u.tid;
SELECT COUNT(1) FROM t JOIN u ON t.id = u.tid

-- different: other columns can, primary keys too
SELECT COUNT(k) FROM u;
SELECT COUNT(*) FROM u

-- proved: COUNT(DISTINCT key)
SELECT COUNT(DISTINCT t.id) FROM t LEFT JOIN w ON w.r = t.b WHERE t.a = 'a';
SELECT COUNT(*) FROM t WHERE t.a = 'a'

-- proved: NULLs count in neither
SELECT COUNT(DISTINCT k) FROM u;
SELECT COUNT(k) FROM u

-- different: a join may repeat the key
SELECT COUNT(DISTINCT t.id) FROM t JOIN u ON u.tid = t.id;
SELECT COUNT(t.id) FROM t JOIN u ON u.tid = t.id

-- different: half a key is no key
SELECT COUNT(DISTINCT p) FROM v;
SELECT COUNT(p) FROM v

-- proved: COUNT of a CASE counts what meets the condition
SELECT COUNT(CASE WHEN a = 'a' THEN id END) FROM t;
SELECT COUNT(CASE WHEN 'a' = a THEN 1 ELSE NULL END) FROM t

-- proved: which WHERE can say as well
SELECT COUNT(CASE WHEN a = 'a' THEN 1 END) FROM t WHERE b = 1;
SELECT COUNT(*) FROM t WHERE b = 1 AND a = 'a'

-- different: not where the value may be NULL
SELECT COUNT(CASE WHEN a = 'a' THEN b END) FROM t;
SELECT COUNT(CASE WHEN a = 'a' THEN 1 END) FROM t

-- different: COUNT counts zeros
SELECT COUNT(CASE WHEN a = 'a' THEN 1 ELSE 0 END) FROM t;
SELECT COUNT(CASE WHEN a = 'a' THEN 1 END) FROM t

-- different: SUM over no rows is NULL
SELECT SUM(CASE WHEN a = 'a' THEN 1 ELSE 0 END) FROM t;
SELECT COUNT(CASE WHEN a = 'a' THEN 1 END) FROM t

-- proved: but a group has rows
SELECT b, SUM(CASE WHEN a = 'a' THEN 1 ELSE 0 END) FROM t GROUP BY b;
SELECT b, COUNT(CASE WHEN a = 'a' THEN 1 END) FROM t GROUP BY b

-- different: SUM of a comparison is NULL when all of them are
SELECT b, SUM(a = 'a') FROM t GROUP BY b;
SELECT b, COUNT(CASE WHEN a = 'a' THEN 1 END) FROM t GROUP BY b

-- proved: sums of ones have no order
SELECT SUM(CASE WHEN t.a = 'a' THEN 1 ELSE 0 END) - SUM(CASE WHEN u.a = 'a' THEN 1 ELSE 0 END) FROM t JOIN u ON t.id = u.tid;
SELECT SUM(IIF(t.a = 'a', 1, 0)) - SUM(IIF(u.a = 'a', 1, 0)) FROM u JOIN t ON t.id = u.tid

-- proved: MAX and MIN have none either
SELECT MAX(t.c) FROM t JOIN u ON t.id = u.tid;
SELECT MAX(t.c) FROM u JOIN t ON t.id = u.tid

-- different: MAX over no rows is NULL, a row; ORDER BY … LIMIT 1 has none
SELECT MAX(c) FROM t;
SELECT c FROM t ORDER BY c DESC LIMIT 1

-- proved: DISTINCT of a key
SELECT DISTINCT id, a FROM t;
SELECT id, a FROM t

-- different: a UNIQUE column may hold many NULLs
SELECT DISTINCT s FROM w;
SELECT s FROM w

-- proved: joined by keys, a row is met once
SELECT DISTINCT t.id, w.b FROM t JOIN w ON t.b = w.r;
SELECT t.id, w.b FROM t JOIN w ON t.b = w.r

-- different: not without them
SELECT DISTINCT t.id FROM t JOIN u ON t.id = u.tid;
SELECT t.id FROM t JOIN u ON t.id = u.tid

-- proved: GROUP BY without aggregates is DISTINCT
SELECT a, b FROM t GROUP BY b, a;
SELECT DISTINCT a, b FROM t

-- different: when it shows all keys
SELECT a FROM t GROUP BY b, a;
SELECT DISTINCT a FROM t

-- proved: keys that a key decides
SELECT t.id, COUNT(*) FROM t JOIN u ON t.id = u.tid GROUP BY t.id, t.a;
SELECT t.id, COUNT(*) FROM t JOIN u ON t.id = u.tid GROUP BY u.tid

-- proved: and columns
SELECT t.a, COUNT(*) FROM t JOIN u ON t.id = u.tid GROUP BY t.id;
SELECT t.a, COUNT(*) FROM u JOIN t ON t.id = u.tid GROUP BY u.tid

-- different: which a nullable key does not decide
SELECT a, COUNT(*) FROM u GROUP BY k, a;
SELECT a, COUNT(*) FROM u GROUP BY k

-- not proved: a bare column is any row's
SELECT a, COUNT(*) FROM t WHERE a = 'a' AND c = 1 GROUP BY b;
SELECT a, COUNT(*) FROM t WHERE c = 1 AND a = 'a' GROUP BY b + 0

-- proved: HAVING on keys is WHERE
SELECT b, COUNT(*) FROM t GROUP BY b HAVING b > 1 AND COUNT(*) > 1;
SELECT b, COUNT(*) FROM t WHERE b > 1 GROUP BY b HAVING COUNT(*) > 1

-- different: HAVING on aggregates is not
SELECT b, COUNT(*) FROM t GROUP BY b HAVING MAX(c) > 1;
SELECT b, COUNT(*) FROM t WHERE c > 1 GROUP BY b

-- proved: the group of the greatest
SELECT a FROM t WHERE b = 1 GROUP BY a ORDER BY MAX(c) DESC LIMIT 1;
SELECT a FROM t WHERE b = 1 ORDER BY c DESC LIMIT 1

-- different: the least leaves NULLs out
SELECT a FROM t GROUP BY a ORDER BY MIN(c) LIMIT 1;
SELECT a FROM t ORDER BY c LIMIT 1

-- different: and two groups are not two rows
SELECT a FROM t WHERE b = 1 GROUP BY a ORDER BY MAX(c) DESC LIMIT 2;
SELECT a FROM t WHERE b = 1 ORDER BY c DESC LIMIT 2

-- proved: DISTINCT inside MAX
SELECT a, MAX(DISTINCT b) FROM t GROUP BY a;
SELECT a, MAX(b) FROM t GROUP BY a
