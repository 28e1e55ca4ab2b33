"""Every error that this program raises on purpose, as a tree.

```
T2SError                    exit   what happened
├── UsageError                 2   the command cannot mean what it says
│   ├── ConfigError            2   a TOML file or a --set is wrong; lists every problem
│   └── MissingDependency      2   an optional extra is not installed
├── DataError                  2   a data set, database or predictions file is missing or broken
├── ModelError                 2   weights, tokeniser or adapter cannot be loaded here
├── RunError                   3   the run itself failed: disk full, output not writable
└── GateFailed                 1   a limit was broken, or `verify` found a difference
```

A wrong answer of a model is none of these: it is data, and is scored.
Messages read *where: what is wrong; what to do*.
"""

from collections.abc import Sequence
from enum import IntEnum

__all__ = [
    "ConfigError",
    "DataError",
    "ExitCode",
    "GateFailed",
    "MissingDependency",
    "ModelError",
    "RunError",
    "T2SError",
    "UsageError",
]


class ExitCode(IntEnum):
    """What the process tells its parent."""

    OK = 0
    GATE = 1
    USAGE = 2
    RUN = 3
    INTERRUPTED = 130


class T2SError(Exception):
    """The root of the tree; `exit_code` is what the command line returns."""

    exit_code: ExitCode = ExitCode.RUN


class UsageError(T2SError):
    """The command cannot mean what it says."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A configuration is wrong; `problems` holds one line for each mistake found."""

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.where = where
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{where}: {count} problem{'s' if count != 1 else ''}; fix and run again\n{listed}")


class MissingDependency(UsageError):
    """An optional part is not installed; the message names the extra that brings it."""


class DataError(T2SError):
    """A data set, database or predictions file is missing or broken."""

    exit_code = ExitCode.USAGE


class ModelError(T2SError):
    """Weights, tokeniser or adapter cannot be loaded on this machine."""

    exit_code = ExitCode.USAGE


class RunError(T2SError):
    """The run failed while it was going on: disk full, output not writable."""

    exit_code = ExitCode.RUN


class GateFailed(T2SError):
    """A limit was broken, or a verification found a difference."""

    exit_code = ExitCode.GATE
