"""What must not come next, and answers that go on from a beginning."""

import re

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given
from hypothesis import strategies as st

from harness.generators.base import Continues
from harness.generators.huggingface.forbidding import Words, make_bans
from harness.types import Column, Prompt, Schema, Table

pytestmark = pytest.mark.torch

TEXTS = [
    "",
    "name",
    " name",
    ' "name',
    "na",
    "me",
    "me,",
    "_full",
    "name_full",
    " T1.",
    "NAME",
    ".name",
    " x",
    "names",
    ")",
]
PROMPTS = [Prompt(index, "SELECT a FROM t " * 2, "Q " * (index + 1)) for index in range(6)]


SCHEMA = Schema("d", (Table("T1", (Column("name_full"), Column("na"))),))


def forbidden(written, *names, schema=None):
    bits = Words(TEXTS).forbidden(written, make_bans(names, schema))
    return None if bits is None else {text for token, text in enumerate(TEXTS) if bits[0] >> token & 1}


def test_a_name_is_not_written_to_its_end():
    assert forbidden("", "name") == {"name", " name", ' "name', "NAME"}
    assert forbidden(" na", "name") == {"me", "me,"}
    assert forbidden(" T1", "T1.name") == {".name"}
    assert forbidden(" other", "name") is None
    assert forbidden(" names", "name") is None


def test_it_may_begin_a_longer_one_of_the_schema_which_then_must_come():
    assert forbidden("", "T1.name", schema=SCHEMA) == set()
    assert forbidden(" T1", "T1.name", schema=SCHEMA) == set()
    assert forbidden(" na", "name", schema=SCHEMA) == {"me,"}
    assert forbidden(' "name', "name", schema=SCHEMA) == {"", " name", ' "name', " T1.", ".name", " x", ")"}
    assert forbidden(" name_", "name", schema=SCHEMA) is None
    assert forbidden(" name_full", "name_full", schema=SCHEMA) is not None


def test_a_sign_is_complete_at_once():
    assert forbidden("", ")") == {")"}
    assert forbidden("", "T1.", "name,") == {" T1."}
    assert forbidden("na", "name,") == {"me,"}


@given(
    st.lists(st.sampled_from(TEXTS[1:]), min_size=1, max_size=6),
    st.sampled_from(["name", "T1.name", "na", ")"]),
    st.sampled_from([None, SCHEMA]),
)
def test_no_sequence_that_is_let_through_begins_with_the_name_and_ends_it(parts, name, schema):
    words, bans, written = Words(TEXTS), make_bans([name], schema), ""
    for part in [*parts, ""]:
        bits = words.forbidden(written, bans)
        if bits is not None and bits[0] >> TEXTS.index(part) & 1:
            return
        written += part
    found = re.match(r"\s*(\w+(?:\.\w+)?|\))", written.replace('"', ""))
    assert found is None or found[1].casefold() != name.casefold()


@pytest.mark.parametrize("engine", ["shared", "generate"])
def test_answers_go_on_from_their_beginning_without_what_is_forbidden(make_generator, folder, engine):
    generator = make_generator(folder, engine=engine, stop_early=False)
    assert isinstance(generator, Continues)
    beginnings = ["SELECT ", "SELECT a", "", "SELECT a ", "SELECT b FROM ", "a "]
    free = list(generator.generate_from(PROMPTS, beginnings, [frozenset()] * 6))
    assert all(one.text.startswith(beginnings[one.index]) for one in free)
    assert {one.index: one.text for one in free}[2] == {one.index: one.text for one in generator.generate(PROMPTS)}[2]
    words = {one.index: one.text[len(beginnings[one.index]) :].split()[:1] for one in free}
    names = [frozenset(words[index]) for index in range(6)]
    kept = {one.index: one for one in generator.generate_from(PROMPTS, beginnings, names)}
    assert sorted(kept) == list(range(6))
    for index, one in kept.items():
        written = one.text[len(beginnings[index]) :]
        assert one.text.startswith(beginnings[index])
        assert frozenset(written.split()[:1]) != names[index] or not names[index]
        assert one.completion_tokens <= 12
        assert one.prompt_tokens == 8 + index + 1 + len(beginnings[index].split())


def test_both_engines_go_on_alike(make_generator, folder):
    beginnings, names = ["SELECT ", "", "SELECT a", "a ", "b", "SELECT "], [frozenset({"t", "1"})] * 6
    found = [
        {
            one.index: one.text
            for one in make_generator(folder, engine=engine, batch_size=2).generate_from(PROMPTS, beginnings, names)
        }
        for engine in ("shared", "generate")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 6
