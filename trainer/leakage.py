"""What a training set shares with the sets that its adapter is measured on: databases, questions, SQL.

A database counts as shared when it goes by the same name, or has nearly the same tables and columns under another
one (Spider's `world_1` is BIRD's `world`). Questions and SQL are counted and listed, and never refused: short ones
are alike by chance. Not covered: databases that hold the same rows under other names, and questions put in other words.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import datasets
from harness.datasets import bird, spider
from harness.datasets.hashing import sha256
from harness.errors import DataError
from harness.types import Dataset, Example, Schema
from trainer.config import TrainDataConfig

__all__ = [
    "AlikeQuestion",
    "Comparison",
    "Leakage",
    "SharedDatabase",
    "check_leakage",
    "compare",
    "normalise_sql",
    "schema_similarity",
    "shingles",
]

SAME_SCHEMA = 0.5
"""Shared (table, column) names over all of both. Between BIRD's and Spider's databases every pair but three has less
than 0.15, and those three more than 0.9."""
ALIKE = 0.7
"""Shared shingles over all of both: one word exchanged in a question of twenty leaves 0.71, in one of ten 0.45."""
SHINGLE_WORDS = 3
KNOWN = ("bird-mini-dev", "bird-dev")
"""What `t2s data fetch` calls the folders of the sets that adapters made here are evaluated on unless somebody names
others, and the splits that they have."""
SPLITS = ("dev", "mini_dev", "test")

_WORD = re.compile(r"\w+")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_SQL_TOKEN = re.compile(r"'(?:[^']|'')*'|[\w.]+|[^\w\s]")


@dataclass(frozen=True)
class SharedDatabase:
    """A database of the training set (`db_id`) that is `other` in an evaluation set; `similarity` of the schemas."""

    db_id: str
    other: str
    similarity: float


@dataclass(frozen=True)
class AlikeQuestion:
    """A training question and the question of an evaluation set that it is most like, as `db_id/question_id`."""

    question: str
    other: str
    similarity: float


@dataclass(frozen=True)
class Comparison:
    """What a training set shares with one evaluation set; each question of that set is named once at most."""

    name: str
    questions: int
    hashes: Mapping[str, str]
    databases: tuple[SharedDatabase, ...]
    alike: tuple[AlikeQuestion, ...]
    same_sql: tuple[AlikeQuestion, ...]

    def describe(self) -> str:
        """Say it in one line."""
        equal = sum(one.similarity == 1.0 for one in self.alike)
        shared = ", ".join(f"{one.db_id} = {one.other}" for one in self.databases) or "no shared database"
        alike = f"{len(self.alike)} of {self.questions:,} questions alike ({equal} equal)"
        return f"{self.name}: {shared}; {alike}, {len(self.same_sql)} with the same SQL"


@dataclass(frozen=True)
class Leakage:
    """The comparison with every evaluation set, and the databases that were left out for it."""

    comparisons: tuple[Comparison, ...] = ()
    left_out: tuple[str, ...] = ()
    questions_left_out: int = 0

    @property
    def headlines(self) -> tuple[str, ...]:
        """One line for each set, and one for what was left out."""
        lines = [one.describe() for one in self.comparisons] or ["compared with no evaluation set"]
        if self.left_out:
            lines.append(f"left out of the training: {', '.join(self.left_out)} ({self.questions_left_out} questions)")
        return tuple(lines)


def check_leakage(train: Dataset, config: TrainDataConfig) -> tuple[Dataset, Leakage]:
    """Compare a training set with the sets of `config.evaluation`; return what may be trained on, and what was found.

    Raises `DataError` for an evaluation set that is not there, and for shared databases unless `config.leakage` says
    to exclude or to allow them.
    """
    sets = dict(_evaluation_sets(config))
    shared = {name: _shared_databases(train.schemas, other.schemas) for name, other in sets.items()}
    overlapping = sorted({one.db_id for found in shared.values() for one in found})
    if overlapping and config.leakage == "refuse":
        raise DataError(_refusal(train, config.path, shared))
    if not overlapping or config.leakage == "allow":
        return train, Leakage(compare(train, sets))
    kept = tuple(example for example in train.examples if example.db_id not in overlapping)
    schemas = {db_id: schema for db_id, schema in train.schemas.items() if db_id not in overlapping}
    if not kept:
        raise DataError(f"{config.path}: every database is in an evaluation set as well; train on another set")
    rest = replace(train, examples=kept, schemas=schemas)
    return rest, Leakage(compare(rest, sets), tuple(overlapping), len(train.examples) - len(kept))


def _refusal(train: Dataset, path: str, shared: Mapping[str, Sequence[SharedDatabase]]) -> str:
    counts = Counter(example.db_id for example in train.examples)
    lines = [
        f"  - {one.db_id} ({counts[one.db_id]} questions) is {one.other} of {name}: {one.similarity:.0%} of the columns"
        for name, found in shared.items()
        for one in found
    ]
    return (
        f"{path}: holds databases of the evaluation sets, and a score on those would prove nothing; leave them out "
        "with data.leakage = 'exclude', train on them all the same with 'allow', or name the sets that count in "
        "data.evaluation\n" + "\n".join(lines)
    )


def _evaluation_sets(config: TrainDataConfig) -> Iterator[tuple[str, Dataset]]:
    """Yield every split that is for evaluation, by a name that says which."""
    for path in _known_sets(config.path) if config.evaluation is None else config.evaluation:
        found = 0
        for split in _splits(path):
            if (path, split) != (config.path, config.split):
                found += 1
                yield f"{path} ({split})", datasets.read(path, split).dataset
        if not found and config.evaluation is not None:
            raise DataError(
                f"{path}: data.evaluation names it, and there is none of {', '.join(SPLITS)} in it; check the path"
            )


def _known_sets(path: str) -> tuple[str, ...]:
    """Return the folder of the training set, and the fetched ones beside it: what lies there is evaluated on."""
    if path == datasets.MINI:
        return (path,)
    beside = (Path(path).parent / name for name in KNOWN)
    return tuple(dict.fromkeys([path, *(str(folder) for folder in beside if folder.is_dir())]))


def _splits(path: str) -> Iterator[str]:
    root = datasets.shipped() if path == datasets.MINI else Path(path)
    if root.is_file():
        yield root.stem
    elif root.is_dir():
        yield from (split for split in SPLITS if bird.find_layout(root, split) or spider.find_layout(root, split))


def compare(train: Dataset, sets: Mapping[str, Dataset]) -> tuple[Comparison, ...]:
    """Return what `train` shares with each of the sets."""
    index = _Index(train.examples)
    return tuple(
        Comparison(
            name=name,
            questions=len(other.examples),
            hashes={source.name: sha256(source) for source in other.sources},
            databases=tuple(_shared_databases(train.schemas, other.schemas)),
            alike=tuple(_matches(other.examples, index.most_alike)),
            same_sql=tuple(_matches(other.examples, index.same_sql)),
        )
        for name, other in sets.items()
    )


def schema_similarity(one: Schema, other: Schema) -> float:
    """Return Jaccard's share of the (table, column) names, letters and digits alone, of two schemas: 0 to 1."""
    return _jaccard(_columns(one), _columns(other))


