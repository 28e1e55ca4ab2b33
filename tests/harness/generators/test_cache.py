"""The cache of completions."""

import contextlib
import json
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError, RunError
from harness.files import GrowingFile
from harness.generators.base import pending_prompts
from harness.generators.cache import Cached, identity_of
from harness.types import Column, Completion, Dataset, Example, Prompt, Schema, Table

IDENTITY = {"weights": "a" * 64, "temperature": 0.0}
SCHEMA = Schema("db", (Table("t", (Column("a", "INTEGER"),)),))


def dataset(count=10, schema=SCHEMA):
    return Dataset("d", "dev", tuple(Example(i, "db", "?", "SELECT 1") for i in range(count)), {"db": schema}, {})


def prompts(count=10):
    return [Prompt(index, "prefix ", f"suffix {index}") for index in range(count)]


@dataclass
class Counting:
    """Writes what hangs on the prompt, counts what it is asked, dies after `lasts` completions."""

    samples: int = 1
    lasts: int = 1_000
    asked: list = field(default_factory=list)

    def generate(self, prompts):
        for prompt in prompts:
            for sample in range(self.samples):
                if not self.lasts:
                    raise RunError("dead")
                self.lasts -= 1
                self.asked.append((prompt.index, sample))
                yield Completion(prompt.index, f"{prompt.text} {sample}", sample, "length", 5, 6, 0.7, -1.5)


class Batching(Counting):
    """Computes three prompts at once: what it writes hangs on their company."""

    def batches(self, prompts):
        ordered = sorted(prompts, key=lambda prompt: prompt.index)
        return [ordered[start : start + 3] for start in range(0, len(ordered), 3)]

    def generate(self, prompts):
        for batch in self.batches(prompts):
            company = [prompt.index for prompt in batch]
            for completion in super().generate(batch):
                yield replace(completion, text=f"{completion.text} among {company}")


def cached(generator, folder, identity=IDENTITY, data=None):
    return Cached(generator, folder, identity, data or dataset())


def answers(generator, wanted=None):
    return {(one.index, one.sample): one.text for one in generator.generate(prompts() if wanted is None else wanted)}


@pytest.mark.parametrize("samples", [1, 3])
def test_what_was_written_once_is_not_written_again(samples, tmp_path):
    first, second = Counting(samples), Counting(samples)
    cold, warm = cached(first, tmp_path), cached(second, tmp_path)
    assert answers(cold) == answers(warm) == answers(Counting(samples))
    assert second.asked == []
    assert cold.usage == {"cache_hits": 0, "cache_misses": 10}
    assert warm.usage == {"cache_hits": 10, "cache_misses": 0}


def test_an_answer_comes_back_as_it_was_but_for_the_time_it_took(tmp_path):
    (fresh,) = cached(Counting(), tmp_path).generate(prompts(1))
    (stored,) = cached(Counting(), tmp_path).generate(prompts(1))
    assert stored == replace(fresh, latency_s=0.0)
    assert fresh.latency_s == 0.7


@pytest.mark.parametrize(
    "other",
    [
        {"identity": {**IDENTITY, "weights": "b" * 64}},
        {"identity": {**IDENTITY, "max_new_tokens": 3}},
        {"data": dataset(schema=Schema("db", (Table("t", (Column("b", "INTEGER"),)),)))},
    ],
)
def test_another_model_option_or_schema_is_another_answer(other, tmp_path):
    answers(cached(Counting(), tmp_path))
    generator = Counting()
    answers(cached(generator, tmp_path, **other))
    assert len(generator.asked) == 10


def test_the_same_words_cut_elsewhere_are_another_prompt(tmp_path):
    answers(cached(Counting(), tmp_path), [Prompt(0, "ab", "c")])
    generator = Counting()
    answers(cached(generator, tmp_path), [Prompt(0, "a", "bc")])
    assert generator.asked == [(0, 0)]


def test_greedy_answers_serve_the_same_prompt_elsewhere_and_draws_do_not(tmp_path):
    moved = [replace(prompt, index=prompt.index + 1) for prompt in prompts(5)]
    for folder, identity, expected in (("greedy", IDENTITY, 0), ("drawn", {**IDENTITY, "temperature": 0.8}, 5)):
        answers(cached(Counting(), tmp_path / folder, identity), prompts(5))
        generator = Counting()
        answers(cached(generator, tmp_path / folder, identity), moved)
        assert len(generator.asked) == expected


def test_a_line_that_a_kill_tore_and_one_that_is_damaged_are_answers_less(tmp_path):
    answers(cached(Counting(), tmp_path))
    (path,) = tmp_path.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    assert json.loads(lines[0])["identity"] == IDENTITY
    path.write_bytes(b"".join([*lines[:3], b"{nonsense\n", *lines[4:-1], lines[-1][:7]]))
    generator = Counting()
    assert answers(cached(generator, tmp_path)) == answers(Counting())
    assert len(generator.asked) == 2
    assert answers(cached(Counting(lasts=0), tmp_path)) == answers(Counting())


