"""`ground`, remembered: metric, diagnosis and linking ask the same question of the same query."""

from functools import lru_cache

from harness.analysis.grounding.names import Names
from harness.analysis.grounding.problems import Grounding
from harness.types import Schema

__all__ = ["ground"]


class _Identity:
    """A schema compared by identity: hashing one costs more than reading a query."""

    __slots__ = ("schema",)

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.schema is self.schema

    def __hash__(self) -> int:
        return id(self.schema)


def ground(sql: str, schema: Schema) -> Grounding:
    """Look up every name of one SQLite query in `schema`.

    Never raises for a fault of the query: text that is not one query has the single problem `unreadable`.
    """
    return _ground(sql, _Identity(schema))


@lru_cache(maxsize=8192)
def _ground(sql: str, identity: _Identity) -> Grounding:
    from harness.analysis.grounding.resolver import resolve  # noqa: PLC0415 - sqlglot takes 0.1 s to load

    return resolve(sql, _names(identity))


@lru_cache(maxsize=512)
def _names(identity: _Identity) -> Names:
    return Names(identity.schema)
