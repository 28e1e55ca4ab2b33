-- Joins: order, conditions, equal columns, outer joins that are none.

-- proved: inner joins commute, ON is WHERE, a comma is a join
SELECT t.a, u.k FROM t JOIN u ON t.id = u.tid AND u.a = 'a' WHERE t.b = 1;
SELECT t.a, u.k FROM u, t WHERE t.b = 1 AND u.tid = t.id AND u.a = 'a'

-- different: not for left joins
SELECT t.a, u.k FROM t LEFT JOIN u ON t.id = u.tid;
SELECT t.a, u.k FROM u LEFT JOIN t ON t.id = u.tid

-- different: nor is their ON a WHERE
SELECT t.a FROM t LEFT JOIN u ON t.id = u.tid AND u.a = 'a';
SELECT t.a FROM t LEFT JOIN u ON t.id = u.tid WHERE u.a = 'a'

-- proved: equality is transitive among columns that compare alike
SELECT t.a FROM t JOIN u ON t.id = u.tid JOIN w ON w.r = u.tid;
SELECT t.a FROM t JOIN u ON t.id = u.tid JOIN w ON w.r = t.id

-- different: not through a column of another affinity
SELECT w.b FROM t JOIN u ON t.id = u.k JOIN w ON u.k = w.s;
SELECT w.b FROM t JOIN u ON t.id = u.k JOIN w ON t.id = w.s

-- proved: either of two equal columns may be shown, and compared with a literal
SELECT t.id FROM t JOIN u ON t.id = u.tid WHERE u.tid = 1;
SELECT u.tid FROM t JOIN u ON t.id = u.tid WHERE t.id = 1

-- different: not of TEXT and INTEGER: '1' and 1 are two cells
SELECT t.id FROM t JOIN u ON t.id = u.k;
SELECT u.k FROM t JOIN u ON t.id = u.k

-- different: nor where the form of a number shows
SELECT t.n / 2 FROM t JOIN v ON t.n = v.c;
SELECT v.c / 2 FROM t JOIN v ON t.n = v.c

-- proved: TEXT columns may be exchanged anywhere
SELECT UPPER(t.a) FROM t JOIN u ON t.a = u.k;
SELECT UPPER(u.k) FROM t JOIN u ON u.k = t.a

-- proved: two columns that equal one literal equal each other
SELECT t.a FROM t JOIN u ON t.id = u.tid WHERE t.id = 1 AND u.tid = 1;
SELECT t.a FROM t JOIN u ON t.id = u.tid WHERE t.id = 1

-- proved: three ways to say that three are equal
SELECT id FROM t WHERE b = c AND b = n;
SELECT id FROM t WHERE c = n AND c = b

-- proved: a condition on its right side makes a left join inner
SELECT t.a FROM t LEFT JOIN u ON t.id = u.tid WHERE u.a = 'a';
SELECT t.a FROM t JOIN u ON t.id = u.tid WHERE u.a = 'a'

-- different: not one that is true of NULL
SELECT t.a FROM t LEFT JOIN u ON t.id = u.tid WHERE u.a IS NULL;
SELECT t.a FROM t JOIN u ON t.id = u.tid WHERE u.a IS NULL

-- different: nor one that COALESCE lets through
SELECT t.a FROM t LEFT JOIN u ON t.id = u.tid WHERE COALESCE(u.a, 'a') = 'a';
SELECT t.a FROM t JOIN u ON t.id = u.tid WHERE COALESCE(u.a, 'a') = 'a'

-- proved: a left join on a key that nobody reads
SELECT u.k FROM u LEFT JOIN t ON t.id = u.tid;
SELECT u.k FROM u

-- different: not on what is no key
SELECT t.a FROM t LEFT JOIN u ON u.tid = t.id;
SELECT t.a FROM t

-- different: nor on a TEXT key compared with a number: '1' and '01' are both 1
SELECT t.a FROM t LEFT JOIN u ON u.k = t.id;
SELECT t.a FROM t

-- proved: where duplicates don't matter, no key is needed
SELECT DISTINCT t.a FROM t LEFT JOIN u ON u.tid = t.id;
SELECT DISTINCT t.a FROM t

-- different: an inner join drops rows, foreign keys or not
SELECT u.k FROM u JOIN t ON t.id = u.tid;
SELECT u.k FROM u

-- proved: the order of left joins that don't need each other
SELECT t.a, u.k, w.s FROM t LEFT JOIN u ON u.tid = t.id LEFT JOIN w ON w.r = t.id;
SELECT t.a, u.k, w.s FROM t LEFT JOIN w ON t.id = w.r LEFT JOIN u ON t.id = u.tid

-- different: COUNT of a NOT NULL column skips the rows that a left join fills
SELECT COUNT(u.a) FROM t LEFT JOIN u ON u.tid = t.id;
SELECT COUNT(*) FROM t LEFT JOIN u ON u.tid = t.id

-- proved: collations are left alone
SELECT a AS b FROM nocase WHERE a = 'x';
SELECT a FROM nocase WHERE a = 'x'

-- not proved: so that nothing is moved around them
SELECT a FROM nocase WHERE a = b;
SELECT a FROM nocase WHERE b = a

-- not proved: nor through a view
SELECT a FROM seen WHERE a = 'x' AND id = 1;
SELECT a FROM seen WHERE id = 1 AND a = 'x'
