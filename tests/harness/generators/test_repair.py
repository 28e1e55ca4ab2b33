"""A second try at what SQLite refuses."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.execution import Executor
from harness.extraction import extract, statement_end
from harness.generators import repair as module
from harness.generators.base import pending_prompts
from harness.generators.repair import Repairing, render_second_prompt
from harness.types import Column, Completion, Dataset, Example, Prompt, Repair, Schema, Table

SCHEMA = Schema("db", (Table("people", (Column("id", "INTEGER"), Column("name", "TEXT"))),))
DDL = "CREATE TABLE people (id INTEGER, name TEXT);"
GOOD, BAD, WORSE = "SELECT name FROM people", "SELECT nmae FROM people", "SELECT again FROM people"
COUNT = 6


def prompts(count=COUNT):
    return [Prompt(index, "schema\n", f"-- Question: {index}\n-- SQL:\n") for index in range(count)]


@dataclass
class Scripted:
    """Answers a prompt with `first[index]`, one text a sample, and a second prompt with `second[index]`."""

    first: dict
    second: dict = field(default_factory=dict)
    samples: int = 1
    seen: list = field(default_factory=list)

    def generate(self, prompts):
        self.seen.append(list(prompts))
        for prompt in prompts:
            again = "SQLite refuses" in prompt.suffix
            texts = (self.second if again else self.first).get(prompt.index, [GOOD] * self.samples)
            for sample, text in enumerate(texts):
                yield Completion(prompt.index, text, sample, latency_s=1.0)


@dataclass
class Continuing(Scripted):
    continued: list = field(default_factory=list)

    def generate_from(self, prompts, prefixes, forbidden):
        for prompt, prefix, names in zip(prompts, prefixes, forbidden, strict=True):
            self.continued.append((prompt.index, prefix, names))
            for sample in range(self.samples):
                yield Completion(prompt.index, f"{prefix}name FROM people", sample)


def repairing(generator, **options):
    examples = tuple(Example(i, "db", "?", GOOD) for i in range(COUNT))
    dataset = Dataset("d", "dev", examples, {"db": SCHEMA}, {})
    return Repairing(generator, dataset, extract, lambda: Executor({}, ddl={"db": DDL}, workers=1), **options)


def complete(generator, wanted=None):
    found = generator.generate(prompts() if wanted is None else wanted)
    return {(one.index, one.sample): one for one in found}


def test_a_refused_answer_is_asked_for_once_more_and_replaced():
    generator = Scripted({2: [BAD], 4: [BAD + ";"]}, {2: [GOOD], 4: [f"Sorry!\n```sql\n{GOOD}\n```"]})
    found = complete(repairing(generator))
    assert [len(one) for one in generator.seen] == [COUNT, 2]
    assert found[2, 0].text == GOOD
    assert found[2, 0].repair == Repair(BAD, "no such column: nmae", "asked", accepted=True)
    assert found[2, 0].latency_s == 2.0
    assert found[4, 0].repair.sql == BAD
    assert found[1, 0].repair is None


def test_a_second_answer_that_is_refused_too_does_not_replace_the_first():
    found = complete(repairing(Scripted({2: [BAD]}, {2: [WORSE]})))
    assert found[2, 0].text == BAD
    assert found[2, 0].repair == Repair(BAD, "no such column: nmae", "asked", accepted=False)


@pytest.mark.parametrize("second", ["I cannot.", ""])
def test_a_second_answer_without_sql_does_not_either(second):
    assert complete(repairing(Scripted({2: [BAD]}, {2: [second]})))[2, 0].text == BAD


@pytest.mark.parametrize("first", ["", "SELECT 1 WHERE 0", GOOD])
def test_what_has_no_sql_or_is_prepared_is_not_asked_for_again(first):
    generator = Scripted({2: [first]})
    assert complete(repairing(generator))[2, 0].repair is None
    assert len(generator.seen) == 1


def test_a_statement_that_is_no_query_is_asked_for_again():
    assert complete(repairing(Scripted({2: ["DELETE FROM people"]})))[2, 0].repair.accepted


def test_the_second_prompt_shows_the_sql_and_the_message_behind_the_same_prefix():
    generator = Scripted({2: [BAD]})
    complete(repairing(generator))
    (second,) = generator.seen[1]
    assert second.prefix == prompts()[2].prefix
    assert second.suffix == prompts()[2].suffix + (
        "SELECT nmae FROM people;\n"
        "-- SQLite refuses this query: no such column: nmae\n"
        "-- unknown column nmae (did you mean name?)\n"
        "-- The corrected query.\n"
        "-- SQL:\n"
    )


def test_a_message_of_several_lines_stays_a_comment():
    suffix = render_second_prompt(prompts()[0], "SELECT 1", 'near "\nDROP": syntax error', ["a\nb"]).suffix
    assert all(line.startswith("--") for line in suffix.splitlines()[3:])


def test_no_statement_ends_in_what_a_second_prompt_adds_that_is_taken_for_an_answer():
    suffix = render_second_prompt(prompts()[0], BAD, "no such column: nmae").suffix
    assert statement_end(suffix + GOOD) is not None  # a model that repeats it whole is cut behind its first statement


def test_each_refused_sample_may_be_replaced_by_the_second_try_of_its_number():
    generator = Scripted({2: [GOOD, BAD, WORSE]}, {2: ["SELECT 0", "SELECT 1", WORSE]}, samples=3)
    found = complete(repairing(generator))
    assert [found[2, sample].text for sample in range(3)] == [GOOD, "SELECT 1", WORSE]
    assert found[2, 0].repair is None
    assert (found[2, 1].repair.accepted, found[2, 2].repair.accepted) == (True, False)
    assert found[2, 2].repair.error == "no such column: again"
    assert [prompt.index for prompt in generator.seen[1]] == [2]
    assert "nmae" in generator.seen[1][0].suffix  # the first refused one is shown


def test_samples_that_were_fine_do_not_wait_for_the_second_round():
    generator = Scripted({0: [BAD]})
    order = [one.index for one in repairing(generator).generate(prompts())]
    assert order == [1, 2, 3, 4, 5, 0]


def test_what_the_back_end_leaves_out_in_the_second_round_stays_as_it_was():
    assert complete(repairing(Scripted({2: [BAD]}, {2: []})))[2, 0].text == BAD


def test_a_back_end_that_can_goes_on_from_what_was_good_and_is_kept_from_the_names():
    sql = "SELECT id, p.nmae FROM people AS p WHERE p.agge = 1"
    generator = Continuing({2: [sql], 3: ["SELECT id FROM people GROUP BY"]})
    found = complete(repairing(generator, continues=generator))
    assert generator.continued == [(2, "SELECT id, ", frozenset({"p.nmae", "p.agge"}))]
    assert found[2, 0].text == "SELECT id, name FROM people"
    assert found[2, 0].repair == Repair(sql, "no such column: p.nmae", "continued", accepted=True)
    # `incomplete input` has no place, so it is asked.
    assert [prompt.index for prompt in generator.seen[1]] == [3]
    assert found[3, 0].repair.method == "asked"


def test_the_manifest_says_how_answers_are_repaired():
    assert repairing(Scripted({})).manifest["repair"] == {"rounds": 1, "method": "asked", "prompt_version": 1}


class Batching(Scripted):
    """Computes `size` prompts at once: what it writes hangs on their company."""

    size = 2

    def batches(self, prompts):
        ordered = sorted(prompts, key=lambda prompt: prompt.index)
        return [ordered[start : start + self.size] for start in range(0, len(ordered), self.size)]

    def generate(self, prompts):
        for batch in self.batches(prompts):
            company = " ".join(str(prompt.index) for prompt in batch)
            for completion in super().generate(batch):
                yield replace(completion, text=f"{completion.text} -- among {company}")


@settings(max_examples=25, deadline=None)
@given(
    refused=st.sets(st.integers(0, COUNT - 1)),
    hopeless=st.sets(st.integers(0, COUNT - 1)),
    lost_behind=st.integers(0, COUNT),
    together=st.sampled_from([1, 3, 4]),
    shape=st.sampled_from([Batching, Scripted]),
)
def test_a_run_killed_anywhere_and_gone_on_with_has_the_answers_of_an_undisturbed_one(
    refused, hopeless, lost_behind, together, shape
):
    first, second = {one: [BAD] for one in refused}, {one: [WORSE] for one in hopeless}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TOGETHER", together)
        whole = complete(repairing(shape(first, second)))
        cut = {}
        for one in repairing(shape(first, second)).generate(prompts()):
            if len(cut) == lost_behind:
                break
            cut[one.index, one.sample] = one
        resumed = repairing(shape(first, second))
        done = frozenset(index for index, _ in cut)
        pending = pending_prompts(resumed, prompts(), done)
        for key, one in complete(resumed, pending).items():
            cut.setdefault(key, one)
    assert cut == whole


def test_single_prompts_are_not_repeated_for_others(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 3)
    generator = repairing(Scripted({}))
    assert pending_prompts(generator, prompts(), frozenset({0, 2})) == [prompts()[i] for i in (1, 3, 4, 5)]
    generator = repairing(Batching({}))
    assert [len(block) for block in generator.batches(prompts())] == [4, 2]
