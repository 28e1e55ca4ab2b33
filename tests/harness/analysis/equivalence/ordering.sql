-- ORDER BY and LIMIT. The first query of a pair is the prediction, the second the gold.

-- proved: an order that nobody asked for
SELECT a FROM t ORDER BY b;
SELECT a FROM t

-- different: the order that was asked for
SELECT a FROM t;
SELECT a FROM t ORDER BY a

-- proved: ASC is nothing, a finer order will do
SELECT a FROM t ORDER BY b ASC, c DESC;
SELECT a FROM t ORDER BY b

-- different: a coarser one won't
SELECT a FROM t ORDER BY b;
SELECT a FROM t ORDER BY b, a

-- different: nor will the other direction
SELECT a FROM t ORDER BY a DESC;
SELECT a FROM t ORDER BY a

-- proved: what a key decides, or a literal, sorts nothing
SELECT id FROM t WHERE b = 1 ORDER BY b, id, a;
SELECT id FROM t WHERE b = 1 ORDER BY id

-- proved: joins in another order, the same rows first
SELECT t.a FROM t JOIN u ON t.id = u.tid ORDER BY u.b DESC LIMIT 1;
SELECT t.a FROM u JOIN t ON u.tid = t.id ORDER BY u.b DESC LIMIT 1

-- proved: any rows will do where nothing orders them
SELECT t.a FROM t JOIN u ON t.id = u.tid LIMIT 2;
SELECT t.a FROM u JOIN t ON u.tid = t.id LIMIT 2

-- different: but not more of them
SELECT a FROM t LIMIT 3;
SELECT a FROM t LIMIT 2

-- proved: NULLs stand first anyway
SELECT a FROM t ORDER BY a NULLS FIRST;
SELECT a FROM t ORDER BY a

-- different: not last
SELECT a FROM t ORDER BY a NULLS LAST;
SELECT a FROM t ORDER BY a

-- proved: LIMIT on a single row
SELECT COUNT(*) FROM t LIMIT 1;
SELECT COUNT(*) FROM t

-- different: LIMIT 0
SELECT COUNT(*) FROM t LIMIT 0;
SELECT COUNT(*) FROM t

-- not proved: DISTINCT keeps one of several rows, the order reads another column
SELECT DISTINCT a FROM t WHERE b = 1 AND c = 1 ORDER BY n LIMIT 1;
SELECT DISTINCT a FROM t WHERE c = 1 AND b = 1 ORDER BY n LIMIT 1
