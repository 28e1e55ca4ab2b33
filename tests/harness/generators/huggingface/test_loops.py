import random

import pytest

pytest.importorskip("torch")

from harness.generators.huggingface.loops import is_loop

pytestmark = pytest.mark.torch


def lead(ids):
    """Return how many tokens of a sequence come before one that is a loop."""
    return next((place for place, token in enumerate(ids) if is_loop(ids[:place], token)), len(ids))


@pytest.mark.parametrize(
    ("block", "times"), [([7], 16), ([1, 2], 8), ([1, 2, 3], 6), ([1, 2, 3, 4], 4), (list(range(64)), 4)]
)
def test_the_last_token_of_one_repetition_too_many_is_a_loop(block, times):
    before = [90, 91, 92]
    assert lead([*before, *(block * (times + 2))]) == len(before) + len(block) * times - 1


def test_what_is_written_three_times_or_in_small_numbers_is_no_loop():
    assert lead([5, *([1, 2, 3, 4] * 3), 6]) == 14
    assert lead([0] * 15) == 15
    assert lead(list(range(65)) * 4) == 260


def test_tokens_without_repetition_are_no_loop():
    drawn = random.Random(3)
    assert lead([drawn.randrange(40) for _ in range(2_000)]) == 2_000


def repeats(ids, token):
    """What a loop is, word for word: so many times the same, and that makes so many tokens."""
    written = [*ids, token]
    return any(
        written[-length * times :] == written[-length:] * times
        for length in range(1, min(64, len(written) // 4) + 1)
        for times in [max(4, -(-16 // length))]
    )


def test_what_is_a_loop_is_told_as_by_comparing_everything():
    drawn, loops = random.Random(8), 0
    for _ in range(3_000):
        block = [
            drawn.randrange(drawn.choice([2, 3, 50])) for _ in range(drawn.choice([1, 2, 3, 5, 8, 20, 63, 64, 65]))
        ]
        ids = [*(drawn.randrange(3) for _ in range(drawn.randrange(5))), *block * drawn.randrange(20)]
        place = drawn.randrange(len(ids) + 1)
        token = ids[place] if place < len(ids) and drawn.random() < 0.7 else drawn.randrange(3)
        loops += repeats(ids[:place], token)
        assert is_loop(ids[:place], token) == repeats(ids[:place], token)
    assert loops > 500
