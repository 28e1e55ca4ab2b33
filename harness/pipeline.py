"""The whole flow on one page: prompts → completions → SQL → executions → scores → records.

No files, no configuration: what is needed comes in as objects, and a record leaves as soon as it is done, so
that whoever calls can append it, show progress and be killed at any moment without losing anything.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import cast

from harness.execution import Executor
from harness.explanation import Explanation
from harness.generators.base import Generator, pending_prompts
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
    threads = ThreadPoolExecutor(max_workers=evaluation.workers, thread_name_prefix="t2s-score")
    running: dict[Future[Record], int] = {}
    try:
        for completion in evaluation.generator.generate(pending):
            if completion.index in done:
                continue
            running[threads.submit(_score, evaluation, completion)] = completion.index
            yield from _finished(running, keep=2 * evaluation.workers)
        yield from _finished(running, keep=0)
    finally:
        # Not waited for: after Ctrl-C the caller closes the executor, which ends what still runs.
        threads.shutdown(wait=False, cancel_futures=True)


def _finished(running: dict[Future[Record], int], keep: int) -> Iterator[tuple[int, Record]]:
    ready = {future for future in running if future.done()}
    while ready or len(running) > keep:
        for future in ready:
            yield running.pop(future), future.result()
        ready = wait(running, return_when=FIRST_COMPLETED).done if len(running) > keep else set()


def _score(evaluation: Evaluation, completion: Completion) -> Record:
    prediction = _predict(evaluation, completion)
    scores = {metric.name: _judge(metric, prediction, evaluation.executor) for metric in evaluation.metrics}
    return _record(prediction, scores, evaluation.explain(prediction, evaluation.executor))


def _predict(evaluation: Evaluation, completion: Completion) -> Prediction:
    example = evaluation.dataset.examples[completion.index]
    schema = evaluation.dataset.schemas[example.db_id]
    extraction = evaluation.extract(completion.text)
    if not any(metric.needs_databases for metric in evaluation.metrics):
        return Prediction(example, schema, completion, extraction)
    golds = tuple(evaluation.executor.execute(example.db_id, gold) for gold in example.golds)
    execution = _run(evaluation.executor, example, completion, extraction)
    return Prediction(example, schema, completion, extraction, execution, golds)


def _run(executor: Executor, example: Example, completion: Completion, extraction: Extraction) -> Execution:
    if completion.finish_reason == "missing":
        return Execution(Status.MISSING, error="no answer in the predictions file")
    if extraction.sql is None:
        return Execution(Status.NO_SQL, error="no SQL in the completion")
    return executor.execute(example.db_id, extraction.sql)


def _judge(metric: Metric | ExecutingMetric, prediction: Prediction, executor: Executor) -> Score:
    if runs_sql(metric):
        return cast("ExecutingMetric", metric).score(prediction, executor)
    return cast("Metric", metric).score(prediction)


def _record(prediction: Prediction, scores: dict[str, Score], explanation: Explanation) -> Record:
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
        latency_s=round(completion.latency_s, 6),
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
