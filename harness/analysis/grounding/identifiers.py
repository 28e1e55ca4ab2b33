"""How a name is written: with which quotes, and behind which qualifiers."""

from sqlglot import exp

from harness.analysis.grounding.names import fold
from harness.analysis.grounding.sources import Path

__all__ = ["column_path", "is_double_quoted", "text_of", "written_path"]


def text_of(node: object) -> str:
    """Return an identifier without its quotes; `'a string'` where SQLite wants a name is one too."""
    return node.name if isinstance(node, exp.Identifier | exp.Literal) else ""


def column_path(node: exp.Expression) -> Path | None:
    """Return what a column's name or a chain of dots names, None when it is no name."""
    parts = [fold(part) for part in _parts(node)]
    if not parts or not all(parts) or parts[0].startswith("$"):
        return None  # `$x` is a parameter
    # SQLite knows database.table.column; whatever stands in front of these it refuses as syntax.
    name, qualifier, database = [*reversed(parts), "", ""][:3]
    return Path(name, qualifier, database)


def written_path(node: exp.Expression) -> str:
    """Return the name as the query writes it, without quotes."""
    return ".".join(_parts(node))


def is_double_quoted(node: exp.Expression, sql: str) -> bool:
    """Whether a column is one name in double quotes, which SQLite takes for a string when it means nothing."""
    identifier = node.this
    if not isinstance(identifier, exp.Identifier) or not identifier.quoted or node.args.get("table"):
        return False
    start = identifier.meta.get("start")
    return isinstance(start, int) and sql[start : start + 1] == '"'


def _parts(node: exp.Expression) -> list[str]:
    if isinstance(node, exp.Dot):
        return [*_parts(node.this), *_parts(node.expression)]
    if isinstance(node, exp.Column):
        names = [node.args.get(key) for key in ("catalog", "db", "table", "this")]
        return [text_of(name) for name in names if name is not None]
    return [text_of(node)]
