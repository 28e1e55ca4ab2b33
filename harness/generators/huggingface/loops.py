"""A model that cannot write what it wants may write the same condition until its tokens are spent."""

from collections.abc import Sequence

__all__ = ["is_loop"]

LONGEST = 64
"""Tokens of what is repeated."""
TIMES, LEAST = 4, 16
"""So often it must have been written in a row, and so many tokens that must make: `1,000,000,000` is no loop."""


def is_loop(ids: Sequence[int], token: int) -> bool:
    """Return whether a token finishes one more repetition of the tokens before it, of which there are too many then."""
    written = [*ids[-LONGEST * TIMES :], token]
    for length in range(1, min(LONGEST, len(written) // TIMES) + 1):
        if written[-1 - length] != token:
            continue
        times = max(TIMES, -(-LEAST // length))
        if written[-length * times :] == written[-length:] * times:
            return True
    return False
