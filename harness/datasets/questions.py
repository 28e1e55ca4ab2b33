"""Items of a questions file → `Example`s, whatever the publisher calls its fields."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.datasets.reading import listed, read_text
from harness.types import Example, QuestionId

__all__ = ["GOLD_KEYS", "Questions", "gold_key", "parse_examples", "read_gold_sql"]

GOLD_KEYS = ("gold_sql", "gold", "query", "SQL", "sql")
"""Where gold SQL is looked for, in this order: the names that can mean nothing else come first."""
_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Questions:
    """What a questions file holds; `problems` are the reasons why it must not be scored as it is."""

    examples: tuple[Example, ...]
    problems: tuple[str, ...] = ()


def gold_key(item: Mapping[str, Any]) -> str | None:
    """Return the key that holds an item's gold SQL: text or a list of texts (Spider's `sql` is a tree, no gold)."""
    return next((key for key in GOLD_KEYS if _golds(item.get(key))), None)


def parse_examples(
    items: Sequence[Mapping[str, Any]],
    golds: Sequence[tuple[str, str]] = (),
    *,
    default_db_id: str | None = None,
) -> Questions:
    """Make examples of JSON objects; an item without `question_id` gets its position.

    `golds` are `(SQL, db_id)` of a separate gold file, used by position where an item has no gold itself;
    `default_db_id` stands in where there is only one database. An item that cannot be read is left out and named
    in `problems`.
    """
    examples: list[Example] = []
    faults: dict[str, list[int]] = {}
    for position, item in enumerate(items):
        golds_here = _golds(item.get(gold_key(item) or "")) or tuple(sql for sql, _ in golds[position : position + 1])
        wrong = _missing(item, golds_here, default_db_id)
        if wrong:
            faults.setdefault(wrong, []).append(position)
        else:
            examples.append(_example(position, item, golds_here, default_db_id or ""))
    problems = [f"{wrong}: items {listed(positions)} (from 0)" for wrong, positions in faults.items()]
    counted = Counter(str(example.question_id) for example in examples)
    repeated = [identifier for identifier, count in counted.items() if count > 1]
    if repeated:
        problems.append(f"question ids that occur more than once: {listed(repeated)}")
    return Questions(tuple(examples), tuple(problems))


def _golds(value: object) -> tuple[str, ...]:
    values: list[Any] = value if isinstance(value, list) else [value]
    texts = tuple(text for text in values if isinstance(text, str) and text.strip())
    return texts if len(texts) == len(values) else ()


def _missing(item: Mapping[str, Any], golds: Sequence[str], default_db_id: str | None) -> str:
    """Return what keeps an item from being an example, `""` for nothing."""
    faults = []
    if not isinstance(item.get("question"), str):
        faults.append("no text under 'question'")
    if not golds:
        faults.append(f"no gold SQL under {' | '.join(GOLD_KEYS)}")
    db_id = item.get("db_id") or default_db_id
    if not isinstance(db_id, str) or not db_id:
        faults.append("no 'db_id'")
    identifier = item.get("question_id")
    if identifier is not None and (isinstance(identifier, bool) or not isinstance(identifier, int | str)):
        faults.append(f"question_id is {identifier!r}, not an integer or text")
    faults += [f"{key!r} is not text" for key in ("evidence", "difficulty") if not _is_text(item.get(key))]
    return "; ".join(faults)


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _example(position: int, item: Mapping[str, Any], golds: Sequence[str], default_db_id: str) -> Example:
    identifier: QuestionId | None = item.get("question_id")
    return Example(
        question_id=position if identifier is None else identifier,
        db_id=item.get("db_id") or default_db_id,
        question=item["question"],
        gold_sql=golds[0],
        evidence=item.get("evidence") or "",
        difficulty=item.get("difficulty") or "",
        alternative_gold_sql=tuple(golds[1:]),
    )


def read_gold_sql(path: Path, db_ids: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """Read a `*_gold.sql` file of lines `SQL<TAB>db_id` into `(SQL, db_id)` pairs.

    The SQL may hold TABs, line ends and blank lines: a statement ends at a line whose last TAB is followed by a
    database's name, one of `db_ids` where these are known. What follows the last name is dropped if blank and a
    pair with an empty name if not.
    """
    pairs, pending = [], ""
    for line in read_text(path).split("\n"):
        text, separator, name = line.rstrip("\r").rpartition("\t")
        name = name.strip()
        if separator and (name in db_ids if db_ids else _NAME.fullmatch(name)):
            pairs.append(((pending + text).strip(), name))
            pending = ""
        elif pending or line.strip():
            pending += line.rstrip("\r") + "\n"
    if pending.strip():
        pairs.append((pending.strip(), ""))
    return tuple(pairs)
