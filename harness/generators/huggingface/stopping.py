"""When a row ends, and what of it is the answer: the end token, a whole statement or the token limit."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from harness import models
from harness.extraction import statement_end
from harness.generators.huggingface.rows import Decoding, Row

__all__ = ["Stopping"]

TAIL_TOKENS = 4
"""How many last tokens are looked at before a row is read whole: what ends a statement is spread over no more."""
MARKS = ";:\n"
"""One of these stands in whatever ends a statement."""


class Stopping:
    """The end of rows, for every engine."""

    def __init__(self, tokenizer: Any, end_ids: frozenset[int], decoding: Decoding) -> None:
        self._tokenizer = tokenizer
        self.end_ids = end_ids
        self._decoding = decoding
        self._is_mark = lru_cache(maxsize=None)(lambda token: any(mark in tokenizer.decode([token]) for mark in MARKS))

    def accept(self, row: Row, token: int, logprob: float = 0.0) -> None:
        """Give a row its next token, and mark it where that was its last."""
        row.ids.append(token)
        row.logprob += logprob
        row.complete = token not in self.end_ids and self.is_whole(row)
        row.finished = row.complete or token in self.end_ids or len(row.ids) >= self._decoding.max_new_tokens

    def is_whole(self, row: Row) -> bool:
        """Return whether the statement has come to its end; always false where rows go on behind it."""
        if not self._decoding.stop_early or not any(map(self._is_mark, row.ids[-TAIL_TOKENS:])):
            return False
        return statement_end(row.request.text(self.written(row.ids))) is not None

    def read(self, row: Row) -> tuple[str, str, int]:
        """Return a finished row's text, why it ended, and its number of tokens."""
        ids = row.ids
        end = next((position for position, token in enumerate(ids) if token in self.end_ids), None)
        text = row.request.text(self.written(ids[:end]))
        stop = statement_end(text) if self._decoding.stop_early else None
        if stop is not None:
            # The token that ends a statement may carry more; what a row wrote ends where it stopped.
            written = text[len(row.request.beginning) : stop]
            return text[:stop], "stop", len(models.encode(self._tokenizer, written, start=False))
        reason = "length" if end is None and not row.complete else "stop"
        return text, reason, len(ids[:end]) + (end is not None)

    def written(self, ids: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