def _shared_databases(train: Mapping[str, Schema], others: Mapping[str, Schema]) -> list[SharedDatabase]:
    ours, theirs = ({db_id: _columns(schema) for db_id, schema in of.items()} for of in (train, others))
    found = [
        SharedDatabase(db_id, other, round(similarity, 4))
        for db_id, columns in sorted(ours.items())
        for other, their_columns in sorted(theirs.items())
        if (similarity := _jaccard(columns, their_columns)) >= SAME_SCHEMA or _plain(db_id) == _plain(other)
    ]
    return sorted(found, key=lambda one: -one.similarity)


def _columns(schema: Schema) -> frozenset[tuple[str, str]]:
    return frozenset((_plain(table.name), _plain(column.name)) for table in schema.tables for column in table.columns)


def _plain(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name.casefold())


def _jaccard(one: frozenset[Any], other: frozenset[Any]) -> float:
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def shingles(question: str) -> frozenset[tuple[str, ...]]:
    """Return every three words in a row, without case and punctuation; the words themselves where there are fewer."""
    words = tuple(_WORD.findall(question.casefold()))
    last = max(0, len(words) - SHINGLE_WORDS)
    return frozenset(words[start : start + SHINGLE_WORDS] for start in range(last + 1)) if words else frozenset()


def normalise_sql(sql: str) -> str:
    """Return SQL without case (text in single quotes keeps its), spaces, quotes around names and the last semicolon."""
    tokens = _SQL_TOKEN.findall(sql)
    kept = [token if token.startswith("'") else token.lower() for token in tokens if token not in ('"', "`", "[", "]")]
    return " ".join(kept).rstrip("; ")


class _Index:
    """The questions of a training set, by their shingles and by their SQL."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.names = [_name(example) for example in examples]
        self.shingles = [shingles(example.question) for example in examples]
        self.by_shingle: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, found in enumerate(self.shingles):
            for shingle in found:
                self.by_shingle[shingle].append(number)
        self.by_sql: dict[str, int] = {}
        for number, example in enumerate(examples):
            self.by_sql.setdefault(normalise_sql(example.gold_sql), number)

    def most_alike(self, example: Example) -> tuple[str, float] | None:
        """Return the question most like this one, `None` where none is alike."""
        wanted = shingles(example.question)
        by_rarity = sorted(wanted, key=lambda shingle: len(self.by_shingle.get(shingle, ())))
        # Who shares at least `ALIKE` of them has one of the rarest: the others alone are too few.
        needed = len(wanted) - math.ceil(ALIKE * len(wanted)) + 1
        candidates = {number for shingle in by_rarity[:needed] for number in self.by_shingle.get(shingle, ())}
        ratios = {number: _jaccard(wanted, self.shingles[number]) for number in candidates}
        best = max(ratios, key=lambda number: (ratios[number], -number), default=None)
        return None if best is None or ratios[best] < ALIKE else (self.names[best], round(ratios[best], 4))

    def same_sql(self, example: Example) -> tuple[str, float] | None:
        """Return the first question with this SQL, `None` where none has it."""
        number = self.by_sql.get(normalise_sql(example.gold_sql))
        return None if number is None else (self.names[number], 1.0)


def _matches(
    examples: Iterable[Example], find: Callable[[Example], tuple[str, float] | None]
) -> Iterator[AlikeQuestion]:
    for example in examples:
        if found := find(example):
            yield AlikeQuestion(found[0], _name(example), found[1])


def _name(example: Example) -> str:
    return f"{example.db_id}/{example.question_id}"
