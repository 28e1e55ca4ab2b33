"""What one SQL statement may cost."""

from dataclasses import dataclass

from harness.errors import UsageError

__all__ = ["KILL_GRACE_S", "MIB", "SQL_LENGTH", "Limits"]

MIB = 1024 * 1024
SQL_LENGTH = 1_000_000
"""The longest statement accepted, in bytes of UTF-8; the longest gold of BIRD and Spider has about 2,000."""

KILL_GRACE_S = 0.3
"""How long after its deadline a worker may still answer by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one statement.

    `timeout_s` covers execute and fetch together; `memory_mib` is what a worker may allocate beyond what it has
    when it starts; `max_bytes` bounds the result as it is sent from the worker. Raises `UsageError` for limits
    that nothing could meet.
    """

    timeout_s: float = 30.0
    memory_mib: int = 1024
    max_rows: int = 1_000_000
    max_bytes: int = 256 * MIB

    def __post_init__(self) -> None:
        floors = {"timeout_s": 0.001, "memory_mib": 16, "max_rows": 1, "max_bytes": 1024}
        low = [f"{name} must be at least {floor}" for name, floor in floors.items() if not getattr(self, name) >= floor]
        if low:
            raise UsageError(f"execution limits: {'; '.join(low)}; raise them")
