"""The engine that anyone would write first: transformers' `generate`, in batches of prompts of similar length.

It serves models that `body` does not know, and is what the other engine is measured against. Rows end, are sampled and
constrained by the same rules.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from harness.generators.huggingface.choosing import Redraw, choose, log_probabilities
from harness.generators.huggingface.masks import Masks
from harness.generators.huggingface.rows import Decoding, Request, Row, make_rows
from harness.generators.huggingface.shared import Work, is_memory_full, no_row_fits
from harness.generators.huggingface.stopping import Stopping

__all__ = ["PlainEngine", "by_length"]


def by_length(requests: Sequence[Request]) -> list[Request]:
    """Return requests, the longest first, so that memory runs out early or never."""
    return sorted(requests, key=lambda request: -request.tokens)


class PlainEngine:
    """Answers requests with `model.generate`; `why` says why it was taken."""

    def __init__(self, model: Any, work: Work, *, pad: int, why: str = "") -> None:
        self._model, self._work, self._pad, self._why = model, work, pad, why
        self._out_of_memory = 0

    @property
    def usage(self) -> dict[str, Any]:
        """What was done."""
        why = f" ({self._why})" if self._why else ""
        return {"engine": f"generate{why}", "slots": self._work.limits.batch_size, "out_of_memory": self._out_of_memory}

    def complete(self, unit: Sequence[Request]) -> Iterator[list[Row]]:
        """Yield the rows of a unit, batch by batch; raises `ModelError` when memory is full with a single row."""
        rows = make_rows(by_length(unit), self._work.decoding.samples)
        size = self._work.limits.batch_size
        for start in range(0, len(rows), size):
            yield from self._complete_batch(rows[start : start + size])

    def _complete_batch(self, rows: list[Row]) -> Iterator[list[Row]]:
        if self._fits(rows):
            yield rows
            return
        self._out_of_memory += 1
        if len(rows) == 1:
            raise no_row_fits()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(rows) // 2
        yield from self._complete_batch([row.again() for row in rows[:half]])
        yield from self._complete_batch([row.again() for row in rows[half:]])

    def _fits(self, rows: list[Row]) -> bool:
        try:
            self._generate(rows)
        except RuntimeError as error:
            if not is_memory_full(error):
                raise
            return False
        return True

    def _generate(self, rows: list[Row]) -> None:
        prompts = [row.request.whole.suffix for row in rows]
        width, device = max(map(len, prompts)), self._model.device
        ids = torch.tensor([[self._pad] * (width - len(one)) + list(one) for one in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts], device=device)
        reader = _Reader(rows, self._work.stopping, width)
        chooser = _Chooser(rows, reader, self._work.decoding, self._work.masks)
        with torch.inference_mode():
            self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=self._configuration,
                stopping_criteria=StoppingCriteriaList([reader]),
                logits_processor=LogitsProcessorList([chooser] if chooser.needed else []),
            )

    @property
    def _configuration(self) -> Any:
        # Written out in full: a model's own generation_config may sample or penalise repetition.
        return GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=self._work.decoding.max_new_tokens,
            pad_token_id=self._pad,
            eos_token_id=sorted(self._work.stopping.end_ids),
        )


class _Reader(StoppingCriteria):
    """Gives rows their tokens, and stops those that have ended."""

    def __init__(self, rows: Sequence[Row], stopping: Stopping, width: int) -> None:
        self._rows, self._stopping, self._width = rows, stopping, width
        self.logarithms = [0.0] * len(rows)

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ARG002  (the library's signature)
        self.read(input_ids)
        return torch.tensor([row.finished for row in self._rows], device=input_ids.device)

    def read(self, input_ids: Any) -> None:
        """Read what rows do not have yet."""
        for number, tokens in enumerate(input_ids[:, self._width :].tolist()):
            row = self._rows[number]
            for token in tokens[len(row.ids) :]:
                if not row.finished:
                    self._stopping.accept(row, token, self.logarithms[number])


class _Chooser(LogitsProcessor):
    """Chooses as the other engine does, and leaves nothing but that token."""

    def __init__(self, rows: Sequence[Row], reader: _Reader, decoding: Decoding, masks: Masks | None) -> None:
        self._rows, self._reader, self._decoding, self._masks = rows, reader, decoding, masks
        if masks is not None:
            for row in rows:
                masks.start(row)

    @property
    def needed(self) -> bool:
        """Whether the likeliest token is not always the one."""
        return bool(self._masks or self._decoding.temperature)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self._reader.read(input_ids)
        keys = torch.tensor([self._decoding.key(row) for row in self._rows], device=scores.device)
        drawn = torch.tensor([len(row.ids) for row in self._rows], device=scores.device)
        tokens = choose(scores, keys, drawn, self._decoding)
        if self._masks is not None:
            refused = list(self._refused(tokens.tolist(), self._masks))
            if refused:
                rows, at = [self._rows[number] for number in refused], torch.tensor(refused, device=scores.device)
                redraw = Redraw(keys[at], drawn[at], self._decoding)
                chosen = self._masks.choose(scores[at], rows, tokens[at].tolist(), redraw)
                tokens[at] = torch.tensor(chosen, device=scores.device)
        if self._decoding.temperature:
            self._reader.logarithms = log_probabilities(scores, tokens).tolist()
        return torch.full_like(scores, float("-inf")).scatter_(1, tokens[:, None], 0.0)

    def _refused(self, tokens: Sequence[int], masks: Masks) -> Iterator[int]:
        """Yield the rows whose token must not come; the tracks of the others take theirs."""
        for number, (row, token) in enumerate(zip(self._rows, tokens, strict=True)):
            masks.close(row)
            if not row.finished and not masks.admit(row, token):
                yield number
