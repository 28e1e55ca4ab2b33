"""Every noun of the harness, in the order in which it comes into being.

`Schema` and `Example` are read from a data set, become a `Prompt`, which a generator answers with a
`Completion`, from which SQL is extracted; the SQL becomes an `Execution`, and all of it together a
`Prediction`, which metrics turn into `Score`s; a `Record` is what is kept of one question and a `Run` of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = [
    "Cell",
    "Column",
    "Completion",
    "Dataset",
    "Example",
    "Execution",
    "Extraction",
    "ForeignKey",
    "Prediction",
    "Prompt",
    "QuestionId",
    "Record",
    "Repair",
    "ResultPreview",
    "Row",
    "Run",
    "Schema",
    "Score",
    "Status",
    "Table",
]

QuestionId = int | str
Cell = None | int | float | str | bytes
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the data set names it; `description` is prose for the prompt, `""` when there is none."""

    name: str
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `primary_key` holds column names in order, empty when none is declared."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`table.column` references `referred_table.referred_column`."""

    table: str
    column: str
    referred_table: str
    referred_column: str


@dataclass(frozen=True, slots=True)
class Schema:
    """What a prompt may know about a database."""

    db_id: str
    tables: tuple[Table, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A question and the SQL that answers it.

    `alternative_gold_sql` holds further golds, any of which is right. `difficulty` is `""` where the data set
    does not grade its questions.
    """

    question_id: QuestionId
    db_id: str
    question: str
    gold_sql: str
    evidence: str = ""
    difficulty: str = ""
    alternative_gold_sql: tuple[str, ...] = ()

    @property
    def golds(self) -> tuple[str, ...]:
        """Every gold SQL, the main one first."""
        return (self.gold_sql, *self.alternative_gold_sql)


@dataclass(frozen=True)
class Dataset:
    """One split of a benchmark.

    `schemas` has every `db_id` of `examples`; `databases` only those whose SQLite file exists. `sources` are the
    files that were read (questions, golds, tables), for hashing. `notes` say what a person should know (e.g. "questions
    only: no database folder").
    """

    name: str
    split: str
    examples: tuple[Example, ...]
    schemas: Mapping[str, Schema]
    databases: Mapping[str, Path]
    sources: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model reads: `prefix` (the schema, shared by a database's questions) and then `suffix`.

    `index` is the position of the example in the data set; completions are paired by it. The two parts are
    tokenised separately, in training and in generation, so the boundary is the same everywhere.
    `shortened` names what was dropped to respect the token budget, in order; `tokens` counts the whole prompt
    (0 where nobody counted).
    """

    index: int
    prefix: str
    suffix: str
    shortened: tuple[str, ...] = ()
    tokens: int = 0

    @property
    def text(self) -> str:
        """The whole prompt."""
        return self.prefix + self.suffix


@dataclass(frozen=True, slots=True)
class Repair:
    """What became of an answer that SQLite refused: `sql` and `error` are the first try's.

    `method` is `asked` (again, with the message) or `continued` (from what was good). `accepted` says whether the
    second try prepared, and so stands in the first one's place.
    """

    sql: str
    error: str
    method: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Completion:
    """What a generator wrote for the prompt with the same `index`.

    `sample` counts several tries for one prompt from 0. `finish_reason` is `stop` (end token or stop string),
    `length` (token limit), `replay` or `missing` (a predictions file has no answer). `logprob` is the natural logarithm
    of the text's probability, where the back end tells it.
    """

    index: int
    text: str
    sample: int = 0
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_s: float = 0.0
    logprob: float | None = None
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """SQL found in a completion, `None` when there is none; `steps` says how, in order."""

    sql: str | None
    steps: tuple[str, ...] = ()


class Status(StrEnum):
    """How an execution ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    RESOURCE = "resource"
    FORBIDDEN = "forbidden"
    NO_SQL = "no_sql"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Execution:
    """The outcome of running SQL: rows where `status` is ok, else `error` says why not."""

    status: Status
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    error: str = ""
    elapsed_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether rows came back."""
        return self.status is Status.OK


@dataclass(frozen=True, slots=True)
class Prediction:
    """Everything a metric may look at.

    `execution` and `golds` (one execution for each of `example.golds`) are `None` where the metrics in use need
    no database.
    """

    example: Example
    schema: Schema
    completion: Completion
    extraction: Extraction
    execution: Execution | None = None
    golds: tuple[Execution, ...] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's verdict: `value` is 0.0 for every fault of the model, `None` only where nobody can judge."""

    metric: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResultPreview:
    """The first rows of a result, for people; `row_count` counts all of them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    row_count: int


@dataclass(frozen=True, slots=True)
class Record:
    """One line of `records.jsonl`: all that is kept of one question.

    `analysis` holds what is known beyond scores, by name; see `harness.explanation`.
    """

    question_id: QuestionId
    db_id: str
    difficulty: str
    question: str
    evidence: str
    gold_sql: str
    completion: str
    sql: str | None
    status: str
    error: str
    diagnosis: str | None
    gold_result: ResultPreview | None
    predicted_result: ResultPreview | None
    scores: Mapping[str, Score]
    extraction: tuple[str, ...] = ()
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_s: float = 0.0
    elapsed_s: float = 0.0
    analysis: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A run on disk: its manifest, its records in file order and, once complete, its summary."""

    path: Path
    manifest: Mapping[str, Any]
    records: tuple[Record, ...]
    summary: Mapping[str, Any] | None = field(default=None)

    @property
    def name(self) -> str:
        """The display name: the folder's."""
        return self.path.name

    @property
    def complete(self) -> bool:
        """Whether `summary.json` exists."""
        return self.summary is not None
