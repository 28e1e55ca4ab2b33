from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets.sampling import BUCKETS, evidence_bucket, sample
from harness.errors import UsageError
from harness.types import Example


def make(words):
    return tuple(Example(i, "d", "?", "SELECT 1", evidence="w " * count) for i, count in enumerate(words))


@pytest.mark.parametrize(
    ("words", "bucket"),
    [
        *((0, "0"), (1, "1-5"), (5, "1-5"), (6, "6-10"), (10, "6-10")),
        *((11, "11-20"), (20, "11-20"), (21, "21-40"), (40, "21-40"), (41, ">40")),
    ],
)
def test_the_bucket_is_the_number_of_words(words, bucket):
    assert evidence_bucket(" w\n" * words) == bucket


WORDS = st.lists(st.integers(0, 60), max_size=80)


@given(words=WORDS, fraction=st.floats(0.01, 1.0), seed=st.integers(0, 5))
def test_a_sample_keeps_order_total_and_every_buckets_share(words, fraction, seed):
    examples = make(words)
    kept = sample(examples, fraction, seed)
    total = round(fraction * len(examples))
    ids = [example.question_id for example in kept]
    assert ids == sorted(set(ids))
    assert len(kept) == total
    before = Counter(evidence_bucket(example.evidence) for example in examples)
    after = Counter(evidence_bucket(example.evidence) for example in kept)
    for bucket in BUCKETS:
        assert abs(after[bucket] - total * before[bucket] / max(1, len(examples))) < 1


def test_the_same_seed_draws_the_same_sample_and_another_one_another():
    examples = make([0] * 60 + [8] * 60)
    assert sample(examples, 0.45, 7) == sample(examples, 0.45, 7)
    assert sample(examples, 0.45, 7) != sample(examples, 0.45, 8)


def test_the_sample_of_a_seed_never_changes():
    examples = make([0, 8, 15, 30] * 5)
    assert [example.question_id for example in sample(examples, 0.4, 42)] == [1, 3, 4, 10, 11, 16, 17, 18]


def test_what_one_bucket_holds_does_not_change_what_is_drawn_from_another():
    few, many = make([8] * 20 + [0] * 20), make([8] * 20 + [15] * 20)
    first = [one.question_id for one in sample(few, 0.5, 1) if one.question_id < 20]
    assert first == [one.question_id for one in sample(many, 0.5, 1) if one.question_id < 20]


def test_the_whole_is_a_sample_of_itself():
    examples = make([0, 3, 50])
    assert sample(examples, 1.0, 3) == examples


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(UsageError, match="fraction"):
        sample(make([1]), fraction, 0)
