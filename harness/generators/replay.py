"""A predictions file as a generator: what another system wrote is scored as if it were written now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.datasets.hashing import sha256
from harness.datasets.predictions import Predictions, read_predictions
from harness.types import Completion, Dataset, Prompt

__all__ = ["Replay", "ReplayedAnswers"]


@dataclass(frozen=True)
class ReplayedAnswers:
    """The answers of a predictions file (its `sha256` beside them), paired with the questions of one data set."""

    predictions: Predictions
    sha256: str = ""

    @property
    def manifest(self) -> dict[str, Any]:
        """What a run's manifest says of the file: how it was read, and what did not pair."""
        predictions = self.predictions
        return {
            "predictions": {
                "sha256": self.sha256,
                "format": predictions.format,
                "missing": [str(one) for one in predictions.missing],
                "unknown": list(predictions.unknown),
            }
        }

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield the stored answers in the order of `prompts`; a prompt without one is `missing`."""
        answers = self.predictions.by_index
        for prompt in prompts:
            reason = "replay" if prompt.index in answers else "missing"
            yield Completion(prompt.index, answers.get(prompt.index, ""), finish_reason=reason)


@dataclass(frozen=True)
class Replay:
    """Options: the predictions file, and what to do where it is ambiguous or incomplete."""

    path: str
    keyed_by: Literal["position", "id"] | None = None
    allow_missing: bool = False

    def bind(self, dataset: Dataset) -> ReplayedAnswers:
        """Read the file against `dataset`; raises `DataError` or `UsageError` where ids don't pair."""
        predictions = read_predictions(
            Path(self.path), dataset, keyed_by=self.keyed_by, allow_missing=self.allow_missing
        )
        return ReplayedAnswers(predictions, sha256(Path(self.path)))
