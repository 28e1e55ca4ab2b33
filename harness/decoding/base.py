"""What a constraint is: something that says, token by token, what a row may write next."""

from typing import TYPE_CHECKING, Protocol

from harness.types import Schema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CONSTRAINT_VERSION", "Constraint", "Track"]

CONSTRAINT_VERSION = 2
"""Goes up when rows may write other statements than before: answers under another version are other answers."""


class Track(Protocol):
    """One row that is being decoded."""

    def fill(self, row: "NDArray[np.uint32]") -> None:
        """Write which tokens may come next: token t is bit `t % 32` of word `t // 32` of ceil(vocabulary / 32)."""
        ...

    def advance(self, token: int) -> bool:
        """Note that the row chose this token, an end token too; where it may not come return False, as if not asked."""
        ...

    def hurry(self) -> None:
        """Note that few tokens are left: where it can be, the statement comes to its end."""
        ...

    def closer(self) -> int | None:
        """Return the token that may come next and closes most: the statement, or something in it. None for none."""
        ...

    @property
    def opening(self) -> "NDArray[np.uint32]":
        """The tokens, as bits, that had better not come where everything must be closed: they go on, or nest."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the statement is complete, so that only an end token may come."""
        ...


class Constraint(Protocol):
    """Makes tracks; schemas are compiled once and kept."""

    vocabulary: int

    def start(self, schema: Schema) -> Track:
        """Return a track at the beginning of a statement over this schema."""
        ...
