import sys
from collections import Counter

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from trainer.base import Row
from trainer.schedule import Schedule, group_rows, group_tokens


def rows_of(sizes):
    names = iter(range(10_000))
    return tuple(
        Row(str(next(names)), f"db{db}", (db,), (1,), (2,)) for db, size in enumerate(sizes) for _ in range(size)
    )


sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)


@given(sizes, st.integers(1, 20), st.integers(1, 20), st.integers(0, 5))
def test_every_row_comes_once_an_epoch_in_steps_of_the_same_number_of_examples(sizes, step, group, epoch):
    rows = rows_of(sizes)
    schedule = Schedule(rows, step, group, seed=1)
    steps = schedule.epoch(epoch)
    assert Counter(row for one in steps for group_ in one for row in group_) == Counter(rows)
    counts = [sum(map(len, one)) for one in steps]
    assert len(steps) == schedule.steps_per_epoch
    assert all(count == step for count in counts[:-1])


@given(sizes, st.integers(1, 20))
def test_a_group_has_one_prefix_and_at_most_its_size(sizes, group_size):
    for step in Schedule(rows_of(sizes), 16, group_size, seed=1).epoch(0):
        for group in step:
            assert len(group) <= group_size
            assert len({row.prefix_ids for row in group}) == 1


@given(st.lists(st.integers(1, 60), min_size=2, max_size=8), st.integers(0, 3))
@example([52, 56, 60, 56], 0)
def test_every_step_of_16_mixes_two_databases_unless_one_has_more_than_half_the_rows(sizes, seed):
    assume(2 * max(sizes) <= sum(sizes))
    whole = sum(sizes) // 16
    for step in Schedule(rows_of(sizes), 16, 8, seed=seed).epoch(0)[:whole]:
        assert len({group[0].db_id for group in step}) > 1


def test_a_dominating_database_is_mixed_while_others_last():
    steps = Schedule(rows_of([60, 16, 16]), 16, 8, seed=0).epoch(0)
    assert sum(len({group[0].db_id for group in step}) > 1 for step in steps) >= 4


@given(st.lists(st.integers(1, 60), min_size=2, max_size=8))
def test_splitting_to_fill_a_step_costs_at_most_one_group_a_step(sizes):
    schedule = Schedule(rows_of(sizes), 16, 8, seed=0)
    groups = [group for step in schedule.epoch(0) for group in step]
    assert len(groups) <= len(group_rows(schedule.rows, 8)) + schedule.steps_per_epoch


def test_databases_of_whole_groups_are_never_split():
    assert {len(group) for step in Schedule(rows_of([24, 40, 32]), 16, 8, seed=0).epoch(0) for group in step} == {8}


def test_the_order_is_a_function_of_seed_and_epoch():
    rows = rows_of([30, 30])
    first = Schedule(rows, 16, 8, seed=1)
    assert first.epoch(1) == Schedule(rows, 16, 8, seed=1).epoch(1)
    assert first.epoch(0) != first.epoch(1)
    assert first.epoch(0) != Schedule(rows, 16, 8, seed=2).epoch(0)


def test_groups_of_one_are_separate_examples():
    assert [len(group) for step in Schedule(rows_of([9, 9]), 6, 1, seed=0).epoch(0) for group in step] == [1] * 18


def test_rows_of_one_database_with_other_prefixes_do_not_share():
    rows = (Row("0", "a", (1,), (1,), (2,)), Row("1", "a", (2,), (1,), (2,)))
    assert len(group_rows(rows, 8)) == 2


@pytest.mark.parametrize(("count", "tokens"), [(1, 3), (4, 9)])
def test_a_shared_prefix_counts_once(count, tokens):
    assert group_tokens(rows_of([count])) == tokens


def calls_of_an_epoch(rows):
    count = 0

    def watch(frame, event, _):
        nonlocal count
        count += event == "call" and frame.f_globals.get("__name__") == "trainer.schedule"

    schedule = Schedule(rows, 16, 1, seed=0)
    sys.setprofile(watch)
    try:
        schedule.epoch(0)
    finally:
        sys.setprofile(None)
    return count


def test_an_epoch_of_four_times_the_rows_takes_four_times_the_work():
    assert calls_of_an_epoch(rows_of([200] * 4)) < 5 * calls_of_an_epoch(rows_of([50] * 4))
