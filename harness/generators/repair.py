"""A second try at what SQLite refuses: the model sees its SQL and SQLite's message, once.

An answer is repaired when SQLite does not prepare it; an answer without SQL, or one that runs and is wrong, is not. A
back end that can go on from a beginning (`Continues`) writes anew from what SQLite's message is about, and is kept from
writing that again; otherwise, and where the message tells no place, the model is asked. The second answer stands in the
first one's place only if it prepares.

Of several samples the first refused one is shown, and the second try's sample i stands in for sample i where that was
refused, too: a question costs at most one more round of samples. Questions go in blocks, of which the refused ones are
asked together; a block consists of the back end's own batches, and a resumed run repeats it whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, cast

from harness.analysis.grounding import ground
from harness.execution import Executor
from harness.generators.base import Batched, Continues, Generator, gather_samples, samples_of
from harness.generators.offence import find_offence
from harness.types import Completion, Dataset, Execution, Extraction, Prompt, Repair, Status

__all__ = ["REPAIR_VERSION", "Repairing", "render_second_prompt"]

REPAIR_VERSION = 1
"""Raised whenever the same refusal would give another prompt; it stands in the manifest."""
TOGETHER = 256
"""How many questions a block has at least: enough that its refused answers fill batches of their own."""
SHOWN_PROBLEMS = 4
REFUSED = frozenset({Status.ERROR, Status.FORBIDDEN})
NAMED = frozenset({"unknown_table", "unknown_column", "wrong_scope", "unknown_function", "ambiguous", "quoted_string"})
"""Problems that are about one name."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """One sample that SQLite does not prepare, and its message."""

    sql: str
    error: str


@dataclass(frozen=True, slots=True)
class _Question:
    """A prompt with its first tries, at least one of which was refused."""

    prompt: Prompt
    tries: tuple[Completion, ...]
    refused: Mapping[int, _Refused]

    @property
    def shown(self) -> _Refused:
        return self.refused[min(self.refused)]


@dataclass(frozen=True)
class Repairing:
    """A generator whose refused answers are asked for once more.

    `extract` finds the SQL of an answer, `open_executor` gives what prepares it on the databases of `dataset`, or on
    empty ones made of its schemas. `continues` is the back end itself where it can go on from a beginning.
    """

    generator: Generator
    dataset: Dataset
    extract: Callable[[str], Extraction]
    open_executor: Callable[[], Executor]
    continues: Continues | None = None

    @property
    def samples(self) -> int:
        """As the generator has it."""
        return samples_of(self.generator)

    @property
    def manifest(self) -> dict[str, Any]:
        """What the generator says of itself, and how its answers are repaired."""
        method = "continued" if self.continues else "asked"
        about = {"rounds": 1, "method": method, "prompt_version": REPAIR_VERSION}
        return {**getattr(self.generator, "manifest", {}), "repair": about}

    @property
    def usage(self) -> dict[str, float]:
        """As the generator has it."""
        return dict(getattr(self.generator, "usage", {}))

    def batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Return what is computed together: blocks, or single prompts where the generator computes each for itself."""
        batches = self._generator_batches(prompts)
        if all(len(batch) == 1 for batch in batches):
            return batches
        return _blocks(batches)

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield what SQLite prepares as it comes, what it refuses at the end of a block; raises as the generator."""
        if not prompts:
            return
        with self.open_executor() as executor:
            for block in _blocks(self._generator_batches(prompts)):
                yield from self._complete(block, executor)

    def _generator_batches(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        if isinstance(self.generator, Batched):
            return self.generator.batches(prompts)
        return [[prompt] for prompt in prompts]

    def _complete(self, block: list[Prompt], executor: Executor) -> Iterator[Completion]:
        by_index = {prompt.index: prompt for prompt in block}
        questions = []
        for tries in gather_samples(self.generator.generate(block), self.samples):
            refused = self._find_refused(tries, executor)
            if refused:
                questions.append(_Question(by_index[tries[0].index], tries, refused))
            else:
                yield from tries
        yield from self._repair(sorted(questions, key=lambda one: one.prompt.index), executor)

    def _find_refused(self, tries: Sequence[Completion], executor: Executor) -> dict[int, _Refused]:
        found = {}
        for completion in tries:
            sql = self.extract(completion.text).sql
            if sql is not None and (said := self._prepare(executor, completion.index, sql)).status in REFUSED:
                found[completion.sample] = _Refused(sql, said.error)
        return found

    def _prepare(self, executor: Executor, index: int, sql: str) -> Execution:
        return executor.prepare(self.dataset.examples[index].db_id, sql)

    def _repair(self, questions: Sequence[_Question], executor: Executor) -> Iterator[Completion]:
        beginnings = {one.prompt.index: self._find_beginning(one, executor) for one in questions}
        continued = [one for one in questions if beginnings[one.prompt.index] is not None]
        asked = [one for one in questions if beginnings[one.prompt.index] is None]
        seconds = chain(
            self._continue(continued, cast("dict[int, tuple[str, frozenset[str]]]", beginnings)),
            self.generator.generate([self._second_prompt(one) for one in asked]) if asked else (),
        )
        waiting = {one.prompt.index: one for one in questions}
        for again in gather_samples(seconds, self.samples):
            question = waiting.pop(again[0].index)
            method = "asked" if beginnings[question.prompt.index] is None else "continued"
            yield from self._settle(question, again, method, executor)
        for question in waiting.values():  # the back end left them out: the first tries stand
            yield from question.tries

    def _find_beginning(self, question: _Question, executor: Executor) -> tuple[str, frozenset[str]] | None:
        """Return what is good of the refused SQL and the names that must not come next; None where nobody can say."""
        if self.continues is None:
            return None
        index, shown = question.prompt.index, question.shown

        def refusal(sql: str) -> str:
            return self._prepare(executor, index, sql).error

        offence = find_offence(shown.sql, shown.error, refusal)
        if offence is None:
            return None
        problems = ground(shown.sql, self._schema(index)).problems
        names = {problem.name for problem in problems if problem.kind in NAMED}
        return shown.sql[: offence.start], frozenset({offence.name, *names})

    def _continue(
        self, questions: Sequence[_Question], beginnings: Mapping[int, tuple[str, frozenset[str]]]
    ) -> Iterator[Completion]:
        if self.continues is None or not questions:
            return iter(())
        prompts = [question.prompt for question in questions]
        pairs = [beginnings[prompt.index] for prompt in prompts]
        return self.continues.generate_from(prompts, [prefix for prefix, _ in pairs], [names for _, names in pairs])

    def _settle(
        self, question: _Question, again: Sequence[Completion], method: str, executor: Executor
    ) -> Iterator[Completion]:
        for first, second in zip(question.tries, again, strict=True):
            refused = question.refused.get(first.sample)
            if refused is None:
                yield first
                continue
            sql = self.extract(second.text).sql
            accepted = sql is not None and self._prepare(executor, first.index, sql).ok
            repair = Repair(refused.sql, refused.error, method, accepted)
            latency_s = first.latency_s + second.latency_s
            yield replace(second if accepted else first, latency_s=latency_s, repair=repair)

    def _second_prompt(self, question: _Question) -> Prompt:
        problems = ground(question.shown.sql, self._schema(question.prompt.index)).problems
        hints = [str(problem) for problem in problems if problem.kind in NAMED]
        return render_second_prompt(question.prompt, question.shown.sql, question.shown.error, hints)

    def _schema(self, index: int) -> Any:
        return self.dataset.schemas[self.dataset.examples[index].db_id]


def render_second_prompt(prompt: Prompt, sql: str, error: str, hints: Sequence[str] = ()) -> Prompt:
    """Return the prompt that shows the model its SQL and what SQLite said; `hints` say more of the names in it.

    The schema stays where it was, so that it is shared as before; the prompt grows by the answer and a few lines.
    """
    lines = [
        f"{sql};",
        f"-- SQLite refuses this query: {_one_line(error)}",
        *(f"-- {_one_line(hint)}" for hint in hints[:SHOWN_PROBLEMS]),
    ]
    suffix = prompt.suffix + "\n".join([*lines, "-- The corrected query.", "-- SQL:", ""])
    return replace(prompt, suffix=suffix, tokens=0)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _blocks(batches: Sequence[list[Prompt]]) -> list[list[Prompt]]:
    """Put batches together from the first on until a block is large enough; without whole blocks the rest is as it was.

    The last block may be small.
    """
    blocks: list[list[Prompt]] = []
    for batch in batches:
        if blocks and len(blocks[-1]) < TOGETHER:
            blocks[-1] += batch
        else:
            blocks.append(list(batch))
    return blocks
