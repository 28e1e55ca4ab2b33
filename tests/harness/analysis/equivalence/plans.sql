-- What hangs on the order in which SQLite visits rows.

-- proved: the same text but for names
SELECT SUM(one.c) FROM t AS one JOIN u ON u.tid = one.id WHERE one.a = 'a';
SELECT sum(t.c) AS total FROM t INNER JOIN u AS other ON other.tid = t.id WHERE t.a = 'a'

-- proved: the order of joins, where the plan is the same
SELECT SUM(t.c) FROM u JOIN t ON u.tid = t.id;
SELECT SUM(t.c) FROM t JOIN u ON t.id = u.tid

-- not proved: where it is not
SELECT SUM(t.c) FROM u CROSS JOIN t ON u.b = t.b;
SELECT SUM(t.c) FROM t CROSS JOIN u ON t.b = u.b

-- proved: LIMIT inside, with the ties of one plan
SELECT a FROM t GROUP BY a ORDER BY COUNT(*) DESC LIMIT 1;
SELECT d.a FROM (SELECT a, COUNT(id) AS n FROM t GROUP BY a ORDER BY COUNT(id) DESC LIMIT 1) AS d

-- different: groups in another order have other ties
SELECT b, a FROM t GROUP BY b, a ORDER BY COUNT(*) DESC LIMIT 1;
SELECT d.b, d.a FROM (SELECT b, a FROM t GROUP BY a, b ORDER BY COUNT(*) DESC LIMIT 1) AS d

-- different: a sum of another order is another sum
SELECT SUM(c) FROM (SELECT c FROM t ORDER BY id DESC LIMIT 9);
SELECT SUM(c) FROM (SELECT c FROM t ORDER BY id LIMIT 9)

-- not proved: what can fail is not moved
SELECT id FROM t WHERE abs(b) = 1 AND a = 'a';
SELECT id FROM t WHERE a = 'a' AND abs(b) = 1

-- proved: nor touched
SELECT t.id FROM t WHERE abs(b) = 1 AND a = 'a';
SELECT id FROM t AS other WHERE ABS(other.b) = 1 AND other.a = 'a'

-- not proved: SUM can overflow, so that it matters whether it is reached
SELECT id FROM t WHERE a = 'a' AND b < (SELECT SUM(b) FROM u);
SELECT id FROM t WHERE b < (SELECT SUM(b) FROM u) AND a = 'a'

-- proved: AVG cannot
SELECT id FROM t WHERE a = 'a' AND b < (SELECT AVG(b) FROM u);
SELECT id FROM t WHERE b < (SELECT AVG(b) FROM u) AND a = 'a'

-- not proved: the form of a maximum over 1 and 1.0
SELECT MAX(t.x) / 2 FROM t JOIN u ON t.b = u.b;
SELECT MAX(t.x) / 2 FROM u JOIN t ON t.b = u.b

-- not proved: or of a group's key
SELECT t.x / 2 FROM t JOIN u ON t.b = u.b GROUP BY t.x;
SELECT t.x / 2 FROM u JOIN t ON t.b = u.b GROUP BY t.x

-- not proved: HAVING sums the groups that WHERE leaves out
SELECT b, SUM(n) FROM t WHERE b > 1 GROUP BY b;
SELECT b, SUM(n) FROM t GROUP BY b HAVING b > 1

-- not proved: DISTINCT inside MIN takes another row for the bare column
SELECT MIN(DISTINCT b), a FROM t;
SELECT MIN(b), a FROM t

-- different: an ORDER BY of as many terms as GROUP BY turns the groups round, and with them the ties
SELECT d.a FROM (SELECT a FROM t GROUP BY a ORDER BY COUNT(*) DESC, COUNT(*) DESC LIMIT 1) AS d;
SELECT d.a FROM (SELECT a FROM t GROUP BY a, b ORDER BY COUNT(*) DESC LIMIT 1) AS d

-- not proved: even where the terms are the same
SELECT d.a FROM (SELECT a FROM t GROUP BY a ORDER BY COUNT(*) DESC, COUNT(*) DESC LIMIT 1) AS d;
SELECT d.a FROM (SELECT a FROM t GROUP BY a ORDER BY COUNT(*) DESC LIMIT 1) AS d
