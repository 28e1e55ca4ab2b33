"""The result columns of a query that is being written: what they are called, and when they have no name."""

from harness.decoding.scope import Frame, Scope

__all__ = ["end_item", "leave_unnamed", "result_columns"]


def leave_unnamed(scope: Scope) -> Scope:
    """Return the scope after something that keeps the result column from having a name."""
    frame = scope.frame
    if frame.clause != "select" or frame.item == "":
        return scope
    return scope.with_frame(frame._replace(item=""))


def end_item(frame: Frame) -> Frame:
    """Return the query behind a result column."""
    if frame.clause != "select" or frame.item is None:
        return frame
    return frame._replace(items=(*frame.items, frame.item), item=None)


def result_columns(frame: Frame) -> tuple[str, ...]:
    """Return the names of the result columns, `*` written out; `""` for one without a name."""
    found: list[str] = []
    for item in frame.items:
        if item == "*" or item.endswith(".*"):
            sources = [one for one in frame.sources if item == "*" or one.alias == item[:-2]]
            found += dict.fromkeys(column for source in sources for column in source.columns)
        else:
            found.append(item)
    return tuple(found)
