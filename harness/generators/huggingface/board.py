"""Who sits where: rows in slots, slots in tiles, a tile's rows behind one prefix. No arithmetic, no torch.

A tile is what attends to a prefix as one block. A free slot is filled from its tile's prefix first; when that has no
more questions, what is left of its tiles is moved together, and the tiles that this frees go to the next prefix.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.generators.huggingface.rows import Row

__all__ = ["Board", "Moves", "Refill"]

Prefix = tuple[int, ...]
Moves = list[tuple[int, int]]
"""(from slot, to slot); no slot is named twice."""


@dataclass(frozen=True)
class Refill:
    """What to load: prefixes into their places, then rows into slots, by place."""

    prefixes: list[tuple[int, Prefix]] = field(default_factory=list)
    rows: dict[int, list[tuple[int, Row]]] = field(default_factory=dict)


class Board:
    """The slots of `tiles` tiles of `tile_rows` rows, and `places` prefixes that are held at once."""

    def __init__(self, rows: Sequence[Row], tiles: int, tile_rows: int, places: int) -> None:
        self.tile_rows = tile_rows
        self.slots: list[Row | None] = [None] * (tiles * tile_rows)
        self.tile_places: list[int | None] = [None] * tiles
        self.places: list[Prefix | None] = [None] * places
        self._queues: dict[Prefix, deque[Row]] = {}
        for row in rows:
            self._queues.setdefault(row.request.prefix, deque()).append(row)

    @property
    def live(self) -> int:
        """How many rows are being written."""
        return sum(row is not None for row in self.slots)

    @property
    def waiting(self) -> int:
        """How many rows have not begun."""
        return sum(map(len, self._queues.values()))

    @property
    def extent(self) -> int:
        """How many tiles, from the first, hold all rows."""
        return 1 + max((tile for tile, place in enumerate(self.tile_places) if place is not None), default=-1)

    @property
    def fewest_tiles(self) -> int:
        """In how many tiles the rows would have room."""
        return sum(-(-len(self._rows_of(place)) // self.tile_rows) for place in range(len(self.places)))

    def release(self, slot: int) -> None:
        """Free a slot."""
        self.slots[slot] = None

    @property
    def room(self) -> int:
        """How many waiting rows a refill would seat."""
        empty, places, seats = self.tile_places.count(None), self.places.count(None), 0
        for prefix, queue in self._queues.items():
            known = prefix in self.places
            if not queue or not (known or (empty and places)):
                continue
            places -= not known
            free = self._free_slots(self.places.index(prefix)) if known else 0
            rest = max(0, len(queue) - free)
            tiles = min(empty, -(-rest // self.tile_rows))
            empty -= tiles
            seats += min(len(queue), free) + min(rest, tiles * self.tile_rows)
        return seats

    def _free_slots(self, place: int) -> int:
        return self.tile_rows * len(self._tiles_of(place)) - len(self._rows_of(place))

    def compact(self) -> Moves:
        """Move rows of prefixes without questions left together, and give up tiles and places without rows."""
        moves: Moves = []
        for place, prefix in enumerate(self.places):
            if prefix is None or self._queues.get(prefix):
                continue
            tiles = self._tiles_of(place)
            kept = -(-len(self._rows_of(place)) // self.tile_rows)
            moves += self._move([slot for tile in tiles[kept:] for slot in self._range(tile)], tiles[:kept])
            for tile in tiles[kept:]:
                self.tile_places[tile] = None
            if not kept:
                self.places[place] = None
        return moves

    def settle(self) -> Moves:
        """Move whole tiles to the front."""
        moves: Moves = []
        for tile, place in enumerate(self.tile_places):
            last = self.extent - 1
            if place is None and last > tile:
                moves += self._move(list(self._range(last)), [tile])
                self.tile_places[tile], self.tile_places[last] = self.tile_places[last], None
        return moves

    def refill(self) -> Refill:
        """Seat as many waiting rows as there is room for."""
        refill = Refill()
        for prefix, queue in self._queues.items():
            place = self._place_for(prefix, refill) if queue else None
            if place is None:
                continue
            free = [tile for tile, holder in enumerate(self.tile_places) if holder is None]
            for tile in [*self._tiles_of(place), *free]:
                if queue:
                    self.tile_places[tile] = place
                    self._fill(tile, queue, refill.rows.setdefault(place, []))
        return refill

    def _place_for(self, prefix: Prefix, refill: Refill) -> int | None:
        if prefix in self.places:
            return self.places.index(prefix)
        if None not in self.places or None not in self.tile_places:
            return None
        place = self.places.index(None)
        self.places[place] = prefix
        refill.prefixes.append((place, prefix))
        return place

    def _fill(self, tile: int, queue: deque[Row], seated: list[tuple[int, Row]]) -> None:
        for slot in self._range(tile):
            if queue and self.slots[slot] is None:
                row = queue.popleft()
                self.slots[slot] = row
                seated.append((slot, row))

    def _move(self, sources: Sequence[int], tiles: Sequence[int]) -> Moves:
        free = [slot for tile in tiles for slot in self._range(tile) if self.slots[slot] is None]
        moves = list(zip([slot for slot in sources if self.slots[slot] is not None], free, strict=False))
        for source, target in moves:
            self.slots[target], self.slots[source] = self.slots[source], None
        return moves

    def _range(self, tile: int) -> range:
        return range(tile * self.tile_rows, (tile + 1) * self.tile_rows)

    def _tiles_of(self, place: int) -> list[int]:
        return [tile for tile, holder in enumerate(self.tile_places) if holder == place]

    def _rows_of(self, place: int) -> list[Row]:
        slots = (slot for tile in self._tiles_of(place) for slot in self._range(tile))
        return [row for slot in slots if (row := self.slots[slot]) is not None]
