"""The statements that `agreement.py` asks SQLite about: answers of models, golds, and golds with names exchanged."""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import datasets
from harness.datasets.prediction_files import BIRD_MARK
from harness.datasets.schema import to_ddl
from harness.extraction import extract
from harness.types import Schema

_GOLDS = (("bird_questions", "dev"), ("bird_train", "train"), ("spider", "dev"), ("spider", "train"))
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|[A-Za-z_]\w*|\s+|.", re.DOTALL)
_KEYWORDS = re.compile(
    "all|and|as|asc|between|by|case|cast|cross|desc|distinct|else|end|except|exists|from|group|having|in|inner|integer"
    "|intersect|is|join|left|like|limit|natural|not|null|offset|on|or|order|outer|over|partition|real|select|text|then"
    "|union|using|when|where|with",
    re.IGNORECASE,
)
_TURNS = {"join": "natural join", "inner": "", "on": "where", "where": "on", "left": "right"}


@dataclass(frozen=True)
class Statement:
    """One query, the set that it belongs to, and the schema that it is for; `key` tells schemas apart."""

    corpus: str
    sql: str
    schema: Schema
    key: str


def databases(statements: Sequence[Statement]) -> dict[str, str]:
    """Return the SQL that makes the empty database of every schema, by `key`."""
    return {key: to_ddl(schema) for key, schema in {one.key: one.schema for one in statements}.items()}


def answers(data: Path) -> Iterator[Statement]:
    """Yield what models wrote: both files of completions, and every file of predictions."""
    schemas = datasets.load(data / "bird_questions", "dev").schemas
    for path in sorted((data / "completions").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        yield from _extracted(path.stem, ((row["completion"], row["db_id"]) for row in rows), schemas)
    for path in sorted((data / "predictions").glob("*.json")):
        if path.stem != "published_ex":
            rows = json.loads(path.read_text())
            yield from _extracted(path.stem, ((row["SQL"], row["db_id"]) for row in rows), schemas)
    for path in sorted((data / "predictions" / "official_format").glob("*.json")):
        pairs = (str(value).rsplit(BIRD_MARK, 1) for value in json.loads(path.read_text()).values())
        name = path.stem.removeprefix("predict_mini_dev_").removesuffix("_sqlite")
        yield from _extracted(f"{name} (official file)", ((text, db_id) for text, db_id in pairs), schemas)


def golds(data: Path) -> Iterator[Statement]:
    """Yield every gold SQL of the four sets of questions."""
    for folder, split in _GOLDS:
        dataset = datasets.load(data / folder, split)
        name = f"golds of {folder.partition('_')[0]} {split}"
        for example in dataset.examples:
            schema = dataset.schemas[example.db_id]
            yield Statement(name, example.gold_sql, schema, f"{folder} {split} {example.db_id}")


def mutants(statements: Sequence[Statement], count: int, seed: int) -> Iterator[Statement]:
    """Yield `count` statements in which one to three names, qualifiers or joins were exchanged at random."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    while count:
        origin = chance.choice(statements)
        tokens = _TOKEN.findall(origin.sql)
        names = [
            at for at, token in enumerate(tokens) if re.match(r'[\w"`\[]', token) and not _KEYWORDS.fullmatch(token)
        ]
        tables = [table for table in origin.schema.tables if table.columns]
        if not names or not tables:
            continue
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            table = chance.choice(tables)
            fresh = (f"`{chance.choice(table.columns).name}`", f"`{table.name}`", chance.choice(("rowid", "*", "nope")))
            _exchange(tokens, names, fresh, chance)
        count -= 1
        yield Statement(f"mutants (seed {seed})", "".join(tokens), origin.schema, origin.key)


def _exchange(tokens: list[str], names: Sequence[int], fresh: Sequence[str], chance: random.Random) -> None:
    at, dice = chance.choice(names), chance.random()
    if dice < 0.4:  # noqa: PLR2004 - shares of the kinds of change
        tokens[at] = tokens[chance.choice(names)]
    elif dice < 0.8:  # noqa: PLR2004
        tokens[at] = chance.choice(fresh)
    elif dice < 0.9 and tokens[at + 1 : at + 2] == ["."]:  # noqa: PLR2004
        tokens[at : at + 2] = ["", ""]
    elif dice < 0.95:  # noqa: PLR2004
        tokens[at] = '"' + tokens[at].strip('"`[]') + '"'
    else:
        turning = [place for place, token in enumerate(tokens) if token.lower() in _TURNS]
        if turning:
            place = chance.choice(turning)
            tokens[place] = _TURNS[tokens[place].lower()]


def _extracted(corpus: str, pairs: Iterator[tuple[str, str]], schemas: Mapping[str, Schema]) -> Iterator[Statement]:
    for text, db_id in pairs:
        sql = extract(text).sql
        if sql is not None:
            yield Statement(corpus, sql, schemas[db_id], f"bird_questions dev {db_id}")
