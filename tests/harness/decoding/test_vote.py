"""Execution-grouped voting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison import equal_official
from harness.decoding.vote import Ballot, Candidate, elect, vote
from harness.types import Execution, Status


def ran(*rows, logprob=None):
    return Candidate(Execution(Status.OK, ("x",), rows), logprob)


FAILED = Candidate(Execution(Status.ERROR, error="no such column: x"))
EMPTY = ran()

results = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 2), st.sampled_from([0.0, 1.0, "1"]))), max_size=3)
candidates = st.lists(
    st.one_of(
        results.map(lambda rows: Candidate(Execution(Status.OK, ("x",), tuple(rows)))),
        st.sampled_from(list(Status)[1:]).map(lambda status: Candidate(Execution(status, error="?"))),
    ),
    min_size=1,
    max_size=8,
)


def test_the_biggest_group_wins_and_its_earliest_member_stands_for_it():
    found = vote([ran((1,)), ran((2,)), ran((2,)), ran((3,))])
    assert (found.chosen, found.groups) == (1, (0, 1, 1, 2))


def test_results_are_the_same_as_sets_of_rows_with_numbers_by_value():
    assert vote([ran((1,), (2,)), ran((2,), (1.0,), (1,)), ran(("1",), (2,))]).groups == (0, 0, 1)


@pytest.mark.parametrize("last", [FAILED, EMPTY])
def test_one_result_with_rows_beats_any_number_of_empty_ones_and_failures(last):
    assert vote([last, last, last, ran((1,))]).chosen == 3


def test_an_empty_result_beats_failures_and_these_belong_to_no_group():
    assert vote([FAILED, FAILED, EMPTY]) == type(vote([EMPTY]))(2, (None, None, 0))


def test_failures_alone_leave_the_first_or_the_likeliest():
    assert vote([FAILED, FAILED]).chosen == 0
    unlikely, likely = (Candidate(FAILED.execution, logprob) for logprob in (-9.0, -1.0))
    assert vote([unlikely, likely]).chosen == 1


def test_a_tie_goes_to_the_group_with_the_likeliest_member_and_that_member_stands_for_it():
    tied = [ran((1,), logprob=-2.0), ran((2,), logprob=-5.0), ran((1,), logprob=-3.0), ran((2,), logprob=-1.0)]
    assert vote(tied).chosen == 3


def test_numbers_go_before_probabilities():
    assert vote([ran((1,), logprob=-0.1), ran((2,), logprob=-8.0), ran((2,), logprob=-9.0)]).chosen == 1


def test_probabilities_that_not_all_have_decide_nothing():
    assert vote([ran((1,)), ran((2,), logprob=-0.1)]).chosen == 0


def test_no_candidate_is_no_election():
    with pytest.raises(ValueError, match="at least one"):
        vote([])


@given(candidates)
def test_candidates_are_in_one_group_exactly_where_official_equality_says_so(tries):
    groups = vote(tries).groups
    for one, group in zip(tries, groups, strict=True):
        assert (group is None) == (not one.execution.ok)
        for other, its in zip(tries, groups, strict=True):
            if group is not None and its is not None:
                assert (group == its) == equal_official(one.execution.rows, other.execution.rows)


@given(candidates)
def test_no_better_kind_and_no_bigger_group_is_passed_over(tries):
    found = vote(tries)

    def worth(place):
        execution, group = tries[place].execution, found.groups[place]
        size = found.groups.count(group) if group is not None else 1
        return (2 if execution.rows else 1, size) if execution.ok else (0, 1)

    assert worth(found.chosen) == max(map(worth, range(len(tries))))
    assert not any(worth(place) == worth(found.chosen) for place in range(found.chosen))


@given(candidates)
def test_the_kept_group_numbers_elect_the_same_one_again(tries):
    found = vote(tries)
    ballots = [Ballot(group, empty=not one.execution.rows) for group, one in zip(found.groups, tries, strict=True)]
    assert elect(ballots) == found.chosen
