"""What is kept of several tries at one question, and what can be counted from it later."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.comparison import equal_official
from harness.decoding.vote import Ballot, Candidate, elect, vote
from harness.types import Completion, Prediction

__all__ = ["Kept", "choose", "describe_repair", "elect_kept"]

Kept = Mapping[str, Any]
"""One try as a record's `analysis["samples"]` has it; `choose` says what is in it."""


def choose(predictions: Sequence[Prediction]) -> tuple[int, list[dict[str, Any]]]:
    """Return which of several tries at one question stands for them, and what is kept of each.

    Kept are completion, sql, finish_reason, tokens, logprob and repair, and where it was executed also status, rows
    (their number), group (see `harness.decoding.vote`) and correct (officially). Where nothing was executed the first
    one stands.
    """
    candidates = [
        Candidate(prediction.execution, prediction.completion.logprob)
        for prediction in predictions
        if prediction.execution is not None
    ]
    if not candidates:
        return 0, [_describe(prediction) for prediction in predictions]
    found = vote(candidates)
    kept = [
        {**_describe(one), **_describe_execution(one), "group": group}
        for one, group in zip(predictions, found.groups, strict=True)
    ]
    return found.chosen, kept


def describe_repair(completion: Completion) -> dict[str, Any]:
    """Return `{"repair": …}` for an answer that was asked for twice, else nothing."""
    return {} if completion.repair is None else {"repair": asdict(completion.repair)}


def elect_kept(tries: Sequence[Kept]) -> int:
    """Return the position of the try that wins a vote among these ones, which must have been executed."""
    return elect([Ballot(one["group"], empty=not one["rows"], logprob=one.get("logprob")) for one in tries])


def _describe(prediction: Prediction) -> dict[str, Any]:
    completion = prediction.completion
    return {
        "completion": completion.text,
        "sql": prediction.extraction.sql,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "logprob": completion.logprob,
        **describe_repair(completion),
    }


def _describe_execution(prediction: Prediction) -> dict[str, Any]:
    execution, golds = prediction.execution, prediction.golds or ()
    assert execution is not None
    right = execution.ok and any(equal_official(execution.rows, gold.rows) for gold in golds if gold.ok)
    return {"status": execution.status, "rows": len(execution.rows), "correct": right}
