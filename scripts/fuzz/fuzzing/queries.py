"""Queries that take too long, too much memory or too much of the parser."""

# ruff: noqa: S608 - hostile SQL is what this writes

from fuzzing.expressions import Expressions

__all__ = ["Queries"]


class Queries(Expressions):
    """Rules for what only a limit can answer."""

    def endless(self) -> str:
        """Return a query that takes longer than anybody waits."""
        if self.randrange(2):
            what = self.choice(["count(*)", "sum(x)", "max(x)", "group_concat(x)", "x", "DISTINCT x", "total(x * x)"])
            rest = self.choice(["", " ORDER BY x DESC", " GROUP BY x % 7", ", emp"])
            return f"{self.endless_rows()} SELECT {what} FROM t{rest}"
        pairs = "SELECT count(*) FROM emp a WHERE "
        return self.choice(
            [
                f"SELECT sum(a.id * b.id) FROM {self.many()}, emp v, emp w",
                f"SELECT count(*) FROM {self.many()}, emp v WHERE a.name || b.name LIKE '%z%'",
                f"{pairs}(SELECT count(*) FROM emp b, emp c, emp d WHERE b.id <> a.id) > {self.number()}",
                f"{pairs}EXISTS (SELECT 1 FROM emp b, emp c, emp d WHERE b.id + c.id + d.id = -a.id)",
                f"{pairs}a.id IN (SELECT b.id + c.id * d.id FROM emp b, emp c, emp d WHERE a.id < 0 OR b.id > a.id)",
                "SELECT (SELECT max(b.name || c.name || d.id) FROM emp b, emp c, emp d WHERE b.id > a.id) FROM emp a",
            ]
        )

    def explode(self) -> str:
        """Return a query with values too large to hold."""
        result = self.choice(["max(length(x))", "x", "count(x)"])
        doubling = self.choice(
            ["x || x", "x || x || x", "hex(x)", "replace(x, 'a', x)", "json_array(x, x)", "quote(x) || quote(x)"]
        )
        return self.choice(
            [
                f"SELECT {self.bomb()}",
                f"SELECT length({self.bomb()}) FROM emp q",
                f"SELECT {self.bomb()}, {self.bomb()} FROM {self.many()}",
                f"WITH RECURSIVE t(x) AS (SELECT 'a' UNION ALL SELECT {doubling} FROM t) SELECT {result} FROM t",
                f"SELECT {self.bomb()} IN ({self.bomb()}, {self.bomb()})",
                f"SELECT count(*) FROM emp GROUP BY {self.bomb()} HAVING {self.bomb()}",
            ]
        )

    def burn(self) -> str:
        """Return a query whose time goes by inside single opcodes."""
        prefixes = "a* OR " * self.randint(1, 3_000)
        words = self.choice([self.text(), f"'{prefixes}a'", "'NEAR(a b, 99)'"])
        return self.choice(
            [
                f"SELECT {self.burner()}",
                f"SELECT {self.burner()} FROM emp",
                f"SELECT count(*) FROM emp WHERE {self.burner()}",
                f"SELECT 1 FROM emp ORDER BY {self.burner()}",
                f"SELECT count(*) FROM search WHERE search MATCH {words}",
                f"SELECT highlight(search, 0, {self.text()}, {self.text()}) FROM search WHERE search MATCH 'fox'",
                "SELECT count(*) FROM area a, area b, area c WHERE a.x0 < b.x1",
            ]
        )

    def gather(self) -> str:
        """Return a query that sorts, groups, unites or frames more rows than fit."""
        many = self.many()
        key = self.choice(["a.name || b.name", "a.id, b.id", "random()", "hex(randomblob(50))", "a.salary / b.salary"])
        frame = self.choice(["ROWS", "RANGE", "GROUPS"])
        bound = self.choice(
            [
                "BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                "UNBOUNDED PRECEDING",
                "BETWEEN 9999 PRECEDING AND 9999 FOLLOWING",
            ]
        )
        function = self.choice(
            [
                "sum(a.id)",
                "group_concat(a.name)",
                "max(a.name)",
                "ntile(9)",
                "percent_rank()",
                "lag(a.name, 5000)",
                "json_group_array(a.id)",
            ]
        )
        return self.choice(
            [
                f"SELECT {key} AS k FROM {many} ORDER BY k",
                f"SELECT DISTINCT {key} FROM {many}",
                f"SELECT {key}, count(*) FROM {many} GROUP BY 1",
                f"SELECT count(DISTINCT a.name || b.name || random()) FROM {many}",
                f"SELECT {key} FROM {many} UNION SELECT {key} FROM {many}",
                f"SELECT {key} FROM {many} EXCEPT SELECT 1{', 2' if ',' in key and '(' not in key else ''}",
                f"SELECT * FROM {many}",
                f"SELECT {', '.join(['a.note'] * self.randint(1, 2100))} FROM {many}",
                f"SELECT {function} OVER (ORDER BY a.id {frame} {bound}) FROM {many}",
                f"SELECT {function} OVER (PARTITION BY b.id ORDER BY a.id) FROM {many}",
                f"SELECT hex(zeroblob({self.randint(1, 9)}00000)) FROM {many}",
                f"WITH m AS MATERIALIZED (SELECT a.*, b.* FROM {many}) SELECT count(*) FROM m, m n",
            ]
        )

    def compile(self) -> str:
        """Return a statement that is work before it runs."""
        depth = self.choice([50, 500, 900, 5_000, 50_000])
        wide = self.choice([100, 2_000, 50_000])
        doubled = ", ".join(f"t{n} AS (SELECT a.x FROM t{n - 1} a, t{n - 1} b)" for n in range(1, self.randint(5, 40)))
        return self.choice(
            [
                f"SELECT {'(' * depth}1{')' * depth}",
                f"SELECT {'-' * 1}{'~' * depth}1",
                f"SELECT {'NOT ' * depth}1",
                f"SELECT 1{' + 1' * depth}",
                f"SELECT {'CASE WHEN 1 THEN ' * (depth // 10)}1{' END' * (depth // 10)}",
                f"SELECT {'(SELECT ' * (depth // 10)}1{')' * (depth // 10)}",
                f"SELECT * FROM {'(SELECT * FROM ' * (depth // 10)}emp{')' * (depth // 10)}",
                f"SELECT count(*) FROM emp WHERE id IN ({','.join(map(str, range(wide)))})",
                f"SELECT '{'x' * wide * 19}'",
                f"SELECT x'{'ff' * wide * 9}'",
                f"SELECT {', '.join(['*'] * min(wide, 3_000))} FROM emp",
                f"SELECT 1{' UNION SELECT 1' * (wide // 10)}",
                f"SELECT 1 FROM {', '.join(f'emp e{n}' for n in range(self.choice([10, 60, 64, 65, 200])))}",
                f"WITH t0 AS (SELECT 1 AS x), {doubled} SELECT count(*) FROM t{doubled.count(' AS (')}",
                f"SELECT 1 FROM emp {' '.join(f'NATURAL JOIN emp e{n}' for n in range(self.choice([5, 30, 62])))}",
                f"SELECT {'x' * wide}",
                f"SELECT max({', '.join(['1'] * self.choice([50, 127, 128, 1_000]))})",
                f"VALUES {', '.join(['(1)'] * wide)}",
                "SELECT ?" + str(self.choice([1, 999, 100_000, 2**31])),
                f"SELECT 1 WHERE {' OR '.join(f'name{n}' for n in range(self.choice([10, 900])))}",
            ]
        )
