"""Examples → rows of tokens: sampled by evidence, split by database, never truncated, everything counted."""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.config import PromptConfig
from harness.datasets import sampling
from harness.errors import DataError
from harness.prompts import OVER_BUDGET, PromptBuilder
from harness.types import Dataset, Example, Schema
from trainer.base import Row
from trainer.config import TrainDataConfig

__all__ = [
    "Encoder",
    "Rows",
    "Split",
    "build_rows",
    "estimating_encoder",
    "shuffle_schema",
    "shuffled_schemas",
    "split_dataset",
    "target_sql",
]

CHARACTERS_PER_TOKEN = 3.2
"""DDL and SQL under the vocabularies of the presets: 3.0 to 3.4."""

_BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Encoder:
    """What a tokeniser does for training, as callables: `encode(text, start)` gives ids, `end_id` ends an answer.

    `chat` renders a user's message, `None` where the model has no template. `exact` is false for an estimate.
    """

    encode: Callable[[str, bool], list[int]]
    end_id: int
    chat: Callable[[str], str] | None = None
    exact: bool = True

    def count(self, text: str) -> int:
        """Count the tokens of a text."""
        return len(self.encode(text, False))


@dataclass(frozen=True)
class Split:
    """The examples to train on and to validate on, of disjoint databases.

    `buckets` has a line (bucket, examples before, after sampling) for each evidence-length bucket.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    buckets: tuple[tuple[str, int, int], ...]

    @property
    def validation_databases(self) -> tuple[str, ...]:
        """The databases held out."""
        return tuple(sorted({example.db_id for example in self.validation}))


@dataclass(frozen=True)
class Rows:
    """Rows, and what happened on the way: prompts that were shortened, examples left out as too long, by name."""

    rows: tuple[Row, ...]
    shortened: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """The tokens of all rows as separate examples."""
        return sum(row.tokens for row in self.rows)

    @property
    def completion_tokens(self) -> int:
        """The tokens that carry loss."""
        return sum(len(row.target_ids) for row in self.rows)


def split_dataset(dataset: Dataset, config: TrainDataConfig) -> Split:
    """Sample `config.fraction` of a data set by evidence buckets, then hold whole databases out.

    Raises `DataError` where nothing would be left to train on.
    """
    sampled = sampling.sample(dataset.examples, config.fraction, config.seed)
    databases = sorted({example.db_id for example in sampled})
    share = config.validation_databases
    count = int(share) if share >= 1 or share == 0 else max(1, round(share * len(databases)))
    if count >= len(databases):
        raise DataError(
            f"{dataset.name}: holding {count} of {len(databases)} databases out leaves none to train on; "
            "lower data.validation_databases"
        )
    held_out = set(random.Random(config.seed).sample(databases, count))  # noqa: S311 - reproducible, no secret
    train = tuple(example for example in sampled if example.db_id not in held_out)
    validation = tuple(example for example in sampled if example.db_id in held_out)
    return Split(train, validation, _bucket_table(dataset.examples, sampled))


def _bucket_table(before: Sequence[Example], after: Sequence[Example]) -> tuple[tuple[str, int, int], ...]:
    total, kept = (Counter(sampling.evidence_bucket(one.evidence) for one in part) for part in (before, after))
    return tuple((bucket, total[bucket], kept[bucket]) for bucket in sampling.BUCKETS)


def target_sql(sql: str) -> str:
    """Return a gold as the model shall write it: one statement without its semicolon, and no blank line.

    Generation stops at both.
    """
    while (bare := sql.strip().rstrip(";")) != sql:
        sql = bare
    return _BLANK_LINES.sub("\n", sql)


def shuffle_schema(schema: Schema, seed: int, number: int) -> Schema:
    """Return a schema with its tables, and the columns of each, in the order that the two numbers draw."""
    order = random.Random(f"{seed}:{schema.db_id}:{number}")  # noqa: S311 - reproducible order, no secret
    tables = [replace(table, columns=tuple(order.sample(table.columns, len(table.columns)))) for table in schema.tables]
    return replace(schema, tables=tuple(order.sample(tables, len(tables))))


def shuffled_schemas(
    schemas: Mapping[str, Schema], config: TrainDataConfig, epochs: int
) -> tuple[Mapping[str, Schema], ...]:
    """Return the schemas as each epoch behind the first shows them: none where `config` wants them as they are."""
    if not config.shuffle_schemas:
        return ()
    return tuple(
        {db_id: shuffle_schema(schema, config.seed, number) for db_id, schema in schemas.items()}
        for number in range(1, epochs)
    )


def build_rows(
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    prompt: PromptConfig,
    encoder: Encoder,
    max_tokens: int,
    shuffled: Sequence[Mapping[str, Schema]] = (),
) -> Rows:
    """Turn examples into rows, tokenised as at generation: prefix and suffix apart, the target behind them.

    Examples of more than `max_tokens` tokens (0: no limit) are left out, and so are those whose prompt the builder
    could not bring below its own budget. `shuffled` are the same schemas in the orders of later epochs; a prompt that
    had to be shortened keeps its own.
    """
    builder = PromptBuilder(prompt, encoder.count, encoder.chat)
    rows: list[Row] = []
    shortened: list[str] = []
    left_out: list[str] = []
    known: dict[str, list[tuple[int, ...]]] = {}
    for index, example in enumerate(examples):
        built = builder.build(index, example, schemas[example.db_id])
        name = f"{example.db_id}/{example.question_id}"
        if built.prefix not in known:
            others = () if built.shortened else (one[example.db_id] for one in shuffled)
            texts = (built.prefix, *(builder.build(index, example, schema).prefix for schema in others))
            known[built.prefix] = [tuple(encoder.encode(text, True)) for text in texts]
        prefix, *others_ids = known[built.prefix]
        suffix = tuple(encoder.encode(built.suffix, False))
        target = (*encoder.encode(target_sql(example.gold_sql), False), encoder.end_id)
        row = Row(str(example.question_id), example.db_id, prefix, suffix, target, tuple(others_ids))
        if OVER_BUDGET in built.shortened or (max_tokens and row.tokens > max_tokens):
            left_out.append(name)
            continue
        if built.shortened:
            shortened.append(name)
        rows.append(row)
    return Rows(tuple(rows), tuple(shortened), tuple(left_out))


def estimating_encoder() -> Encoder:
    """Return an encoder that makes one made-up token of every few characters, where no tokeniser is to be had."""

    def encode(text: str, start: bool) -> list[int]:  # noqa: ARG001, FBT001 - the shape of Encoder.encode
        return [1] * round(len(text) / CHARACTERS_PER_TOKEN)

    return Encoder(encode=encode, end_id=0, chat=lambda user: user, exact=False)
