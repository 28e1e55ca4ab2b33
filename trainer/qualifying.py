"""Golds whose columns stand behind the name of their table, where an annotator wrote `T1` or nothing.

`SELECT T2.label FROM atom AS T1 …` makes a model choose a number before it has written what the number means; two
thirds of the answers of a fine-tuned 1.5B model that do not run give a column to the wrong one. `SELECT molecule.label`
says what it means at once. Only names are touched, and only where SQLite compiles both texts to the same program.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope, walk_in_scope

from harness.analysis.parsing import parse_statements
from harness.datasets.ddl import to_ddl
from harness.execution.programs import Programs
from harness.identifiers import quote
from harness.types import Example, Schema, Table
from trainer.config import TrainDataConfig

__all__ = ["Qualifier", "Targets", "qualify_targets"]

_Span = tuple[int, int]


@dataclass(frozen=True)
class Targets:
    """What became of the golds: how many are taught in other words, and which had to stay as they are."""

    rewritten: int = 0
    kept: tuple[str, ...] = ()


def qualify_targets(
    examples: Iterable[Example], schemas: Mapping[str, Schema], config: TrainDataConfig
) -> tuple[tuple[Example, ...], Targets]:
    """Return the examples with their golds as `config.qualifiers` wants them taught."""
    examples = tuple(examples)
    if config.qualifiers == "as_written":
        return examples, Targets()
    qualifiers: dict[str, Qualifier] = {}
    taught: list[Example] = []
    kept: list[str] = []
    for example in examples:
        if example.db_id not in qualifiers:
            qualifiers[example.db_id] = Qualifier(schemas[example.db_id], always=config.qualifiers == "always")
        sql = qualifiers[example.db_id].rewrite(example.gold_sql)
        if sql is None:
            kept.append(f"{example.db_id}/{example.question_id}")
        taught.append(example if sql is None else replace(example, gold_sql=sql))
    rewritten = sum(one.gold_sql != other.gold_sql for one, other in zip(examples, taught, strict=True))
    return tuple(taught), Targets(rewritten, tuple(kept))


class Qualifier:
    """Rewrites queries over one schema: `always`, or only where they have an alias."""

    def __init__(self, schema: Schema, *, always: bool) -> None:
        self._tables = {table.name.lower(): table for table in schema.tables}
        self._always = always
        self._programs = Programs(to_ddl(schema))

    def rewrite(self, sql: str) -> str | None:
        """Return the query with tables' names for qualifiers, `None` where SQLite would not run the same program."""
        text = self._edit(sql)
        same = text is not None and (text == sql or self._programs.are_equal(sql, text))
        return text if same else None

    def _edit(self, sql: str) -> str | None:
        """Return the text with other qualifiers, `None` where sqlglot does not read it."""
        try:
            (tree,) = parse_statements(sql)
            scopes = [_Frame(scope, self._tables) for scope in traverse_scope(tree)]
        except (SqlglotError, ValueError, RecursionError):
            return None
        by_scope = {id(frame.scope): frame for frame in scopes}
        edits: dict[_Span, str] = {}
        for frame in scopes:
            edits |= frame.declarations()
            edits |= dict(self._columns(frame, by_scope))
        return _apply(sql, edits)

    def _columns(self, frame: "_Frame", frames: Mapping[int, "_Frame"]) -> Iterator[tuple[_Span, str]]:
        for node in frame.columns():
            around: _Frame | None = frame
            while around is not None:
                edit = around.edit(node, always=self._always)
                if edit is not None:
                    yield from edit.items()
                    break
                around = frames.get(id(around.scope.parent))


class _Frame:
    """The sources of one SELECT: by what the query calls them, the tables of the schema that they are."""

    def __init__(self, scope: Any, tables: Mapping[str, Table]) -> None:
        self.scope = scope
        sources = {alias.lower(): source for alias, (_, source) in scope.selected_sources.items()}
        read = {alias: source for alias, source in sources.items() if isinstance(source, exp.Table)}
        times = Counter(source.name.lower() for source in read.values())
        self._others = set(sources) - set(read)
        self._tables = {alias: tables[one.name.lower()] for alias, one in read.items() if one.name.lower() in tables}
        # A table that is read twice needs its aliases.
        self._nodes = {alias: read[alias] for alias, table in self._tables.items() if times[table.name.lower()] == 1}
        self._columns = {alias: {one.name.lower(): one.name for one in t.columns} for alias, t in self._tables.items()}
        self._named = {name.lower() for name in getattr(scope.expression, "named_selects", ())}

    def columns(self) -> Iterator[Any]:
        """Yield the columns that stand in this SELECT itself."""
        yield from (node for node in walk_in_scope(self.scope.expression) if isinstance(node, exp.Column))

    def declarations(self) -> dict[_Span, str]:
        """Return the edits that take aliases off the tables that are read once."""
        edits = {}
        for alias, node in self._nodes.items():
            start, end = _span(node.this)
            edits[start, end] = quote(self._tables[alias].name)
            name = node.args.get("alias")
            if name is not None:
                edits[end, _span(name.this)[1]] = ""
        return edits

    def edit(self, node: Any, *, always: bool) -> dict[_Span, str] | None:
        """Return the edits of a column that belongs to this SELECT, `None` where it belongs to one around it."""
        name, qualifier = node.name.lower(), node.table.lower()
        if not qualifier:
            return self._edit_bare(node, name) if always else {}
        if qualifier not in self._tables:
            return {} if qualifier in self._others else None
        if qualifier not in self._nodes:
            return {}
        edits = {_span(node.args["table"]): quote(self._tables[qualifier].name)}
        if name in self._columns[qualifier]:
            edits[_span(node.this)] = quote(self._columns[qualifier][name])
        return edits

    def _edit_bare(self, node: Any, name: str) -> dict[_Span, str] | None:
        owners = [alias for alias, columns in self._columns.items() if name in columns]
        if len(owners) != 1 or self._others or owners[0] not in self._nodes or self._is_result(node, name):
            return {} if owners or self._others or name in self._named else None
        table = self._tables[owners[0]]
        return {_span(node.this): f"{quote(table.name)}.{quote(self._columns[owners[0]][name])}"}

    def _is_result(self, node: Any, name: str) -> bool:
        """Whether a name in ORDER BY is that of a result column, which comes before any table's."""
        aliases = {one.alias.lower() for one in self.scope.expression.expressions if isinstance(one, exp.Alias)}
        return name in aliases and node.find_ancestor(exp.Order) is not None


def _span(identifier: Any) -> _Span:
    """Return where an identifier stands in the text, quotes included."""
    return identifier.meta["start"], identifier.meta["end"] + 1


def _apply(text: str, edits: Mapping[_Span, str]) -> str:
    pieces, at = [], 0
    for (start, end), new in sorted(edits.items()):
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])
