"""What a race between statements gave."""

from dataclasses import dataclass

from harness.types import Status

__all__ = ["Measurement"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Times of several statements that took turns; all by statement, in the order they were given.

    Where `status` is not ok a statement failed, `error` says why and the rest is empty. `execute_s` and `total_s` hold
    the seconds of every repeat, without and with fetching the rows. `vm_steps` counts what SQLite's virtual machine
    did: the same for one SQLite version and file, exact up to 100,000 steps, in whole thousands above, `None` above
    10⁹.
    """

    status: Status
    error: str = ""
    execute_s: tuple[tuple[float, ...], ...] = ()
    total_s: tuple[tuple[float, ...], ...] = ()
    vm_steps: tuple[int | None, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every statement ran."""
        return self.status is Status.OK
