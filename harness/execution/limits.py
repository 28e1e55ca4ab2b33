"""What one SQL statement may cost."""

import math
from dataclasses import dataclass

from harness.errors import UsageError

__all__ = ["KILL_GRACE_S", "MIB", "SQL_LENGTH", "Limits"]

MIB = 1024 * 1024
LONGEST_S = 86_400.0
"""A day: a query that takes longer is no answer, and the clocks that wait for it count in 32 bits."""

SQL_LENGTH = 1_000_000
"""The longest statement accepted, in bytes of UTF-8; the longest gold of BIRD and Spider has about 2,000."""

MOST_MEMORY_MIB = 1 << 24
"""16 TiB: in bytes it still fits what the system counts limits in."""

KILL_GRACE_S = 0.3
"""How long after its deadline a worker may still answer by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one statement.

    `timeout_s` covers execute and fetch together; `memory_mib` is what a worker may allocate beyond what it has
    when it starts; `max_bytes` bounds the result as it is sent from the worker. Raises `UsageError` for limits
    that nothing could meet or keep.
    """

    timeout_s: float = 30.0
    memory_mib: int = 1024
    max_rows: int = 1_000_000
    max_bytes: int = 256 * MIB

    def __post_init__(self) -> None:
        floors = {"timeout_s": 0.001, "memory_mib": 16, "max_rows": 1, "max_bytes": 1024}
        wrong = [
            f"{name} must be at least {floor}" for name, floor in floors.items() if not getattr(self, name) >= floor
        ]
        if not math.isfinite(self.timeout_s) or self.timeout_s > LONGEST_S:
            wrong.append(f"timeout_s must be a number of at most {LONGEST_S:g} (a day)")
        if self.memory_mib > MOST_MEMORY_MIB:
            wrong.append(f"memory_mib must be at most {MOST_MEMORY_MIB}")
        if wrong:
            raise UsageError(f"execution limits: {'; '.join(wrong)}; change them")
