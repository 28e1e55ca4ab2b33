"""The rows of one phase, from the first prefix to the last token: step after step with every slot in use.

On a GPU the host reads tokens one step late: while it looks at those of a step, the next is under way. A row that
has ended is computed once more, to no effect, and so is one whose token a constraint refuses: it chooses again among
what it may write, and goes one step back.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from harness.generators.huggingface.attention import DecodeAttention
from harness.generators.huggingface.bank import Bank, Cells, Geometry, on_device
from harness.generators.huggingface.board import Board
from harness.generators.huggingface.body import Body
from harness.generators.huggingface.choosing import Redraw, choose, log_probabilities
from harness.generators.huggingface.graphs import Graphs
from harness.generators.huggingface.masks import Masks
from harness.generators.huggingface.news import Told, hear, tell
from harness.generators.huggingface.rows import Decoding, Row
from harness.generators.huggingface.steps import Seat, batches, decode, load_prefix, load_suffixes
from harness.generators.huggingface.stopping import Stopping

__all__ = ["Plan", "Session"]

REFILL_SHARE = 4
"""A refill waits until one slot in so many is free: a pass through the model costs as much for one row as for many."""
MANY_CELLS, FEW_CELLS = 256, 32
"""Own tokens that are looked at come in multiples of this: of the first where each number is a recording."""


@dataclass(frozen=True)
class Plan:
    """How a phase is decoded: its buffers, the tokens of a refill, and the layers' windows where they matter.

    `ahead`: the host reads a step behind, and steps have few shapes, which is what recording them (`graphs`) needs.
    """

    geometry: Geometry
    cells: Cells
    prefill_tokens: int
    windows: tuple[int | None, ...]
    decoding: Decoding
    ahead: bool
    graphs: bool


class _News(NamedTuple):
    """Tokens on their way to the host: `event` has passed when they are there; `logits` are what they come from.

    `told` is what `news.tell` returned.
    """

    told: Any
    event: Any
    seats: list[Seat]
    logits: Any


class Session:
    """Decodes rows; `turn` until `busy` no longer, and `take` what is finished."""

    def __init__(self, body: Body, plan: Plan, rows: Sequence[Row], stopping: Stopping, masks: Masks | None) -> None:
        self._body, self._plan, self._stopping, self._masks = body, plan, stopping, masks
        geometry = plan.geometry
        self._bank = Bank(geometry, plan.cells)
        self._board = Board(rows, geometry.tiles, geometry.tile_rows, geometry.places)
        self._gpu = plan.cells.device.type == "cuda"
        self.graphs = Graphs(self._bank.state, enabled=plan.graphs)
        self._sent: deque[_News] = deque()
        self._seen: Any = None
        self._aside = torch.cuda.Stream(priority=-1) if self._gpu and masks is not None else None
        self._finished: list[Row] = []
        self.counts: Counter[str] = Counter()
        if masks is not None:
            masks.expect(rows)

    @property
    def busy(self) -> bool:
        """Whether rows are waiting or being written."""
        return bool(self._board.live or self._board.waiting)

    def take(self) -> list[Row]:
        """Return the rows that ended since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def turn(self) -> None:
        """Fill what is free, decode one token of every row, and read what was sent before."""
        with torch.inference_mode():
            self._make_room()
            self._step()
            while len(self._sent) > self._plan.ahead:
                self._receive()
            self._sweep()

    def _make_room(self) -> None:
        board, geometry = self._board, self._plan.geometry
        if not board.waiting:
            if self._tiles(board.fewest_tiles) < self._tiles(board.extent):
                self._move()
            return
        wanted = min(max(1, geometry.rows // REFILL_SHARE), board.waiting)
        if geometry.rows - board.live < wanted:
            return
        moves = board.compact()
        self._bank.move(moves)
        if board.room >= wanted or not board.live:
            self._refill()
        elif moves:
            self._bank.hold(board.tile_places)

    def _move(self) -> None:
        self._bank.move(self._board.compact())
        self._bank.move(self._board.settle())
        self._bank.hold(self._board.tile_places)

    def _refill(self) -> None:
        refill, windows = self._board.refill(), self._plan.windows
        self._bank.hold(self._board.tile_places)
        for place, prefix in refill.prefixes:
            load_prefix(self._body, self._bank, place, prefix, windows)
            self.counts["prefix_tokens"] += len(prefix)
        for place, seats in refill.rows.items():
            for batch in batches(seats, self._plan.prefill_tokens):
                logits = load_suffixes(self._body, self._bank, place, batch, windows)
                self._begin(logits, batch.seats)
                self.counts["refills"] += 1
                self.counts["suffix_tokens"] += batch.tokens

    def _begin(self, logits: Any, seats: Sequence[Seat]) -> None:
        """Choose the first tokens of rows whose suffixes have been computed."""
        decoding, device = self._plan.decoding, self._plan.cells.device
        state = []
        for _, row in seats:
            row.stored = len(row.request.suffix)
            state.append((row.stored, len(row.request.prefix), decoding.key(row)))
            if self._masks is not None:
                self._masks.start(row)
        if self._masks is not None and self._seen is None:
            self._seen = logits.new_empty((self._plan.geometry.rows, logits.shape[-1]))
        keys = on_device([key for *_, key in state], device)
        tokens = choose(logits, keys, torch.zeros_like(keys), decoding)
        self._bank.seat([slot for slot, _ in seats], tokens, state)
        held = None if self._masks is None else logits
        self._send(self._news(logits, tokens), [(line, row) for line, (_, row) in enumerate(seats)], held)

    def _step(self) -> None:
        seats = [(slot, row) for slot, row in enumerate(self._board.slots) if row is not None and not row.finished]
        if not seats:
            return
        tiles = self._tiles(self._board.extent)
        rows = tiles * self._plan.geometry.tile_rows
        own = self._own(1 + max(row.stored for _, row in seats))
        for _, row in seats:
            row.stored += 1
        self.counts["steps"] += 1
        self.counts["row_steps"] += len(seats)
        news = self.graphs.run((tiles, own), lambda: self._commit(self._logits(tiles, own), rows))
        self._send(news, seats, None if self._seen is None else self._seen[:rows].clone())

    def _logits(self, tiles: int, own: int) -> Any:
        attention = DecodeAttention(self._bank, tiles, own, self._blocks(tiles), self._plan.windows)
        return decode(self._body, self._bank, attention, tiles * self._plan.geometry.tile_rows)

    def _commit(self, logits: Any, rows: int) -> Any:
        bank = self._bank
        if self._seen is not None:
            self._seen[:rows].copy_(logits)
        tokens = choose(logits, bank.keys[:rows], bank.drawn[:rows], self._plan.decoding)
        bank.tokens[:rows].copy_(tokens)
        bank.drawn[:rows] += 1
        return self._news(logits, tokens)

    def _news(self, logits: Any, tokens: Any) -> Any:
        drawn = bool(self._plan.decoding.temperature)
        return tell(logits, tokens, drawn=drawn, spare=self._masks is not None and not drawn)

    def _blocks(self, tiles: int) -> Any:
        held = {place for place in self._board.tile_places[:tiles] if place is not None}
        # A recorded step must hold for whatever the tiles read later; one that is not recorded may be cheaper.
        if not self._plan.ahead and len(held) == 1:
            return on_device(list(held), self._plan.cells.device)
        return self._bank.holders[:tiles]

    def _tiles(self, needed: int) -> int:
        """Return how many tiles a step computes: all or a quarter where each number is a recording."""
        whole = self._plan.geometry.tiles
        if not self._plan.ahead:
            return max(1, needed)
        quarter = max(1, whole // 4)
        return quarter if needed <= quarter else whole

    def _own(self, needed: int) -> int:
        cells = MANY_CELLS if self._plan.ahead else FEW_CELLS
        return min(self._plan.geometry.own, -(-needed // cells) * cells)

    def _send(self, news: Any, seats: list[Seat], logits: Any) -> None:
        """Have news brought to the host; `seats` are the rows that it belongs to, by line, as of `logits`."""
        if not self._gpu:
            self._sent.append(_News(news.clone(), None, seats, logits))
            return
        host = torch.empty(news.shape, dtype=news.dtype, pin_memory=True)
        host.copy_(news, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self._sent.append(_News(host, event, seats, logits))

    def _receive(self) -> None:
        sent = self._sent.popleft()
        if sent.event is not None:
            sent.event.synchronize()
        told, refused = hear(sent.told), []
        for line, row in sent.seats:
            if row.finished:
                continue
            if self._masks is None or self._masks.admit(row, told.tokens[line]):
                self._accept(row, told.tokens[line], told.logarithms[line])
            else:
                refused.append((line, row))
        if refused and self._masks is not None:
            self._choose_again(sent, told, refused, self._masks)

    def _accept(self, row: Row, token: int, logprob: float) -> None:
        self._stopping.accept(row, token, logprob)
        if self._masks is not None:
            self._masks.close(row)

    def _choose_again(self, sent: _News, told: Told, refused: Sequence[Seat], masks: Masks) -> None:
        """Have rows whose token was refused choose among what they may, and take them back to that place.

        Whoever may write none of the likeliest tokens, which have come along unless tokens are drawn, asks the device.
        """
        chosen: list[tuple[Row, int, float]] = []
        asking: list[Seat] = []
        for line, row in refused:
            token = None if told.spare is None else masks.admit_first(row, told.others(line))
            if token is None:
                asking.append((line, row))
            else:
                chosen.append((row, token, 0.0))
        if asking:
            chosen += self._ask(sent, told, asking, masks)
        going = [one for one in chosen if not one[0].finished]
        if going:
            self._take_back([row for row, *_ in going], [token for _, token, _ in going])
        for row, token, logprob in going:
            self._accept(row, token, logprob)

    def _ask(self, sent: _News, told: Told, seats: Sequence[Seat], masks: Masks) -> list[tuple[Row, int, float]]:
        """Return rows with what they choose from the logits of their lines, and its logarithm where it is drawn."""
        with torch.cuda.stream(self._aside):  # the next step need not be waited for; None changes nothing
            if self._aside is not None:
                self._aside.wait_event(sent.event)
            device, decoding, rows = self._plan.cells.device, self._plan.decoding, [row for _, row in seats]
            numbers = [line for line, _ in seats], [decoding.key(row) for row in rows], [len(row.ids) for row in rows]
            lines, keys, drawn = on_device([one for column in numbers for one in column], device).view(3, -1)
            logits = sent.logits.index_select(0, lines)
            chosen = masks.choose(logits, rows, [told.tokens[line] for line, _ in seats], Redraw(keys, drawn, decoding))
            logarithms = [0.0] * len(rows)
            if decoding.temperature:
                logarithms = log_probabilities(logits, on_device(chosen, device)).tolist()
        return list(zip(rows, chosen, logarithms, strict=True))

    def _take_back(self, rows: Sequence[Row], tokens: Sequence[int]) -> None:
        """Put other tokens in the place of those last chosen, and undo the steps that were sent with those."""
        bank, device = self._bank, self._plan.cells.device
        slots = {id(row): slot for slot, row in enumerate(self._board.slots)}
        undone = {id(row): 0 for row in rows}
        for later in self._sent:
            for _, row in later.seats:
                if id(row) in undone:
                    undone[id(row)] += 1
            later.seats[:] = [seat for seat in later.seats if id(seat[1]) not in undone]
        places, steps = [slots[id(row)] for row in rows], [undone[id(row)] for row in rows]
        at, back, new = on_device([*places, *steps, *tokens], device).view(3, -1)
        bank.tokens.index_copy_(0, at, new)
        for state in (bank.used, bank.drawn):
            state.index_add_(0, at, -back)
        for row in rows:
            row.stored -= undone[id(row)]

    def _sweep(self) -> None:
        for slot, row in enumerate(self._board.slots):
            if row is not None and row.finished:
                self._board.release(slot)
                self._finished.append(row)
