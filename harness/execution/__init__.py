"""The only code that runs SQL: supervised child processes, read-only databases, and a verdict for everything.

What SQL does wrong is a `Status`; what is wrong with the harness or its data is an exception.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.execution.executor import Executor
    from harness.execution.library import SQLITE_VERSION
    from harness.execution.limits import Limits
    from harness.execution.statement import is_deterministic

__all__ = ["SQLITE_VERSION", "Executor", "Limits", "is_deterministic"]

# A worker imports this package as well, and must not wait for the parent's half of it.
_HOMES = {"SQLITE_VERSION": "library", "Executor": "executor", "Limits": "limits", "is_deterministic": "statement"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for; raises `AttributeError` for other names."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
