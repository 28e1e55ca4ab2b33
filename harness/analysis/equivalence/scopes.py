"""Which column a name means: the sources of a SELECT, its aliases, and the SELECTs around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.analysis.equivalence.terms import FALSE, TRUE, Term, column
from harness.analysis.equivalence.tokens import UnreadableError, fold

__all__ = ["Frame", "find_column", "find_quoted", "names_alias"]

_ROW_IDS = ("rowid", "oid", "_rowid_")


@dataclass
class Frame:
    """The names that one SELECT can see.

    `sources` holds alias, uid, column names and rowid alias of each item of FROM so far. `hidden` are the columns
    that USING merged into an earlier one. `aliases` is `None` while the result columns themselves are resolved.
    """

    sources: list[tuple[str, int, tuple[str, ...], str]] = field(default_factory=list)
    hidden: set[tuple[int, str]] = field(default_factory=set)
    aliases: Mapping[str, Term] | None = None

    def owners(self, name: str, qualifier: str) -> list[Term]:
        """Return the columns of this frame that a name can mean."""
        found = []
        for alias, uid, columns, rowid in self.sources:
            if qualifier not in ("", alias):
                continue
            if name in columns and (qualifier or (uid, name) not in self.hidden):
                found.append(column(uid, name))
            elif name in _ROW_IDS and rowid and name not in columns:
                found.append(column(uid, rowid))
        return found


def find_column(frames: list[Frame], name: str, qualifier: str) -> Term:
    """Return the column or alias that a name means, looking outwards from the last frame as SQLite does.

    Raises `UnreadableError` where SQLite finds none or several, and for an alias of a query further out.
    """
    found = _look_up(frames, name, qualifier)
    if found is None and not qualifier and name in ("true", "false"):
        return TRUE if name == "true" else FALSE
    if found is None:
        raise UnreadableError(f"no such column: {qualifier + '.' if qualifier else ''}{name}")
    return found


def find_quoted(frames: list[Frame], text: str) -> Term:
    """Return what a name in double quotes means: a column, or the text itself when there is none, as SQLite has it."""
    found = _look_up(frames, fold(text), "")
    return Term("text", text=text) if found is None else found


def names_alias(frame: Frame, term: Term) -> Term | None:
    """Return the result column that a whole term of ORDER BY names, if it is one: there, aliases come first."""
    bare = term.head in ("name", "quoted") and not term.args
    return (frame.aliases or {}).get(fold(term.text)) if bare else None


def _look_up(frames: list[Frame], name: str, qualifier: str) -> Term | None:
    for depth, frame in enumerate(reversed(frames)):
        owners = frame.owners(name, qualifier)
        if len(owners) > 1:
            raise UnreadableError(f"ambiguous column: {name}")
        if owners:
            return owners[0]
        if not qualifier and frame.aliases is not None and name in frame.aliases:
            if depth:
                raise UnreadableError(f"{name} is an alias of an outer query")
            return frame.aliases[name]
    return None
