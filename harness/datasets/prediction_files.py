r"""A predictions file → answers as they stand in it, before they are paired with questions.

Read are BIRD's `{"0": "SELECT …\t----- bird -----\tdb"}`, `{"879": "SELECT …"}`, lists and JSON Lines of objects
or of texts, and one SQL per line.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.datasets.questions import gold_key
from harness.datasets.reading import parse_json, parse_lines, read_text
from harness.errors import DataError

__all__ = ["ANSWER_KEYS", "BIRD_MARK", "Answer", "AnswerFile", "read_answer_file"]

BIRD_MARK = "\t----- bird -----\t"
"""What BIRD's own files put between the SQL and the database's name."""
ANSWER_KEYS = ("predicted_sql", "prediction", "pred", "completion", "SQL", "sql")
"""Where an object's answer is looked for, in this order: `SQL` may be the gold where another name is there too."""


@dataclass(frozen=True)
class Answer:
    """One entry: `key` is its id or `None`, `value` what stands there (text if all is well), `db_id` what it names."""

    key: str | None
    value: Any
    db_id: str | None = None


@dataclass(frozen=True)
class AnswerFile:
    """Answers in file order; `shape` is `official`, `dict`, `objects`, `strings` or `lines`.

    `repeated` are keys that one JSON object holds twice.
    """

    shape: str
    answers: tuple[Answer, ...]
    repeated: tuple[str, ...] = ()


class _Object(dict[str, Any]):
    """A JSON object that remembers the keys it was given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]


def read_answer_file(path: Path, db_ids: Collection[str], *, beside_gold: bool = False) -> AnswerFile:
    """Read a predictions file, whichever of the known formats it has.

    `db_ids` are the database names that may end a line after a TAB. `beside_gold` says that the objects also hold the
    gold SQL, which then is no answer, and the questions, whose order they share. Raises `DataError` when the file is
    in none of the formats.
    """
    text = read_text(path)
    opening = text.lstrip()[:1]
    if opening not in ("{", "[") and path.suffix.lower() not in (".json", ".jsonl"):
        return _from_lines(text, db_ids)
    if path.suffix.lower() in (".sql", ".txt") and not _holds_json(path, text):
        return _from_lines(text, db_ids)
    value = _read_value(path, text)
    if isinstance(value, _Object):
        return _from_mapping(value)
    if all(isinstance(item, dict) for item in value):
        return _from_objects(value, beside_gold=beside_gold)
    if all(isinstance(item, str) or item is None for item in value):
        return AnswerFile("strings", tuple(_answer(None, item) for item in value))
    raise DataError(f"{path}: a list must hold objects with question_id and SQL, or only texts; repair the file")


def _holds_json(path: Path, text: str) -> bool:
    try:
        _read_value(path, text)
    except DataError:
        return False
    return True


def _read_value(path: Path, text: str) -> Any:
    """Return an `_Object` or a list; a single object with an answer of its own is a list of one."""
    if path.suffix.lower() == ".jsonl" and not text.lstrip().startswith("["):
        values: Any = parse_lines(path, text, _Object)
    else:
        values = _parse_whole_or_lines(path, text)
    if isinstance(values, list) and len(values) == 1 and isinstance(values[0], _Object):
        values = values[0]
    if isinstance(values, _Object):
        return [values] if values.keys() & set(ANSWER_KEYS) or "question_id" in values else values
    if not isinstance(values, list):
        raise DataError(f"{path}: an object or a list is expected; check that this is a predictions file")
    return values


def _parse_whole_or_lines(path: Path, text: str) -> Any:
    try:
        return parse_json(path, text, _Object)
    except DataError as error:
        if "Extra data" not in str(error):
            raise
        return parse_lines(path, text, _Object)


def _from_lines(text: str, db_ids: Collection[str]) -> AnswerFile:
    lines = text.removesuffix("\n").split("\n") if text else []
    answers = []
    for line in lines:
        answer = _answer(None, line.removesuffix("\r"))
        sql, separator, name = answer.value.rpartition("\t")
        if answer.db_id is None and separator and name.strip() in db_ids:
            answer = Answer(None, sql, name.strip())
        answers.append(answer)
    return AnswerFile("lines", tuple(answers))


def _from_mapping(pairs: _Object) -> AnswerFile:
    official = any(isinstance(value, str) and BIRD_MARK in value for value in pairs.values())
    answers = tuple(_answer(key, value) for key, value in pairs.items())
    return AnswerFile("official" if official else "dict", answers, tuple(pairs.repeated))


def _from_objects(items: Sequence[Mapping[str, Any]], *, beside_gold: bool) -> AnswerFile:
    answers, repeated = [], []
    for position, item in enumerate(items):
        gold = gold_key(item) if beside_gold else None
        key = next((name for name in ANSWER_KEYS if name in item and name != gold), None)
        identifier = None if beside_gold else item.get("question_id")
        answer = _answer(None if identifier is None else str(identifier), item[key] if key else None)
        db_id = answer.db_id or item.get("db_id")
        answers.append(Answer(answer.key, answer.value, None if db_id is None else str(db_id)))
        twice = item.repeated if isinstance(item, _Object) else []
        repeated += [f"{name!r} in item {position}" for name in twice]
    return AnswerFile("objects", tuple(answers), tuple(repeated))


def _answer(key: str | None, value: Any) -> Answer:
    """Make an answer, BIRD's mark and the database's name behind it taken off."""
    if isinstance(value, str) and BIRD_MARK in value:
        sql, _, db_id = value.rpartition(BIRD_MARK)
        return Answer(key, sql, db_id.strip())
    return Answer(key, value)
