"""Does a query name only what exists, where it is in scope? `ground` answers by SQLite's own rules, on sqlglot's tree.

Light to import: sqlglot is loaded by the first call of `ground`.
"""

from harness.analysis.grounding.cache import ground
from harness.analysis.grounding.linking import Linking, link
from harness.analysis.grounding.problems import KINDS, Grounding, Problem

__all__ = ["KINDS", "Grounding", "Linking", "Problem", "ground", "link"]
