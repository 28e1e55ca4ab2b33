"""What can be wrong with a name, and what is known of a query once every name has been looked up."""

from dataclasses import dataclass

__all__ = ["KINDS", "Grounding", "Problem"]

_WORDS = {
    "unknown_table": "unknown table {name}",
    "unknown_column": "unknown column {name}",
    "wrong_scope": "{name} is not in scope",
    "unknown_function": "unknown function {name}",
    "ambiguous": "ambiguous column {name}",
    "quoted_string": '"{name}" names nothing, so SQLite reads it as a string',
    "unreadable": "not readable as one query",
}
_PLACES = {
    "unknown_column": " in {where}",
    "wrong_scope": ": it belongs to {where}",
    "ambiguous": ": {where} have it",
    "unreadable": ": {where}",
}
KINDS: tuple[str, ...] = tuple(_WORDS)
"""The closed list of `Problem.kind`."""

_SHOWN_PLACES = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One name that SQLite cannot look up, or looks up as something else than a name.

    `name` is written as in the query, without quotes (`t1.hero_name`; `""` for `unreadable`). `where` tells more of
    the place: for `unknown_column` the table that was asked, for `wrong_scope` the tables that have the column, for
    `ambiguous` the tables in scope that have it, for `unreadable` the reason; else `""`. `suggestion` is what could
    stand there instead, `""` where nothing is near or nothing in scope will do.
    """

    kind: str
    name: str
    where: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        """Say it in one clause, e.g. `unknown column superhero.hero_name (did you mean superhero_name?)`."""
        said = _WORDS[self.kind].format(name=self.name)
        if self._tells_where():
            said += _PLACES[self.kind].format(where=self._place())
        return f"{said} (did you mean {self.suggestion}?)" if self.suggestion else said

    def _tells_where(self) -> bool:
        if not self.where or self.kind not in _PLACES:
            return False
        if self.kind == "wrong_scope":
            return not self.suggestion
        return self.kind != "unknown_column" or not self.name.lower().startswith(f"{self.where.lower()}.")

    def _place(self) -> str:
        if self.kind == "unreadable":
            return self.where
        tables = self.where.split(", ")
        more = len(tables) - _SHOWN_PLACES
        return f"{', '.join(tables[:_SHOWN_PLACES])} and {more} more" if more > 0 else " and ".join(tables)


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a query names.

    `problems` stand in the order in which they were met, each name once. `tables` and `columns` are what of the
    schema the query reads, in lower case, columns as (table, column). What would be read only by a common table
    expression that nobody reads is not among them, nor are SQLite's own tables.
    """

    problems: tuple[Problem, ...] = ()
    tables: frozenset[str] = frozenset()
    columns: frozenset[tuple[str, str]] = frozenset()

    @property
    def readable(self) -> bool:
        """Whether the text could be read as one query at all."""
        return not any(problem.kind == "unreadable" for problem in self.problems)

    def explain(self) -> str:
        """Return all problems on one line, `""` for none."""
        return "; ".join(str(problem) + self._unread(problem) for problem in self.problems)

    def _unread(self, problem: Problem) -> str:
        if problem.kind != "wrong_scope" or problem.suggestion:
            return ""
        owners = problem.where.lower().split(", ")
        if not self.tables.isdisjoint(owners):
            return ""
        return ", which the query does not read" if len(owners) == 1 else ", none of which the query reads"
