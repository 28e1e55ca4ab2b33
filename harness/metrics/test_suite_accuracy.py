"""`test_suite_accuracy`: Spider's execution accuracy on many databases of one schema, arithmetic and all.

Source: taoyds/test-suite-sql-eval, evaluation.py and exec_eval.py, without plugging in values. Repeated are: the
substitutions that it makes in both statements, DISTINCT dropped unless kept, order required when the gold's text
contains `order by` anywhere. Not repeated: only the first of several statements would be run, and bytes that are not
UTF-8 would vanish from text. A gold that fails stops their program and gives 0.0 here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from harness.analysis.clauses import tokenize
from harness.comparison import equal_spider
from harness.errors import ConfigError, DataError
from harness.execution import Executor
from harness.types import Prediction, Score

__all__ = ["TestSuiteAccuracy", "prepare_statement"]

_SPLIT_OPERATORS = {"> =": ">=", "< =": "<=", "! =": "!="}
_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class TestSuiteAccuracy:
    """1.0 when prediction and gold agree on every `*.sqlite` of the folder `path`/`db_id`.

    The folder's own copy of the main database counts when it is there. With several golds, agreeing with any of them
    is right. Raises `ConfigError` when `path` is no folder, and on scoring `DataError` when it has no databases for a
    question.
    """

    path: str
    keep_distinct: bool = False
    name: ClassVar[str] = "test_suite_accuracy"
    needs_databases: ClassVar[bool] = False
    runs_sql: ClassVar[bool] = True
    __test__: ClassVar[bool] = False  # not one of pytest's

    def __post_init__(self) -> None:
        if not Path(self.path).is_dir():
            problem = f"path: {self.path} is no folder; name the one that has a folder of databases for each db_id"
            raise ConfigError(self.name, [problem])

    def score(self, prediction: Prediction, executor: Executor) -> Score:
        """Return 1.0 or 0.0; the reason names the database that tells the two apart."""
        files = list_databases(self.path, prediction.example.db_id)
        if prediction.extraction.sql is None:
            return Score(self.name, 0.0, "no SQL")
        # Theirs, for models that leave values out.
        text = prediction.extraction.sql.replace(" value ", " 1 ")
        predicted = prepare_statement(text, keep_distinct=self.keep_distinct)
        suite = executor.on({file.name: file for file in files})
        reasons = []
        for gold in prediction.example.golds:
            reason = self._tell_apart(predicted, prepare_statement(gold, keep_distinct=self.keep_distinct), suite)
            if not reason:
                return Score(self.name, 1.0)
            reasons.append(reason)
        return Score(self.name, 0.0, reasons[0])

    def _tell_apart(self, predicted_sql: str, gold_sql: str, suite: Executor) -> str:
        """Return which database tells two statements apart and how, `""` when none does."""
        ordered = "order by" in gold_sql.lower()
        for name in suite.databases:
            gold = suite.execute(name, gold_sql)
            if not gold.ok:
                return f"{name}: gold failed: {gold.error}"
            predicted = suite.execute(name, predicted_sql)
            if not predicted.ok:
                return f"{name}: {predicted.status}: {predicted.error}"
            if not equal_spider(predicted.rows, gold.rows, ordered=ordered):
                return f"{name}: {len(predicted.rows)} rows differ from the gold's {len(gold.rows)}"
        return ""


@lru_cache(maxsize=512)
def list_databases(path: str, db_id: str) -> tuple[Path, ...]:
    """Return the databases of one `db_id` by name; raises `DataError` when there are none."""
    folder = Path(path) / db_id
    files = tuple(sorted(folder.glob("*.sqlite")))
    if not files:
        what = "has no *.sqlite" if folder.is_dir() else "does not exist"
        raise DataError(f"{folder}: {what}; test_suite_accuracy needs a folder of databases for each db_id")
    return files


def prepare_statement(sql: str, *, keep_distinct: bool) -> str:
    """Return a statement as Spider's evaluator runs it: operators joined, DISTINCT dropped, the year fixed to 2020."""
    for split, joined in _SPLIT_OPERATORS.items():
        sql = sql.replace(split, joined)
    return _YEAR.sub("2020", sql if keep_distinct else _drop_distinct(sql))


def _drop_distinct(sql: str) -> str:
    parts, end = [], 0
    for token in tokenize(sql):
        if token.keyword == "DISTINCT":
            parts.append(sql[end : token.start])
            end = token.end
    return "".join([*parts, sql[end:]])
