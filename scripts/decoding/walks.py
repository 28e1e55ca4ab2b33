"""What random walks through the masks of a constraint are worth: how many parse, name only what exists, and prepare.

    python scripts/decoding/walks.py --data DIR [--split dev] [--walks 1000] [--seed 1]

Each walk draws bytes that the constraint of level `schema` allows, on the data set's schemas in turn. Verdicts:
SQLite's parser (a walk fails it when the message is about syntax), SQLite's names (no such table, column or function),
SQLite's `EXPLAIN` as a whole, and whether sqlglot can read the statement. Exit code 1 where a walk does not parse,
names what does not exist, or finds no way on.
"""

import argparse
import collections
import random
import sys

import sqlglot

from harness.datasets import load, to_ddl
from harness.decoding.constraint import build_byte_constraint
from harness.decoding.walks import Walk, walk
from harness.execution import Executor
from harness.types import Schema

_SYNTAX = ("syntax error", "incomplete input", "unrecognized token")


def main() -> int:
    """Draw walks, print a table, and return the exit code."""
    options = _read_options()
    dataset = load(options.data, options.split)
    schemas = list(dataset.schemas.values())
    constraint = build_byte_constraint("schema")
    counted: collections.Counter[str] = collections.Counter()
    with Executor({}, ddl={db_id: to_ddl(schema) for db_id, schema in dataset.schemas.items()}, workers=1) as executor:
        for number in range(options.walks):
            schema = schemas[number % len(schemas)]
            made = walk(constraint, schema, random.Random(f"{options.seed} {number}"))  # noqa: S311 - no secret
            counted.update(_judge(made, schema, executor))
    return _print(counted)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a data folder, or `mini`")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--walks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _judge(made: Walk, schema: Schema, executor: Executor) -> list[str]:
    """Return the rows of the table that a walk belongs in; print what should not be."""
    if not made.ended:
        if made.stuck:
            print(f"stuck in {schema.db_id}: {made.sql}")
        return ["stuck" if made.stuck else "given up"]
    error = executor.prepare(schema.db_id, made.sql).error
    verdicts = {
        "parse (SQLite)": not any(words in error for words in _SYNTAX),
        "name only what exists": "no such" not in error,
        "prepare": not error,
        "parse (sqlglot)": _is_readable(made.sql),
    }
    if not (verdicts["parse (SQLite)"] and verdicts["name only what exists"]):
        print(f"{error} in {schema.db_id}: {made.sql}")
    return ["ended", *(name for name, fine in verdicts.items() if fine), *([error.partition(":")[0]] if error else [])]


def _is_readable(sql: str) -> bool:
    try:
        sqlglot.parse_one(sql, read="sqlite")
    except sqlglot.errors.SqlglotError:
        return False
    return True


def _print(counted: collections.Counter[str]) -> int:
    ended = counted["ended"]
    fine = ("parse (SQLite)", "name only what exists", "prepare", "parse (sqlglot)")
    print(f"{ended + counted['given up'] + counted['stuck']} walks: {ended} came to their end, ", end="")
    print(f"{counted['given up']} were given up as too long, {counted['stuck']} found no way on")
    for name in fine:
        print(f"{name:24} {counted[name]:6} of {ended} ({100 * counted[name] / max(ended, 1):.2f} %)")
    for name, count in counted.most_common():
        if name not in (*fine, "ended", "given up", "stuck"):
            print(f"    {count:4} {name}")
    sound = counted["parse (SQLite)"] == counted["name only what exists"] == ended and not counted["stuck"]
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
