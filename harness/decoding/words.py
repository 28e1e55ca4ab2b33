"""The keywords of the grammar, as the rules write them."""

__all__ = ["CONSTANTS", "ENDINGS", "JOINING", "KEYWORDS", "OPERATORS", "SET_OPERATORS"]

SET_OPERATORS = frozenset({"union", "intersect", "except"})
ENDINGS = SET_OPERATORS | {"where", "group", "having", "order", "limit"}
"""What ends FROM, or a SELECT list that has no FROM."""
JOINING = frozenset({"join", "inner", "cross", "left", "right", "full", "natural"})
"""What begins another source."""
CONSTANTS = frozenset({"null", "true", "false", "current_date", "current_time", "current_timestamp"})
_OTHERS = """
    with recursive select distinct all values as not materialized from on using outer by offset and or is in like glob
    between escape collate case when then else end cast exists asc desc nulls first last filter over partition rows
    range groups unbounded preceding following current row
"""
KEYWORDS = ENDINGS | JOINING | CONSTANTS | frozenset(_OTHERS.split())
"""Every keyword that the grammar can write."""

OPERATORS = frozenset({"match", "regexp", "indexed", "window"})
"""What is no keyword of the grammar, but would be read as one behind an expression or a table."""
