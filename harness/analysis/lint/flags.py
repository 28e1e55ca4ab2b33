"""What can be doubtful about a gold, as a closed list."""

from dataclasses import dataclass

__all__ = ["KINDS", "Flag"]

KINDS = (
    "fails",
    "timeout",
    "empty",
    "only_null",
    "not_grounded",
    "volatile",
    "tie_at_limit",
    "unordered_limit",
    "null_first",
    "text_as_number",
    "bare_column",
    "row_order",
    "float_order",
)
"""Every kind of flag.

- `fails`: an error, a refusal or a resource limit; `timeout`: the time limit
- `empty`: no row; `only_null`: rows, but nothing in them except NULL
- `not_grounded`: a name that the schema does not have, or one in double quotes that SQLite reads as text therefore
- `volatile`: names the clock or chance (`'now'`, CURRENT_DATE, RANDOM()), so that the answer does not last
- `tie_at_limit`: LIMIT keeps some of several different rows that the ORDER BY cannot tell apart; in a sub-query only
  where another choice changes the result
- `unordered_limit`: LIMIT without ORDER BY that leaves rows out
- `null_first`: LIMIT keeps rows because NULL comes first in ascending order
- `text_as_number`: numbers stored as text are ordered, compared or searched for their largest as text, with another
  outcome than as numbers
- `bare_column`: an aggregate query shows or orders by a value that is neither grouped by nor aggregated and that
  differs inside of a group, so that SQLite takes any of them
- `row_order`: the result changes when SQLite reads its tables backwards
- `float_order`: so it does, but in the last digits of a floating-point sum alone
"""


@dataclass(frozen=True, slots=True)
class Flag:
    """A doubt about a gold: one of `KINDS`, and a sentence for people."""

    kind: str
    message: str
