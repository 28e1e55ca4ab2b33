"""Why a prediction failed: exactly one label of a closed list, so that the counts of a run sum to n.

Rules are tried in this order, and the first that holds decides:

1. No gold gave rows: `gold_timeout` where one ran out of time, else `gold_error`; nobody can judge.
2. Strictly right: `correct`, whatever the official evaluator says (it knows no tied LIMIT).
3. `truncated`: the token limit cut the completion, and what was found of the SQL is incomplete (or nothing was found).
4. `no_sql`: no answer, or no statement in it.
5. The executor's refusal: `forbidden_statement`, `timeout`, `resource`.
6. SQLite's own message: `syntax`, `unknown_table`, `unknown_column` or `wrong_scope`, `unknown_function`,
   `ambiguous`; any other one is a `runtime_error`.
7. Rows came back and are not the gold's: see `harness.analysis.differences`. With several golds the one that is
   nearest counts.

An answer that is officially right and strictly wrong ends in rule 7: as `duplicates` or `order`, or by its columns
where neither result has rows.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from harness.analysis.differences import DIFFERENCES, classify_difference
from harness.types import Execution, Prediction, Schema, Status

__all__ = ["DIAGNOSES", "Equality", "Finding", "Findings", "diagnose", "explain"]

DIAGNOSES = (
    "correct",
    "no_sql",
    "truncated",
    "syntax",
    "unknown_table",
    "unknown_column",
    "wrong_scope",
    "unknown_function",
    "ambiguous",
    "forbidden_statement",
    "timeout",
    "resource",
    "runtime_error",
    "empty_result",
    "extra_columns",
    "missing_columns",
    "wrong_columns",
    "duplicates",
    "order",
    "type_or_format",
    "wrong_rows",
    "gold_error",
    "gold_timeout",
)
"""Every label: right, unreadable, not runnable, wrong; the last two are no fault of the model."""

_REFUSALS = {
    Status.FORBIDDEN: "forbidden_statement",
    Status.TIMEOUT: "timeout",
    Status.RESOURCE: "resource",
}
_COLUMN = "unknown_column"
_MESSAGES = (
    (re.compile(r'near ".*": syntax error', re.DOTALL), "syntax"),
    (re.compile(r"incomplete input|unrecognized token: .*", re.DOTALL), "syntax"),
    (re.compile(r"the SQL (?:contains a NUL character|is not valid Unicode)"), "syntax"),
    (re.compile(r"no statement"), "no_sql"),
    (re.compile(r"no such table: (?P<name>.*)", re.DOTALL), "unknown_table"),
    (re.compile(r"no such column: (?P<name>.*)", re.DOTALL), _COLUMN),
    (re.compile(r"cannot join using column (?P<name>.*) - column not present in both tables", re.DOTALL), _COLUMN),
    (re.compile(r"no such function: (?P<name>.*)", re.DOTALL), "unknown_function"),
    (re.compile(r"ambiguous column name: (?P<name>.*)", re.DOTALL), "ambiguous"),
)
"""SQLite's messages, whole, and their labels: https://sqlite.org/src/file/src/resolve.c and select.c."""

_NAMES = {
    "unknown_table": "table {name} does not exist",
    "unknown_column": "column {name} does not exist",
    "wrong_scope": "column {name} is in another table only",
    "unknown_function": "function {name} does not exist",
    "ambiguous": "column {name} is in more than one table in scope",
}

_FROM = re.compile(r"\bFROM\b", re.IGNORECASE)
# Newer versions of SQLite put the name in quotes and add advice to it.
_ADVICE = re.compile(r" - should this be a string literal in single-quotes\?\Z")


class Finding(Protocol):
    """What is asked of `harness.analysis.grounding.Problem`."""

    @property
    def kind(self) -> str:
        """`wrong_scope`, `unknown_column` and others."""

    @property
    def name(self) -> str:
        """The name as it was written, with or without its table."""

    @property
    def suggestion(self) -> str:
        """The nearest name that exists, or how the name could be reached; `""` for none."""


class Findings(Protocol):
    """What is asked of `harness.analysis.grounding.Grounding`."""

    @property
    def problems(self) -> Sequence[Finding]:
        """What is wrong with the names of the statement."""


class Equality(Protocol):
    """What is asked of `harness.analysis.verdicts.Verdict`."""

    @property
    def equal(self) -> bool:
        """Whether the answer is strictly right."""


def diagnose(prediction: Prediction, grounding: Findings | None, strict: Equality | None) -> str:
    """Return one of `DIAGNOSES`; the module's docstring has the rules.

    `grounding` is the statement's (None: the schema alone tells `wrong_scope` from `unknown_column`), `strict` the
    verdict of `judge_strict` against the gold it agrees with, if any (None: only identical rows are right). Needs
    `prediction.execution` and `prediction.golds`.
    """
    predicted, golds = prediction.execution, prediction.golds
    if predicted is None or golds is None:
        raise AssertionError("a diagnosis needs executions; the pipeline provides them")
    judges = [gold for gold in golds if gold.ok]
    if not judges:
        return "gold_timeout" if any(gold.status is Status.TIMEOUT for gold in golds) else "gold_error"
    if predicted.ok:
        return _diagnose_rows(prediction, predicted, judges, strict)
    return _diagnose_failure(prediction, predicted, grounding)


