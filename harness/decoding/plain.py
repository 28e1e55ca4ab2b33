"""The plain form of a scope: scopes that differ in nothing a token depends on have one, and share their masks."""

from typing import Any

from harness.decoding.scope import Scope

__all__ = ["plain"]


def plain(scope: Scope) -> Scope:
    """Return the scope without what no token depends on: result columns that nobody counts, and settled wants."""
    frame = scope.frame
    changed: dict[str, Any] = {}
    if (frame.items or frame.item is not None) and frame.arity is None and not frame.required and not frame.spared:
        starred = any(item.endswith("*") for item in (*frame.items, frame.item or ""))
        changed |= {"items": ("*",) if starred else (), "item": None}
    if frame.wanted and frame.settled:
        changed["wanted"] = frozenset()
    bare = scope.with_frame(frame._replace(**changed)) if changed else scope
    # Only what a source may be called without AS hangs on the names that the statement made.
    return bare._replace(declared=frozenset()) if bare.declared and scope.expect != "after_source" else bare
