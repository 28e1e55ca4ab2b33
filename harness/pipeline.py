"""The whole flow on one page: prompts → completions → SQL → executions → scores → records.

No files, no configuration: what is needed comes in as objects, and a record leaves as soon as it is done, so
that whoever calls can append it, show progress and be killed at any moment without losing anything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Thread
from typing import cast

from harness.decoding.tries import choose, describe_repair
from harness.errors import T2SError
from harness.execution import Executor
from harness.explanation import Explanation
from harness.generators.base import Generator, gather_samples, pending_prompts, samples_of
from harness.metrics.base import ExecutingMetric, Metric, runs_sql
from harness.store import preview
from harness.types import (
    Completion,
    Dataset,
    Example,
    Execution,
    Extraction,
    Prediction,
    Prompt,
    Record,
    Score,
    Status,
)

__all__ = ["Evaluation", "evaluate"]

Tries = tuple[Completion, ...]
"""All completions of one prompt."""


@dataclass(frozen=True)
class Evaluation:
    """The parts of an evaluation.

    `extract` turns completion text into SQL; `workers` is the number of predictions that are scored at once;
    `explain` says why an answer is what it is.
    """

    dataset: Dataset
    prompts: Sequence[Prompt]
    generator: Generator
    extract: Callable[[str], Extraction]
    executor: Executor
    metrics: Sequence[Metric | ExecutingMetric]
    workers: int = 1
    explain: Callable[[Prediction, Executor], Explanation] = lambda _prediction, _executor: Explanation()


def evaluate(evaluation: Evaluation, done: frozenset[int] = frozenset()) -> Iterator[tuple[int, Record]]:
    """Yield (index in the data set, record) for every question whose index is not in `done`, as soon as it is known.

    Raises what the generator or the executor raise when they are broken; a wrong answer is a record.
    """
    pending = pending_prompts(evaluation.generator, evaluation.prompts, done)
    scorers = _Scorers(evaluation)
    try:
        completions = (one for one in evaluation.generator.generate(pending) if one.index not in done)
        for tries in gather_samples(completions, samples_of(evaluation.generator)):
            scorers.add(tries)
            yield from scorers.finished(keep=2 * evaluation.workers)
        yield from scorers.finished(keep=0)
    except T2SError:
        # A generator that gives up has been answered for until then: no finished answer is lost.
        yield from scorers.finished(keep=0)
        raise
    finally:
        scorers.stop()


class _Scorers:
    """Threads that score completions; two queues, since a future for each completion would cost more than its score."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._todo: SimpleQueue[Tries | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[int, Record] | BaseException] = SimpleQueue()
        self._running = 0
        self._stopped = False
        for number in range(evaluation.workers):
            Thread(target=self._work, name=f"t2s-score-{number}", daemon=True).start()

    def add(self, tries: Tries) -> None:
        """Let a thread score them when one is free."""
        self._running += 1
        self._todo.put(tries)

    def finished(self, keep: int) -> Iterator[tuple[int, Record]]:
        """Yield what is finished, and wait while more than `keep` are not; raises what went wrong in a thread."""
        while self._running > keep or not self._done.empty():
            item = self._done.get()
            self._running -= 1
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        """Begin nothing more. Not waited for: after Ctrl-C the caller closes the executor, which ends what runs."""
        self._stopped = True
        for _ in range(self._evaluation.workers):
            self._todo.put(None)

    def _work(self) -> None:
        while (tries := self._todo.get()) is not None and not self._stopped:
            try:
                self._done.put((tries[0].index, _score(self._evaluation, tries)))
            except BaseException as error:  # noqa: BLE001 - raised again where the records are waited for
                self._done.put(error)


def _score(evaluation: Evaluation, tries: Tries) -> Record:
    predictions = _predict(evaluation, tries)
    chosen, kept = choose(predictions) if len(predictions) > 1 else (0, [])
    prediction = predictions[chosen]
    scores = _judge_all(evaluation, prediction)
    if chosen:
        # A vote never hides what the first try alone is worth.
        first = _judge_all(evaluation, predictions[0])
        kept[0]["scores"] = {name: score.value for name, score in first.items()}
    found = evaluation.explain(prediction, evaluation.executor)
    analysis = {**found.analysis, **({"samples": kept} if kept else {}), **describe_repair(prediction.completion)}
    latency_s = sum(completion.latency_s for completion in tries)
    return _record(prediction, scores, replace(found, analysis=analysis), latency_s)


def _predict(evaluation: Evaluation, tries: Tries) -> list[Prediction]:
    example = evaluation.dataset.examples[tries[0].index]
    schema = evaluation.dataset.schemas[example.db_id]
    read = [(completion, evaluation.extract(completion.text)) for completion in tries]
    if not any(metric.needs_databases for metric in evaluation.metrics):
        return [Prediction(example, schema, completion, extraction) for completion, extraction in read]
    golds = tuple(evaluation.executor.execute(example.db_id, gold) for gold in example.golds)
    executions: dict[str | None, Execution] = {}
    for completion, extraction in read:
        if extraction.sql not in executions:  # what several samples wrote alike is run once
            executions[extraction.sql] = _run(evaluation.executor, example, completion, extraction)
    return [
        Prediction(example, schema, completion, extraction, executions[extraction.sql], golds)
        for completion, extraction in read
    ]


def _run(executor: Executor, example: Example, completion: Completion, extraction: Extraction) -> Execution:
    if completion.finish_reason == "missing":
        return Execution(Status.MISSING, error="no answer in the predictions file")
    if extraction.sql is None:
        return Execution(Status.NO_SQL, error="no SQL in the completion")
    return executor.execute(example.db_id, extraction.sql)


def _judge_all(evaluation: Evaluation, prediction: Prediction) -> dict[str, Score]:
    return {metric.name: _judge(metric, prediction, evaluation.executor) for metric in evaluation.metrics}


def _judge(metric: Metric | ExecutingMetric, prediction: Prediction, executor: Executor) -> Score:
    if runs_sql(metric):
        return cast("ExecutingMetric", metric).score(prediction, executor)
    return cast("Metric", metric).score(prediction)


def _record(prediction: Prediction, scores: dict[str, Score], explanation: Explanation, latency_s: float) -> Record:
    example, completion, execution = prediction.example, prediction.completion, prediction.execution
    return Record(
        question_id=example.question_id,
        db_id=example.db_id,
        difficulty=example.difficulty,
        question=example.question,
        evidence=example.evidence,
        gold_sql=example.gold_sql,
        completion=completion.text,
        sql=prediction.extraction.sql,
        status=_status(prediction, scores),
        error=execution.error if execution else "",
        diagnosis=explanation.diagnosis,
        gold_result=preview(prediction.golds[0]) if prediction.golds else None,
        predicted_result=preview(execution),
        scores=scores,
        extraction=prediction.extraction.steps,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        latency_s=round(latency_s, 6),
        elapsed_s=round(execution.elapsed_s, 6) if execution else 0.0,
        analysis=explanation.analysis,
    )


def _status(prediction: Prediction, scores: dict[str, Score]) -> str:
    if prediction.execution is not None:
        return prediction.execution.status
    if prediction.completion.finish_reason == "missing":
        return Status.MISSING
    if prediction.extraction.sql is None:
        return Status.NO_SQL
    prepared = scores.get("prepares")
    return Status.ERROR if prepared is not None and not prepared.value else Status.OK