def _diagnose_rows(
    prediction: Prediction, predicted: Execution, judges: Sequence[Execution], strict: Equality | None
) -> str:
    if strict.equal if strict is not None else any(predicted.rows == gold.rows for gold in judges):
        return "correct"
    columns = frozenset(_column_names(prediction.schema))
    found = (classify_difference(predicted, gold, columns) for gold in judges)
    return min(found, key=DIFFERENCES.index)


def _diagnose_failure(prediction: Prediction, predicted: Execution, grounding: Findings | None) -> str:
    if predicted.status is Status.MISSING:
        return "no_sql"
    label, name = _read_message(predicted)
    if _was_cut(prediction, label, name):
        return "truncated"
    if label == _COLUMN:
        return _place_column(name, grounding, prediction.schema)
    return label


def _read_message(predicted: Execution) -> tuple[str, str]:
    """Return the label of a failed execution, and the name that its message is about."""
    if predicted.status is Status.NO_SQL:
        return "no_sql", ""
    if predicted.status in _REFUSALS:
        return _REFUSALS[predicted.status], ""
    for pattern, label in _MESSAGES:
        if found := pattern.fullmatch(predicted.error):
            return label, _ADVICE.sub("", found.groupdict().get("name", "")).strip('"')
    return "runtime_error", ""


def _was_cut(prediction: Prediction, label: str, name: str) -> bool:
    """Whether the token limit is to blame: the completion ends inside of its SQL, or before it.

    A statement that a `;` or a fence closed was complete. A name that does not exist is blamed on the cut where it
    is the very last thing written, a column also where no FROM has come yet.
    """
    if prediction.completion.finish_reason != "length":
        return False
    sql = prediction.extraction.sql
    if sql is None or label == "no_sql":
        return True
    if not prediction.completion.text.rstrip().endswith(sql):
        return False
    return label == "syntax" or _ends_early(sql, label, name)


def _ends_early(sql: str, label: str, name: str) -> bool:
    return bool(name) and (sql.lower().endswith(name.lower()) or (label == _COLUMN and not _FROM.search(sql)))


def _place_column(name: str, grounding: Findings | None, schema: Schema) -> str:
    """Tell a column that exists elsewhere in the database from one that exists nowhere."""
    wanted = _last_part(name)
    for problem in grounding.problems if grounding else ():
        if problem.kind in ("wrong_scope", _COLUMN) and _last_part(problem.name) == wanted:
            return problem.kind
    known = _column_names(schema)
    parts = name.lower().split(".")
    return "wrong_scope" if any(".".join(parts[place:]) in known for place in range(len(parts))) else _COLUMN


def _last_part(name: str) -> str:
    return name.lower().rsplit(".", 1)[-1].strip("\"'`[] ")


def _column_names(schema: Schema) -> set[str]:
    return {column.name.lower() for table in schema.tables for column in table.columns}


def explain(prediction: Prediction, diagnosis: str, grounding: Findings | None) -> str:
    """Say in a few words, for people, what a label means for this answer; `""` for `correct`."""
    if diagnosis in _NAMES:
        return _explain_name(prediction, diagnosis, grounding)
    predicted, golds = prediction.execution, prediction.golds or ()
    if diagnosis == "truncated":
        return f"cut off at the token limit, after {prediction.completion.completion_tokens:,} tokens"
    if diagnosis in DIFFERENCES and predicted is not None:
        return _explain_rows(diagnosis, predicted, _find_meant(prediction, diagnosis, predicted))
    failed = golds[0] if diagnosis.startswith("gold_") and golds else predicted
    return failed.error if failed is not None and diagnosis != "correct" else ""


def _explain_name(prediction: Prediction, diagnosis: str, grounding: Findings | None) -> str:
    _, name = _read_message(prediction.execution) if prediction.execution else ("", "")
    found = [one for one in (grounding.problems if grounding else ()) if _last_part(one.name) == _last_part(name)]
    nearest = next((one.suggestion for one in found if one.suggestion), "")
    return _NAMES[diagnosis].format(name=name) + (f"; nearest: {nearest}" if nearest else "")


def _find_meant(prediction: Prediction, diagnosis: str, predicted: Execution) -> Execution:
    """Return the gold that a label was given for; of several, the first one that it holds for."""
    judges = [gold for gold in prediction.golds or () if gold.ok]
    columns = frozenset(_column_names(prediction.schema))
    others = judges if len(judges) > 1 else ()
    return next((gold for gold in others if classify_difference(predicted, gold, columns) == diagnosis), judges[0])


def _explain_rows(diagnosis: str, predicted: Execution, gold: Execution) -> str:
    rows = f"{_count(len(predicted.rows), 'row')} where the gold has {len(gold.rows):,}"
    if diagnosis.endswith("_columns"):
        return f"{', '.join(predicted.columns)} where the gold has {', '.join(gold.columns)}; {rows}"
    if diagnosis in ("order", "type_or_format"):
        return f"the gold's {_count(len(gold.rows), 'row')} in another {diagnosis.replace('_or_', ' or ')}"
    if diagnosis == "duplicates":
        return f"the gold's rows, otherwise repeated: {rows}"
    if diagnosis == "empty_result":
        return rows
    wrong = len(set(predicted.rows) - set(gold.rows))
    lacking = len(set(gold.rows) - set(predicted.rows))
    return f"{rows}; each counted once, {wrong:,} should not be there and {lacking:,} are missing"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
