"""Names, constants and expressions: harmless ones, huge ones, and ones that keep a single opcode busy."""

# ruff: noqa: S608 - hostile SQL is what this writes

import random

__all__ = ["Expressions"]


class Expressions(random.Random):
    """Rules that call each other; every one returns SQL."""

    def table(self) -> str:
        """Return a table, a view or SQLite's own catalogue, in some spelling."""
        return self.choice(
            ["emp", "main.emp", '"emp"', "[emp]", "`emp`", "EMP", "well_paid", "search", "area", "sqlite_master"]
        )

    def column(self) -> str:
        """Return a column or what passes for one."""
        return self.choice(["id", "name", "salary", "note", "rowid", '"nmae"', "emp.name", "upper(name)"])

    def number(self) -> str:
        """Return a number that somebody may have forgotten."""
        few = ["0", "1", "-1", "1e308", "9e999", "NULL", "9223372036854775807", "-9223372036854775808", "2147483648"]
        return self.choice([*few, str(10 ** self.randint(2, 9)), str(self.randint(2, 5_000))])

    def text(self) -> str:
        """Return a string or blob, odd or long."""
        few = [
            "''",
            "'%'",
            "'a'",
            "x'ff00'",
            "CAST(x'e9' AS TEXT)",
            "char(0, 55296, 1114111)",
            "'\U0001f600'",
            "'[['",
            "json('[1,[2]]')",
        ]
        return self.choice(
            [*few, f"hex(zeroblob({10 ** self.randint(1, 7)}))", f"zeroblob({10 ** self.randint(1, 9)})"]
        )

    def value(self) -> str:
        """Return any expression."""
        return (
            self.choice([self.number, self.text, self.column, self.bomb, self.burner])() if self.randrange(5) else "?"
        )

    def many(self) -> str:
        """Return a FROM clause of millions of rows."""
        return ", ".join(f"emp {alias}" for alias in "abcde"[: self.randint(2, 5)])

    def endless_rows(self) -> str:
        """Return a recursive query without an end, or with one that is far away."""
        step = self.choice(["x + 1", "x", "x * 1.0000001", "-x", "x || ''", "abs(x)", "x + 1 LIMIT 1000000000"])
        union = self.choice(["UNION ALL", "UNION"])
        source = (
            self.choice(["t", "t, emp", "emp, t", "t JOIN emp ON 1", "t ORDER BY 1"]) if "LIMIT" not in step else "t"
        )
        step, _, limit = step.partition(" LIMIT ")
        return (
            f"WITH RECURSIVE t(x) AS (SELECT 1 {union} SELECT {step} FROM {source}{f' LIMIT {limit}' if limit else ''})"
        )

    def query(self) -> str:
        """Return a harmless query."""
        return self.choice(
            ["SELECT 1", "SELECT * FROM emp", f"SELECT {self.column()} FROM {self.table()}", "VALUES (1)"]
        )

    def bomb(self) -> str:
        """Return an expression whose value is large or would be."""
        size = str(10 ** self.randint(5, 10))
        return self.choice(
            [
                f"printf('%.*c', {size}, 'x')",
                f"printf('%{size}d', 1)",
                f"printf('%.{size}f', 1.5)",
                f"format('%s%*s', 'a', {size}, 'b')",
                f"printf('%' || {size} || 'd', 1)",
                f"printf(replace('%q.*c', 'q', ''), {size}, 'x')",
                f"printf('%!.{size}g', 0.1)",
                f"printf('%,{size}d', 7)",
                f"zeroblob({size})",
                f"randomblob({size})",
                f"hex(zeroblob({size}))",
                f"hex(hex(hex(zeroblob({size}))))",
                f"quote(zeroblob({size}))",
                f"upper(hex(randomblob({size})))",
                f"replace(hex(zeroblob({self.randint(1, 30)}00000)), '0', hex(zeroblob({self.randint(1, 500)})))",
                f"(SELECT group_concat(hex(zeroblob({self.randint(1, 9)}0000))) FROM emp, emp b)",
                "(SELECT json_group_array(json_object('a', a.name, 'b', b.note IS NULL)) FROM emp a, emp b)",
                "(SELECT json_group_object(a.name, json_array(b.name, b.id)) FROM emp a, emp b)",
                f"substr(hex(zeroblob({size})), 2)",
                f"json_quote(hex(zeroblob({size})))",
                f"char({', '.join(['1114111'] * self.randint(1, 200))})",
                f"CAST(zeroblob({size}) AS TEXT)",
                f"zeroblob({size}) || zeroblob({size})",
            ]
        )

    def burner(self) -> str:
        """Return an expression that keeps a single opcode busy."""
        size = self.choice([100_000, 1_000_000, 4_000_000, 15_000_000])
        long = f"hex(zeroblob({size}))"
        stars = self.choice(["%0", "%_0", "%0_"]) * self.randint(3, 300)
        nested = self.randint(10, 5_000)
        opening = f"""replace(hex(zeroblob({nested})), '0', '{{"a":')"""
        closing = f"replace(hex(zeroblob({nested})), '0', '}}')"
        later = self.choice(["", ", '+1 day'", ", 'weekday 0'"])
        return self.choice(
            [
                f"instr({long}, hex(zeroblob({size // 2})) || '1')",
                f"{long} LIKE '{stars}1'",
                f"{long} GLOB '{stars.replace('%', '*').replace('_', '?')}1'",
                f"{long} LIKE replace(hex(zeroblob(100)), '00', '%0') || 'x'",
                f"trim({long}, hex(zeroblob({size // 100})) || 'x')",
                f"replace({long}, hex(zeroblob({size // 4})) || '1', 'x')",
                f"replace({long}, '0', '')",
                f"json_extract(json_group_array({long}), '$[0]')",
                f"json_valid(replace(hex(zeroblob({nested})), '0', '['))",
                f"json_extract({opening} || '1' || {closing}, '$.a.a')",
                f"json_patch(json_object('a', {long}), json_object('a', {long}))",
                f"json_remove('[' || replace({long}, '00', '1,') || '1]', '$[5]', '$[4]', '$[3]')",
                f"soundex({long})",
                f"{long} = lower({long})",
                f"unicode(substr({long}, -1))",
                f"length(trim({long}, '0'))",
                f"CAST({long} AS REAL)",
                f"round(1.5, {self.number()})",
                f"strftime('{'%Y%f' * self.randint(1, 20_000)}', 'now')",
                f"date('now'{later})",
                f"abs({self.number()})",
                f"(SELECT count(*) FROM json_tree('[' || replace({long}, '00', '[1],') || '1]'))",
                f"(SELECT count(*) FROM json_each('[' || replace({long}, '00', '1,') || '1]') a, json_each('[1,2]') b)",
            ]
        )
