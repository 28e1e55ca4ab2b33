"""The engine that computes every schema once: units of work, phase by phase, in as many rows as the memory allows.

When memory runs out, what is finished is delivered and the rest begins again in half as many rows, for good.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.errors import ModelError
from harness.generators.huggingface.bank import Cells
from harness.generators.huggingface.body import Body
from harness.generators.huggingface.masks import Masks
from harness.generators.huggingface.memory import Workload, fit
from harness.generators.huggingface.rows import Decoding, Request, Row
from harness.generators.huggingface.session import Plan, Session
from harness.generators.huggingface.stopping import Stopping
from harness.generators.huggingface.units import phases

__all__ = ["Limits", "SharedEngine", "Work", "is_memory_full", "no_row_fits"]


@dataclass(frozen=True)
class Limits:
    """At most so many rows at once, within so much of the GPU's memory (0: all of it)."""

    batch_size: int
    memory_gib: float = 0.0
    graphs: bool = True


@dataclass(frozen=True)
class Work:
    """How an engine is to answer: how tokens are chosen, when rows end, its bounds, and what must not be written."""

    decoding: Decoding
    stopping: Stopping
    limits: Limits
    masks: Masks | None = None


class SharedEngine:
    """Answers requests; a model that `body.unsupported` names a reason for cannot be used."""

    def __init__(self, model: Any, work: Work) -> None:
        self._body, self._work = Body(model), work
        self._most = work.limits.batch_size
        self._cells: Cells | None = None
        self._counts: Counter[str] = Counter()
        self._slots: list[int] = []
        self._graphs = "off" if self._body.device.type != "cuda" or not work.limits.graphs else "on"

    @property
    def usage(self) -> dict[str, Any]:
        """What was done: steps, rows in them on average, tokens computed, slots; whether steps were recorded."""
        counts = self._counts
        return {
            "engine": "shared",
            "slots": max(self._slots, default=0),
            "rows_per_step": round(counts["row_steps"] / max(1, counts["steps"]), 2),
            **{name: counts[name] for name in ("steps", "refills", "prefix_tokens", "suffix_tokens", "out_of_memory")},
            "cuda_graphs": self._graphs,
        }

    def complete(self, unit: Sequence[Request]) -> Iterator[list[Row]]:
        """Yield the rows of a unit as they end; raises `ModelError` when memory is full with a single row."""
        for rows in phases(unit, self._work.decoding.samples):
            yield from self._complete_phase(rows)

    def _complete_phase(self, rows: list[Row]) -> Iterator[list[Row]]:
        while rows:
            delivered: set[int] = set()
            for finished in self._attempt(rows):
                delivered.update(map(id, finished))
                yield finished
            left = [row for row in rows if id(row) not in delivered]
            if ended := [row for row in left if row.finished]:
                yield ended
            rows = [row.again() for row in left if not row.finished]
            if rows:
                self._reduce()

    def _attempt(self, rows: list[Row]) -> Iterator[list[Row]]:
        """Decode rows until they are finished or memory is full."""
        session = None
        try:
            session = Session(self._body, self._plan(rows), rows, self._work.stopping, self._work.masks)
            while session.busy:
                session.turn()
                if finished := session.take():
                    yield finished
        except RuntimeError as error:
            if not is_memory_full(error):
                raise
            self._counts["out_of_memory"] += 1
        finally:
            if session is not None:
                self._counts.update(session.counts)
                if session.graphs.reason:
                    self._graphs = f"off: {session.graphs.reason}"

    def _plan(self, rows: Sequence[Row]) -> Plan:
        if self._cells is None:
            self._cells = _measure_cells(self._body)
        decoding = self._work.decoding
        masked = self._work.masks is not None
        workload = Workload(rows, self._cells, self._body.config, decoding.max_new_tokens, masked=masked)
        geometry, prefill_tokens = fit(workload, self._most, self._work.limits.memory_gib, self._body.device)
        self._slots.append(geometry.rows)
        # A window that no prompt outgrows changes nothing.
        windows = tuple(
            None if window is None or workload.longest <= window else window for window in self._body.windows
        )
        ahead = self._body.device.type == "cuda"
        return Plan(geometry, self._cells, prefill_tokens, windows, decoding, ahead, self._graphs == "on")

    def _reduce(self) -> None:
        slots = self._slots[-1]
        if slots == 1:
            raise no_row_fits()
        self._most = max(1, slots // 2)
        logging.getLogger(__name__).warning(
            "generator: the device's memory is full with %d rows at a time; going on with %d", slots, self._most
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def is_memory_full(error: RuntimeError) -> bool:
    """Return whether an error says that the GPU's memory is full: torch's own, or a library's."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "alloc_failed" in text


def no_row_fits() -> ModelError:
    """Return the error of a device whose memory is full with a single row."""
    return ModelError(
        "generator: the device's memory is full with one row at a time; close other programs, quantise the "
        "base (precision = 'nf4') or shorten the prompts (prompt.max_tokens); what was finished is kept"
    )


class _Probe:
    """An attention that looks at what it is given and finds nothing."""

    keys: Any = None

    def attend(self, layer: int, states: tuple[Any, Any, Any], scale: float) -> Any:  # noqa: ARG002
        self.keys = states[1]
        return states[0].transpose(1, 2)


def _measure_cells(body: Body) -> Cells:
    """Ask the model what its keys are like: quantised layers and adapters may change their type."""
    probe = _Probe()
    with torch.inference_mode():
        one = torch.zeros(1, 1, dtype=torch.long, device=body.device)
        body.hidden(one, one, probe)
    return Cells(body.layers, probe.keys.shape[1], probe.keys.shape[-1], probe.keys.dtype, probe.keys.device)