@given(st.integers(0, 30))
def test_a_run_killed_anywhere_and_gone_on_with_has_the_answers_of_one_without_a_cache(tmp_path_factory, lasts):
    folder = tmp_path_factory.mktemp("cache")
    whole = answers(Batching(samples=2))
    got = {}
    with contextlib.suppress(RunError):  # it dies on purpose
        for one in cached(Batching(samples=2, lasts=lasts), folder).generate(prompts()):
            got[one.index, one.sample] = one.text
    done = frozenset(index for index in range(10) if {(index, 0), (index, 1)} <= got.keys())
    generator = cached(Batching(samples=2), folder)
    pending = pending_prompts(generator, prompts(), done)
    got = {key: text for key, text in got.items() if key[0] in done}
    got |= {key: text for key, text in answers(generator, pending).items() if key[0] not in done}
    assert got == whole


def test_a_batch_with_one_prompt_missing_is_computed_whole(tmp_path):
    answers(cached(Batching(), tmp_path))
    generator = Batching()
    wanted = [*prompts()[:4], Prompt(4, "prefix ", "another"), *prompts()[5:]]
    found = answers(cached(generator, tmp_path), wanted)
    assert [index for index, _ in generator.asked] == [3, 4, 5]
    assert found == answers(Batching(), wanted)


def test_what_is_missing_is_not_stored(tmp_path):
    class Missing(Counting):
        def generate(self, prompts):
            return (Completion(prompt.index, "", finish_reason="missing") for prompt in prompts)

    answers(cached(Missing(), tmp_path))
    generator = Counting()
    answers(cached(generator, tmp_path))
    assert len(generator.asked) == 10


def test_two_runs_do_not_write_into_each_others_lines(tmp_path):
    first = cached(Counting(), tmp_path).generate(prompts())
    next(first)
    with pytest.raises(RunError, match="another process is writing to this cache"):
        answers(cached(Counting(), tmp_path), prompts()[::-1])
    first.close()
    answers(cached(Counting(), tmp_path))


def test_text_that_is_no_unicode_comes_back_too(tmp_path):
    class Broken(Counting):
        def generate(self, prompts):
            return (Completion(prompt.index, "\ud800 \u2028 \x85") for prompt in prompts)

    answers(cached(Broken(), tmp_path))
    assert set(answers(cached(Counting(), tmp_path)).values()) == {"\ud800 \u2028 \x85"}


@dataclass(frozen=True)
class Weighty:
    """A plug-in without `identity`, whose manifest has hashes."""

    model: str = "here.gguf"
    batch_size: int = 8
    max_new_tokens: int = 256
    sha256: str | None = "c" * 64

    @property
    def manifest(self):
        weights = {"ref": self.model, "hub_id": "some/model", "sha256": self.sha256}
        return {"weights": weights, "adapter": {"adapter_model.safetensors": "d" * 64}}


def test_hashes_stand_for_files_and_options_for_themselves():
    assert identity_of(Weighty(), Weighty()) == identity_of(Weighty("there.gguf", 16), Weighty("there.gguf", 16))
    assert identity_of(Weighty(), Weighty()) != identity_of(Weighty(max_new_tokens=3), Weighty(max_new_tokens=3))
    assert identity_of(Weighty(sha256=None), Weighty(sha256=None))["weights"] == "some/model"


def test_answers_under_other_rules_of_a_constraint_are_other_answers():
    @dataclass(frozen=True)
    class Constrained(Weighty):
        version: int = 1

        @property
        def manifest(self):
            return {**super().manifest, "decoding": {"constraint": "schema", "constraint_version": self.version}}

    one, same, other = (Constrained(version=version) for version in (1, 1, 2))
    assert identity_of(Weighty(), one) == identity_of(Weighty(), same)
    assert identity_of(Weighty(), one) != identity_of(Weighty(), other)
    assert identity_of(Weighty(), one) != identity_of(Weighty(), Weighty())


def test_a_generator_that_does_not_say_what_it_is_gets_no_cache():
    with pytest.raises(ConfigError, match=r"Counting does not say .*`identity`"):
        identity_of(Counting(), Counting())


@given(st.lists(st.binary(max_size=8).filter(lambda line: b"\n" not in line), max_size=5), st.integers(0, 60))
def test_a_growing_file_cut_at_any_byte_goes_on_behind_its_last_whole_line(tmp_path_factory, lines, cut):
    path = tmp_path_factory.mktemp("lines") / "lines"
    file = GrowingFile(path, "busy")
    for line in lines:
        file.append(line)
    file.close()
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    file = GrowingFile(path, "busy")
    file.append(b"more")
    file.close()
    assert path.read_bytes() == content[: content.rfind(b"\n") + 1] + b"more\n"
