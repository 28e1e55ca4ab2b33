"""A model that cannot write what it wants may write the same condition until its tokens are spent."""

from collections.abc import Sequence

__all__ = ["is_loop"]

LONGEST = 64
"""Tokens of what is repeated."""
TIMES, LEAST = 4, 16
"""So often it must have been written in a row, and so many tokens that must make: `1,000,000,000` is no loop."""


def is_loop(ids: Sequence[int], token: int) -> bool:
    """Return whether a token finishes one more repetition of the tokens before it, of which there are too many then."""
    recent = ids[: -LONGEST - 1 : -1]
    place = -1
    for _ in range(recent.count(token)):
        place = recent.index(token, place + 1)
        length = place + 1
        times = max(TIMES, -(-LEAST // length))
        # Most are none by the place before: whole repetitions are compared only where that has the token too.
        if length * times > len(ids) + 1 or ids[-2 * length] != token:
            continue
        written = [*ids[1 - length * times :], token]
        if written == written[-length:] * times:
            return True
    return False
