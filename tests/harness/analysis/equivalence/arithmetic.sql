-- Ratios and percentages: the same IEEE operations, however they are spelled.

-- proved: CAST, a REAL factor, NULLIF, SUM or COUNT
SELECT CAST(SUM(CASE WHEN a = 'a' THEN 1 ELSE 0 END) AS REAL) * 100 / COUNT(*) FROM t;
SELECT 100.0 * COUNT(CASE WHEN a = 'a' THEN 1 END) / NULLIF(COUNT(id), 0) FROM t

-- proved: times one
SELECT COUNT(a) * 1.0 / COUNT(*) FROM t;
SELECT CAST(COUNT(a) AS REAL) / COUNT(*) FROM t

-- different: integer division
SELECT COUNT(a) / COUNT(*) FROM t;
SELECT COUNT(a) * 1.0 / COUNT(*) FROM t

-- different: rounding comes at another place
SELECT CAST(COUNT(a) AS REAL) / COUNT(*) * 100 FROM t;
SELECT CAST(COUNT(a) AS REAL) * 100 / COUNT(*) FROM t

-- proved: sums of 1.0
SELECT SUM(CASE WHEN a = 'a' THEN 1.0 ELSE 0 END) / SUM(CASE WHEN b = 1 THEN 1 ELSE 0 END) FROM t;
SELECT CAST(SUM(CASE WHEN a = 'a' THEN 1 ELSE 0 END) AS REAL) / COUNT(CASE WHEN b = 1 THEN 1 END) FROM t

-- different: where nothing is divided, SUM over no rows shows
SELECT CAST(SUM(CASE WHEN a = 'a' THEN 1 ELSE 0 END) AS REAL) * 100 FROM t;
SELECT CAST(COUNT(CASE WHEN a = 'a' THEN 1 END) AS REAL) * 100 FROM t

-- proved: AVG of ones and zeros
SELECT AVG(CASE WHEN a = 'a' THEN 1 ELSE 0 END) FROM t;
SELECT CAST(COUNT(CASE WHEN a = 'a' THEN 1 END) AS REAL) / COUNT(*) FROM t

-- proved: counts taken apart
SELECT CAST(SUM(CASE WHEN a = 'a' THEN 1 ELSE 0 END) AS REAL) * 100 / COUNT(*) FROM t WHERE b = 1;
SELECT COUNT(id) * 100.0 / (SELECT COUNT(*) FROM t WHERE b = 1) FROM t WHERE b = 1 AND a = 'a'

-- proved: into WITH tables
WITH some AS (SELECT COUNT(*) AS n FROM t WHERE a = 'a'), every AS (SELECT COUNT(*) AS n FROM t) SELECT 1.0 * some.n / every.n FROM some, every;
SELECT CAST(COUNT(CASE WHEN a = 'a' THEN 1 END) AS REAL) / COUNT(*) FROM t

-- different: another query's rows don't say that there are rows here
SELECT CAST(SUM(CASE WHEN a = 'a' THEN 1 ELSE 0 END) AS REAL) / (SELECT COUNT(*) FROM u) FROM t;
SELECT CAST(COUNT(CASE WHEN a = 'a' THEN 1 END) AS REAL) / (SELECT COUNT(*) FROM u) FROM t

-- different: the product of columns may be text
SELECT x * 1.0 FROM t;
SELECT x FROM t

-- different: addition is not associative
SELECT (c + n) + b FROM t;
SELECT c + (n + b) FROM t
