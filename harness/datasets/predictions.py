"""Answers of a predictions file, paired with questions: nothing is guessed, nothing is dropped silently."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.datasets.prediction_files import ANSWER_KEYS, BIRD_MARK, Answer, AnswerFile, read_answer_file
from harness.datasets.reading import listed, problem_report
from harness.errors import UsageError
from harness.files import write_text
from harness.types import Dataset, QuestionId

__all__ = ["KeyedBy", "Predictions", "read_predictions", "write_official"]

KeyedBy = Literal["position", "id"]


@dataclass(frozen=True)
class Predictions:
    """Answers by the position of their question; `missing` and `unknown` are empty unless they were allowed.

    `format` says how the file was read, e.g. `official by position`.
    """

    by_index: Mapping[int, str]
    missing: tuple[QuestionId, ...]
    unknown: tuple[str, ...]
    format: str


def read_predictions(
    path: str | Path, dataset: Dataset, *, keyed_by: KeyedBy | None = None, allow_missing: bool = False
) -> Predictions:
    """Read a predictions file in any of the known formats and pair it with the questions of `dataset`.

    Positions are those of the question file, from 0; ids compare as text; the answer is the text as it came, without
    BIRD's mark. `null` is no answer. With `allow_missing`, questions without an answer and ids that no question has
    are listed in the result. Raises `UsageError` when keys could be positions as well as ids and `keyed_by` does not
    say which; `DataError` naming repeated ids, answers that are no text, answers for another database and, unless
    allowed, missing and unknown ids, all in one message.
    """
    path = Path(path)
    if keyed_by not in (None, "position", "id"):
        raise UsageError(f"--keyed-by {keyed_by}: there is no such way; use position or id")
    beside_gold = _holds_gold(path, dataset)
    file = read_answer_file(path, dataset.schemas.keys(), beside_gold=beside_gold)
    # Questions that were read from this very file stand in its order, whatever their ids.
    key_kind = "position" if beside_gold else keyed_by or _key_kind(path, file, dataset)
    by_order = all(answer.key is None for answer in file.answers)
    if file.answers and by_order and key_kind == "id":
        raise UsageError(
            f"{path}: --keyed-by id, but its answers have no ids; use --keyed-by position or add question_id"
        )
    pairing = _Pairing(dataset, key_kind, by_order=by_order)
    for position, answer in enumerate(_without_blank_end(file, len(dataset.examples))):
        pairing.add(position, answer)
    pairing.require_sound(path, file.repeated, allow_missing=allow_missing)
    return Predictions(
        by_index=dict(sorted(pairing.by_index.items())),
        missing=pairing.missing(),
        unknown=tuple(pairing.unknown),
        format=f"{file.shape} by {key_kind}",
    )


def _holds_gold(path: Path, dataset: Dataset) -> bool:
    """Whether this is the one-database case, where the questions file itself carries the predicted SQL."""
    names = {database.stem for database in dataset.databases.values()}
    own = len(dataset.sources) == 1 and dataset.sources[0].resolve() == path.resolve()
    return own and names == {dataset.name}


def _key_kind(path: Path, file: AnswerFile, dataset: Dataset) -> KeyedBy:
    """Decide what the keys of a file are; asks where both readings make sense and differ."""
    keys = {answer.key for answer in file.answers if answer.key is not None}
    if not keys:
        return "position" if file.answers or file.shape != "dict" else "id"
    if file.shape != "dict":
        return "position" if file.shape == "official" else "id"
    at_position = {str(position): str(one.question_id) for position, one in enumerate(dataset.examples)}
    ids = set(at_position.values())
    if not keys <= at_position.keys() or all(at_position[key] == key for key in keys):
        return "id"
    if not keys & ids:
        return "position"
    raise UsageError(
        f"{path}: its keys could be positions in the questions file as well as question ids; "
        "say which with --keyed-by position or --keyed-by id"
    )


def _without_blank_end(file: AnswerFile, expected: int) -> tuple[Answer, ...]:
    """Drop blank lines behind the last question; within the questions a blank line is an empty answer."""
    answers = file.answers
    while file.shape == "lines" and len(answers) > expected and not answers[-1].value.strip():
        answers = answers[:-1]
    return answers


class _Pairing:
    """Answers on their way to their questions, and what went wrong with them."""

    def __init__(self, dataset: Dataset, key_kind: KeyedBy, *, by_order: bool) -> None:
        self.dataset = dataset
        self.by_order = by_order
        names = [str(one.question_id) for one in dataset.examples] if key_kind == "id" else map(str, range(self._count))
        self.index = {name: position for position, name in enumerate(names)}
        self.by_index: dict[int, str] = {}
        self.seen: Counter[str] = Counter()
        self.unknown: list[str] = []
        self.keyless: list[int] = []
        self.not_text: dict[int, str] = {}
        self.elsewhere: list[str] = []

    @property
    def _count(self) -> int:
        return len(self.dataset.examples)

    def add(self, position: int, answer: Answer) -> None:
        """Pair one answer; `position` is its place in the file."""
        key = str(position) if self.by_order else answer.key
        if key is None:
            self.keyless.append(position)
            return
        self.seen[key] += 1
        index = self.index.get(key)
        if index is None:
            self.unknown.append(key)
            return
        expected = self.dataset.examples[index].db_id
        if answer.db_id is not None and answer.db_id != expected:
            self.elsewhere.append(f"{key} ({answer.db_id}, not {expected})")
        if isinstance(answer.value, str):
            self.by_index[index] = answer.value
        elif answer.value is not None:
            self.not_text[index] = f"{key} ({type(answer.value).__name__})"

    def missing(self) -> tuple[QuestionId, ...]:
        """Return the ids of the questions without an answer, in the order of the questions."""
        without = (index for index in range(self._count) if index not in self.by_index and index not in self.not_text)
        return tuple(self.dataset.examples[index].question_id for index in without)

    def require_sound(self, path: Path, repeated_keys: tuple[str, ...], *, allow_missing: bool) -> None:
        """Raise one `DataError` with everything that is wrong."""
        name = f"{self.dataset.name}/{self.dataset.split}"
        repeated = dict.fromkeys([*repeated_keys, *(key for key, count in self.seen.items() if count > 1)])
        broken = [
            _count_and_list("answered more than once", list(repeated)),
            _count_and_list("answers without question_id among answers with one, at", self.keyless),
            _count_and_list("answers for another database than the question's", self.elsewhere),
            _count_and_list("answers that are not text", list(self.not_text.values())),
        ]
        incomplete = [
            _count_and_list("questions without an answer", self.missing()),
            _count_and_list(f"ids that {name} does not have", self.unknown),
        ]
        # Without ids nobody can say which of too many answers belong to the questions.
        if self.by_order and self.unknown:
            broken.append(f"{self._count + len(self.unknown)} answers without ids for {self._count} questions")
            incomplete.pop()
        problems = [problem for problem in (*broken, *([] if allow_missing else incomplete)) if problem]
        if not problems:
            return
        keys = f"; answers are looked for under {' | '.join(ANSWER_KEYS)}" if not self.by_index else ""
        hopeful = not any(broken)
        advice = "repair the file" if not hopeful else "--allow-missing scores missing answers 0, ignores unknown ids"
        raise problem_report(path, problems, advice + keys)


def _count_and_list(what: str, names: tuple[object, ...] | list[object] | list[str] | list[int]) -> str:
    return f"{what}: {listed(names)} ({len(names)} in all)" if names else ""


def write_official(path: Path, dataset: Dataset, answers: Mapping[int, str]) -> None:
    """Write answers, by position, as BIRD's own evaluator wants them; a question without one gets an empty answer.

    The file appears at once and whole; raises `RunError` when it cannot be written.
    """
    lines = {
        str(position): f"{answers.get(position, '')}{BIRD_MARK}{example.db_id}"
        for position, example in enumerate(dataset.examples)
    }
    # BIRD's evaluator reads strict UTF-8: a lone surrogate in one answer must not cost all the others.
    write_text(path, json.dumps(lines, ensure_ascii=False, indent=4) + "\n", errors="replace")
