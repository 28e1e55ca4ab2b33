"""The passes through the model while a bank is decoded: a prefix, suffixes behind it, one token for every row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from harness.generators.huggingface.attention import DecodeAttention, PrefixAttention, SuffixAttention, SuffixPlan
from harness.generators.huggingface.bank import Bank, on_device
from harness.generators.huggingface.body import Body
from harness.generators.huggingface.rows import Row

__all__ = ["Batch", "Seat", "batches", "decode", "load_prefix", "load_suffixes"]

Seat = tuple[int, Row]
"""A slot and who sits there."""


@dataclass(frozen=True)
class Batch:
    """Seats whose suffixes are computed together; those of one request beside each other."""

    seats: tuple[Seat, ...]

    @property
    def requests(self) -> list[list[Seat]]:
        """The seats of each request."""
        return [list(group) for _, group in groupby(self.seats, key=lambda seat: id(seat[1].request))]

    @property
    def tokens(self) -> int:
        """How many tokens are computed."""
        return sum(len(group[0][1].request.suffix) for group in self.requests)


def batches(seats: Sequence[Seat], tokens: int) -> Iterator[Batch]:
    """Yield seats in batches of at most so many tokens, and at least one request."""
    batch: list[Seat] = []
    for group in Batch(tuple(seats)).requests:
        longer = Batch((*batch, *group))
        if batch and longer.tokens > tokens:
            yield Batch(tuple(batch))
            longer = Batch(tuple(group))
        batch = list(longer.seats)
    if batch:
        yield Batch(tuple(batch))


def load_prefix(body: Body, bank: Bank, place: int, ids: Sequence[int], windows: Sequence[int | None]) -> None:
    """Compute a prefix and keep its keys and values in `place`."""
    if ids:
        tokens = on_device(ids, body.device)[None]
        positions = torch.arange(len(ids), device=body.device)[None]
        body.hidden(tokens, positions, PrefixAttention(bank, place, windows))


def load_suffixes(body: Body, bank: Bank, place: int, batch: Batch, windows: Sequence[int | None]) -> Any:
    """Compute suffixes behind the prefix in `place`; return the logits [seats, vocabulary] of their last tokens."""
    ids: list[int] = []
    rows: list[int] = []
    places: list[int] = []
    last: list[int] = []
    writes: list[tuple[int, int, int]] = []
    length = len(batch.seats[0][1].request.prefix)
    for number, seats in enumerate(batch.requests):
        suffix, start = seats[0][1].request.suffix, len(ids)
        ids += suffix
        rows += [number] * len(suffix)
        places += range(length, length + len(suffix))
        for slot, _ in seats:
            last.append(len(ids) - 1)
            writes += [(start + token, slot, token) for token in range(len(suffix))]
    sources, slots, targets = (on_device(column, body.device) for column in zip(*writes, strict=True))
    positions = on_device(places, body.device)
    plan = SuffixPlan(place, length, on_device(rows, body.device), positions, sources, slots, targets)
    hidden = body.hidden(on_device(ids, body.device)[None], positions[None], SuffixAttention(bank, plan, windows))
    return body.logits(hidden[0].index_select(0, on_device(last, body.device)))


def decode(body: Body, bank: Bank, attention: DecodeAttention, rows: int) -> Any:
    """Store the tokens chosen last of the first `rows` slots; return the logits [rows, vocabulary] of the next ones."""
    positions = bank.base[:rows] + bank.used[:rows]
    hidden = body.hidden(bank.tokens[:rows, None], positions[:, None], attention)
    bank.used[:rows] += 1
    return body.logits(hidden[:, 0])
