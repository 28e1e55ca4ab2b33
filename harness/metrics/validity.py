"""`valid_sql_raw` and `valid_sql`: does sqlglot's SQLite dialect read exactly one query?

The root must be a query with a non-empty projection. Commands, DML and bare expressions are not valid: sqlglot
reads `Sure` as a column, a bare `SELECT` as a select and a closed Markdown fence as one backtick identifier.
Not covered: names; a valid query may still ask for columns that do not exist (see `prepares`).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from harness.types import Prediction, Score

__all__ = ["ValidSql", "ValidSqlRaw", "why_invalid"]

# A comment ends at its first `*/` and is never tried again with a later one: so many comments cost no more than one.
_BEGINNING = re.compile(
    r"(?:[\s(;]|--[^\n]*\n|/\*(?:(?!\*/).)*\*/)*+(?:SELECT|WITH|VALUES)\b", re.IGNORECASE | re.DOTALL
)


@lru_cache(maxsize=4096)
def why_invalid(sql: str) -> str:
    """Return `""` when `sql` is exactly one query, else the reason in a few words."""
    from sqlglot.errors import SqlglotError  # noqa: PLC0415  (0.1 s: only scoring pays for it)

    from harness.analysis.parsing import describe_error, parse_statements  # noqa: PLC0415

    try:
        statements = parse_statements(sql)
    except (SqlglotError, RecursionError) as error:
        return f"does not parse: {describe_error(error)}"
    if statements and not _BEGINNING.match(sql):
        # sqlglot reads `FROM t` as a query and adds the star; SQLite does not.
        return "does not begin with SELECT, WITH or VALUES"
    if len(statements) != 1:
        return "no statement" if not statements else f"{len(statements)} statements"
    return _why_no_query(statements[0])


def _why_no_query(root: Any) -> str:
    from sqlglot import exp  # noqa: PLC0415

    if not isinstance(root, exp.Query | exp.Values):
        return f"not a query but {root.key}"
    if isinstance(root, exp.Query) and not root.selects:
        return "empty projection"
    if root.args.get("into"):
        return "SELECT INTO is not SQLite's"
    return ""


@dataclass(frozen=True)
class ValidSqlRaw:
    """Validity of the completion as it came, white space at its ends aside."""

    name: ClassVar[str] = "valid_sql_raw"
    needs_databases: ClassVar[bool] = False

    def score(self, prediction: Prediction) -> Score:
        """Return 1.0 when the raw completion is one query."""
        return _verdict(self.name, prediction.completion.text.strip())


@dataclass(frozen=True)
class ValidSql:
    """Validity of the extracted SQL."""

    name: ClassVar[str] = "valid_sql"
    needs_databases: ClassVar[bool] = False

    def score(self, prediction: Prediction) -> Score:
        """Return 1.0 when the extracted SQL is one query."""
        return _verdict(self.name, prediction.extraction.sql or "")


def _verdict(metric: str, sql: str) -> Score:
    reason = why_invalid(sql) if sql else "no SQL"
    return Score(metric, 0.0 if reason else 1.0, reason)
