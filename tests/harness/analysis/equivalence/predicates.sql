-- Conditions: three-valued logic and the affinity of comparisons.

-- proved: AND, OR and = commute; comparisons turn round
SELECT id FROM t WHERE a = 'a' AND 3 > b OR c = 1;
SELECT id FROM t WHERE c = 1 OR (b < 3 AND 'a' = a)

-- different: AND binds tighter than OR
SELECT id FROM t WHERE a = 'a' AND (b = 1 OR c = 1);
SELECT id FROM t WHERE a = 'a' AND b = 1 OR c = 1

-- proved: BETWEEN is two comparisons
SELECT id FROM t WHERE b BETWEEN 1 AND 2;
SELECT id FROM t WHERE b >= 1 AND b <= 2

-- different: and it includes both ends
SELECT id FROM t WHERE b BETWEEN 1 AND 2;
SELECT id FROM t WHERE b > 1 AND b < 2

-- proved: NOT BETWEEN
SELECT id FROM t WHERE b NOT BETWEEN 1 AND 2;
SELECT id FROM t WHERE b < 1 OR b > 2

-- proved: De Morgan
SELECT id FROM t WHERE NOT (a = 'a' OR b < 2);
SELECT id FROM t WHERE a <> 'a' AND b >= 2

-- different: NOT of an AND is no AND of NOTs
SELECT id FROM t WHERE NOT (a = 'a' AND b < 2);
SELECT id FROM t WHERE a <> 'a' AND b >= 2

-- proved: != is <>
SELECT id FROM t WHERE NOT a = 'a';
SELECT id FROM t WHERE a != 'a'

-- different: NULL is not unequal
SELECT id FROM t WHERE a <> 'a' OR a IS NULL;
SELECT id FROM t WHERE a <> 'a'

-- proved: IN over literals is OR
SELECT id FROM t WHERE a IN ('a', 'b', 'a');
SELECT id FROM t WHERE a = 'b' OR a = 'a'

-- proved: IN with one literal is =
SELECT id FROM t WHERE b IN (1);
SELECT id FROM t WHERE b = 1

-- proved: NOT IN over literals
SELECT id FROM t WHERE a NOT IN ('a', 'b');
SELECT id FROM t WHERE a <> 'b' AND a <> 'a'

-- different: NOT IN with a NULL is never true
SELECT id FROM t WHERE a NOT IN ('a', NULL);
SELECT id FROM t WHERE a <> 'a'

-- proved: text that looks like a number, beside a numeric column
SELECT id FROM t WHERE b = '1';
SELECT id FROM t WHERE b = 1.0

-- different: but not beside a TEXT column
SELECT id FROM t WHERE a = 1.0;
SELECT id FROM t WHERE a = 1

-- proved: a TEXT column makes text of a number
SELECT id FROM t WHERE a = 1;
SELECT id FROM t WHERE 1 = a

-- not proved: which is true here, but not a rule
SELECT id FROM t WHERE a = 1;
SELECT id FROM t WHERE a = '1'

-- different: a column without affinity compares as it is
SELECT id FROM t WHERE x = '1';
SELECT id FROM t WHERE x = 1

-- proved: where 1 and 1.0 are one value
SELECT id FROM t WHERE x = 1.0;
SELECT id FROM t WHERE x = 1

-- different: unary plus takes the affinity away
SELECT id FROM t WHERE +b = '1';
SELECT id FROM t WHERE b = '1'

-- different: an expression has no affinity either
SELECT id FROM t WHERE b + 0 = '1';
SELECT id FROM t WHERE b + 0 = 1

-- proved: CAST gives one
SELECT id FROM t WHERE CAST(x AS INTEGER) = '1';
SELECT id FROM t WHERE CAST(x AS INTEGER) = 1

-- different: CAST AS STRING is numeric
SELECT id FROM t WHERE CAST(x AS STRING) = 1;
SELECT id FROM t WHERE CAST(x AS TEXT) = 1

-- different: LIKE is no =
SELECT id FROM t WHERE a LIKE 'a';
SELECT id FROM t WHERE a = 'a'

-- proved: x = x is x IS NOT NULL, where only truth counts
SELECT id FROM t WHERE a = a;
SELECT id FROM t WHERE a IS NOT NULL

-- different: not where its value shows
SELECT a = a FROM t;
SELECT a IS NOT NULL FROM t

-- different: nor below NOT
SELECT id FROM t WHERE NOT a = a;
SELECT id FROM t WHERE NOT a IS NOT NULL

-- proved: IS with a literal is =, where only truth counts
SELECT id FROM t WHERE a IS 'a';
SELECT id FROM t WHERE a = 'a'

-- different: not below NOT
SELECT id FROM t WHERE a IS NOT 'a';
SELECT id FROM t WHERE a <> 'a'

-- proved: IS NOT NULL beside a comparison says nothing
SELECT id FROM t WHERE b > 1 AND b IS NOT NULL;
SELECT id FROM t WHERE b > 1

-- proved: nor of a NOT NULL column
SELECT k FROM u WHERE a IS NOT NULL;
SELECT k FROM u

-- different: a primary key may hold NULL
SELECT a FROM u WHERE k IS NOT NULL;
SELECT a FROM u

-- different: nor does OR reject NULL in one of its sides
SELECT id FROM t WHERE (b > 1 OR a = 'a') AND b IS NOT NULL;
SELECT id FROM t WHERE b > 1 OR a = 'a'

-- proved: what is true already
SELECT id FROM t WHERE a = 'a' AND (a = 'a' OR b = 1);
SELECT id FROM t WHERE a = 'a'

-- proved: IIF and the simple CASE
SELECT IIF(a = 'a', 1, 2) FROM t;
SELECT CASE a WHEN 'a' THEN 1 ELSE 2 END FROM t

-- different: ELSE counts
SELECT CASE WHEN a = 'a' THEN 1 ELSE 2 END FROM t;
SELECT CASE WHEN a <> 'a' THEN 2 ELSE 1 END FROM t

-- different: SQLite's precedence: comparisons before equality
SELECT id FROM t WHERE b < 2 IN (0);
SELECT id FROM t WHERE b < (2 IN (0))
