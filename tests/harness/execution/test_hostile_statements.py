"""Statements put together at random out of everything that hurts; the seed is fixed, so that a failure repeats."""

import random

from harness.execution import Executor, Limits
from harness.types import Execution

VALUES = [
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "NULL",
    "''",
    "'%_%_%'",
    "x'ff00'",
    "id",
    "name",
    "salary",
    "note",
    "zeroblob(1000000)",
    "zeroblob(2147483647)",
    "randomblob(500000)",
    "char(0, 55296, 1114111)",
    "'\U0001f600'",
    '"nmae"',
    "hex(zeroblob(30000000))",
    "CAST(x'e9' AS TEXT)",
    "json('[1,[2,[3]]]')",
    "'[['",
    "*",
    "(SELECT count(*) FROM emp a, emp b, emp c)",
    "(SELECT group_concat(name) FROM emp)",
    "?",
    ":x",
    "$1",
    "@@",
    "\\",
]
FUNCTIONS = [
    "printf",
    "format",
    "hex",
    "replace",
    "instr",
    "substr",
    "like",
    "glob",
    "trim",
    "json_extract",
    "json_group_array",
    "group_concat",
    "sum",
    "abs",
    "round",
    "date",
    "strftime",
    "load_extension",
    "fts3_tokenizer",
    "zeroblob",
    "char",
    "randomblob",
    "quote",
    "unicode",
    "lag",
    "ntile",
    "optimize",
    "matchinfo",
    "readfile",
    "edit",
    "sqlite_log",
    "upper",
]
SHAPES = [
    "SELECT {a} FROM emp",
    "SELECT {a}, {b} FROM emp a, emp b",
    "SELECT DISTINCT {a} FROM emp a, emp b ORDER BY {b}",
    "SELECT {a} OVER (ORDER BY {b}) FROM emp",
    "WITH RECURSIVE t(x) AS (SELECT {a} UNION ALL SELECT {b} FROM t) TABLE t",
    "WITH RECURSIVE t(x) AS (SELECT {a} UNION ALL SELECT x || {b} FROM t) SELECT * FROM t",
    "DELETE FROM emp WHERE {a}",
    "UPDATE emp SET name = {a} RETURNING {b}",
    "INSERT INTO emp SELECT {a}, {b}, 1, 1",
    "CREATE TABLE t AS SELECT {a}",
    "ATTACH {a} AS other",
    "PRAGMA user_version = {a}",
    "PRAGMA {a}",
    "VACUUM INTO {a}",
    "EXPLAIN SELECT {a}",
    "SELECT * FROM pragma_database_list WHERE {a}",
    "SELECT * FROM json_tree({a})",
    "SELECT {a}; SELECT {b}",
    "SELECT * FROM search WHERE search MATCH {a}",
    "SELECT * FROM emp WHERE name LIKE {a} ESCAPE {b}",
    "VALUES ({a}, {b})",
    "SELECT {a} -- {b}",
    "/* {a} SELECT {b}",
    "{a}",
    "SELECT ({a}) IN ({b}, {a})",
    "SELECT {a} COLLATE nocase FROM dbstat",
    "INSERT INTO search(search) VALUES ('rebuild')",
    "SELECT CASE WHEN {a} THEN {b} END FROM sqlite_master, emp",
]


def write_expression(chance: random.Random, depth: int = 0) -> str:
    if depth > 2 or chance.random() < 0.4:
        return chance.choice(VALUES)
    arguments = ", ".join(write_expression(chance, depth + 1) for _ in range(chance.randint(0, 3)))
    return f"{chance.choice(FUNCTIONS)}({arguments})"


def write_statement(chance: random.Random) -> str:
    sql = chance.choice(SHAPES).format(a=write_expression(chance), b=write_expression(chance))
    if chance.random() < 0.15:
        position = chance.randrange(len(sql))
        sql = sql[:position] + chance.choice(["\0", "\ud800", "'", '"', "(", ";", "\n", "é", "--"]) + sql[position:]
    return sql


def test_no_statement_breaks_the_executor_or_the_database(company):
    chance = random.Random(20240627)
    limits = Limits(timeout_s=0.2, memory_mib=64, max_rows=10_000, max_bytes=4_000_000)
    with Executor({"company": company}, limits=limits, workers=2) as executor:
        for number in range(300):
            sql = write_statement(chance)
            act = executor.prepare if number % 5 == 0 else executor.execute
            verdict = act("company", sql)
            assert isinstance(verdict, Execution)
            assert verdict.ok or verdict.error, sql
        counted = executor.execute("company", "SELECT count(*), sum(id) FROM emp")
        assert counted.rows == ((300, 44_850),)
