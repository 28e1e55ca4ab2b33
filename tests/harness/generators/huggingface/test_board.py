"""Who sits where."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given
from hypothesis import strategies as st

from harness.generators.huggingface.board import Board
from harness.generators.huggingface.rows import Request, Row
from harness.types import Prompt

pytestmark = pytest.mark.torch


def rows_of(counts):
    return [
        Row(Request(Prompt(number, "", ""), (place,), (1,)))
        for place, count in enumerate(counts)
        for number in range(count)
    ]


def follow(board, seats, moves):
    """Do to `seats` what a bank does."""
    for source, target in moves:
        assert source in seats
        assert target not in seats
        seats[target] = seats.pop(source)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_every_row_is_seated_once_behind_its_own_prefix_and_moves_are_true(counts, tiles, tile_rows, places, chance):
    rows = rows_of(counts)
    board = Board(rows, tiles, tile_rows, min(places, tiles))
    seats, loaded, begun = {}, {}, []
    while board.live or board.waiting:
        follow(board, seats, board.compact())
        room = board.room
        refill = board.refill()
        loaded.update(refill.prefixes)
        new = [(place, slot, row) for place, seated in refill.rows.items() for slot, row in seated]
        assert len(new) == room
        for place, slot, row in new:
            assert loaded[place] == row.request.prefix
            assert slot not in seats
            seats[slot] = row
            begun.append(row)
        assert board.live == len(seats) > 0
        if not board.waiting:
            needed = board.fewest_tiles
            follow(board, seats, board.compact())
            follow(board, seats, board.settle())
            assert board.extent == needed
        for slot, row in seats.items():
            assert board.slots[slot] is row
            assert board.places[board.tile_places[slot // tile_rows]] == row.request.prefix
        for slot in chance.sample(sorted(seats), chance.randint(1, len(seats))):
            board.release(slot)
            del seats[slot]
    assert sorted(map(id, begun)) == sorted(map(id, rows))


def test_rows_of_one_prefix_come_before_those_of_the_next():
    board = Board(rows_of([6, 6]), tiles=2, tile_rows=4, places=2)
    seated = board.refill().rows
    assert [row.request.prefix for _, row in seated[0]] == [(0,)] * 6
    assert not board.waiting - 6
    for slot in range(4):
        board.release(slot)
    assert board.compact() == [(4, 0), (5, 1)]
    assert [row.request.prefix for _, row in board.refill().rows[1]] == [(1,)] * 4
