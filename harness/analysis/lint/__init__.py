"""Gold lint: golds that fail, that hang on chance, or that do not say what they seem to say.

Importing it loads sqlglot: import it where golds are looked at.
"""

from harness.analysis.lint.flags import KINDS, Flag
from harness.analysis.lint.golds import lint_dataset, lint_gold

__all__ = ["KINDS", "Flag", "lint_dataset", "lint_gold"]
