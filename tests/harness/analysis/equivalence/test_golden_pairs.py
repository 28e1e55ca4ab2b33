"""The golden pairs: what each rule proves, and the look-alikes that it must not touch."""

from collections import Counter

from harness.analysis.equivalence.proof import prove


def test_a_pair_is_proved_exactly_when_it_should_be(pair, catalogue):
    proof = prove(pair.predicted, pair.gold, catalogue)
    assert proof.proved == (pair.expected == "proved"), proof.reason
    assert proof.reason


def test_no_database_tells_a_proved_pair_apart_and_one_tells_each_different_pair(pair, catalogue, find_difference):
    if pair.expected != "not proved":
        tries = 60 if pair.expected == "proved" else 800
        script = find_difference(pair.predicted, pair.gold, tries)
        assert bool(script) == (pair.expected == "different"), script


def test_every_query_is_itself_unless_it_cannot_be_read(pair, catalogue):
    for sql in (pair.predicted, pair.gold):
        if pair.expected != "not proved":
            assert prove(sql, sql, catalogue).proved


def test_there_are_as_many_look_alikes_as_proofs_in_sight(pairs):
    found = Counter(pair.expected for pair in pairs)
    assert found["proved"] > 80
    assert found["different"] > 70
    assert found["not proved"] > 15
