"""Golds of the data set `mini` whose names were exchanged at random: SQLite and grounding refuse the same ones."""

import random
import re

import pytest

from harness import datasets
from harness.analysis.grounding import ground
from harness.datasets.schema import to_ddl

TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|[A-Za-z_]\w*|\s+|.", re.DOTALL)
KEYWORD = re.compile(
    "select|from|where|as|on|and|or|by|in|is|not|null|join|inner|left|group|order|having|limit|distinct|desc|asc|case"
    "|when|then|else|end|between|like|exists|union|with|using|cast|over|partition|except|intersect",
    re.IGNORECASE,
)


def mutate(sql, schema, chance):
    tokens = TOKEN.findall(sql)
    places = [at for at, token in enumerate(tokens) if re.match(r"[\w`\"]", token) and not KEYWORD.fullmatch(token)]
    for at in chance.sample(places, chance.choice((1, 1, 2))):
        table = chance.choice(schema.tables)
        column = chance.choice(table.columns)
        tokens[at] = chance.choice(
            (tokens[chance.choice(places)], column.name, table.name, "rowid", f"`{column.name}`")
        )
    return "".join(tokens)


@pytest.mark.parametrize("seed", range(4))
def test_grounding_refuses_the_mutants_that_sqlite_refuses(seed, open_database, refused_name, named):
    chance, dataset = random.Random(seed), datasets.load("mini", "dev")
    databases = {db_id: open_database(to_ddl(schema)) for db_id, schema in dataset.schemas.items()}
    refused = taken = 0
    for _ in range(400):
        example = chance.choice(dataset.examples)
        schema = dataset.schemas[example.db_id]
        sql = mutate(example.gold_sql, schema, chance)
        message = databases[example.db_id].refusal(sql)
        grounding = ground(sql, schema)
        if name := refused_name(message):
            assert name in named(grounding), (sql, message, grounding.explain())
            refused += 1
        elif not message:
            assert not named(grounding), (sql, grounding.explain())
            taken += 1
    assert refused > 100
    assert taken > 30
