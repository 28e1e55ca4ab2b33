"""Answers already known: golds and predictions that repeat are run once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from harness.execution.limits import MIB
from harness.execution.process import Answer
from harness.types import Execution, Status

__all__ = ["Cache"]

_OBJECT_FACTOR = 4
"""Rows as Python objects take about this many times the bytes of their message."""

_ENTRY_BYTES = 1_024


@dataclass(slots=True)
class _Pending:
    """A key that one thread is working on while others wait."""

    done: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    waiters: int = 0


class Cache:
    """Keeps the answers used last, up to `capacity_bytes` (an estimate of their size as objects). Thread-safe."""

    def __init__(self, capacity_bytes: int = 256 * MIB) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[Execution, int]] = OrderedDict()
        self._pending: dict[Hashable, _Pending] = {}

    def peek(self, key: Hashable) -> Execution | None:
        """Return the answer to `key` if it is known, without computing anything."""
        with self._lock:
            known = self._answers.get(key)
            if known is None:
                return None
            self._answers.move_to_end(key)
            return known[0]

    def answer(self, key: Hashable, compute: Callable[[], Answer]) -> Execution:
        """Return the answer to `key`, computing it unless it is known or another thread is at it.

        What cannot be repeated is shared with those who wait, but not kept. When `compute` raises or loses its worker,
        the caller gets that, and one of those who wait tries again: a death costs one question and not all that ask it.
        """
        while True:
            if (known := self.peek(key)) is not None:
                return known
            with self._lock:
                if key in self._answers:
                    continue
                pending = self._pending.get(key)
                mine = pending is None
                if pending is None:
                    pending = self._pending[key] = _Pending()
                else:
                    pending.waiters += 1
            if mine:
                return self._compute(key, pending, compute)
            pending.done.wait()
            if pending.answer is not None and not _is_lost(pending.answer):
                return pending.answer.execution

    def _compute(self, key: Hashable, pending: _Pending, compute: Callable[[], Answer]) -> Execution:
        try:
            pending.answer = answer = compute()
        finally:
            with self._lock:
                del self._pending[key]
                if pending.answer is not None:
                    self._keep(key, pending.answer)
            pending.done.set()
        return answer.execution

    def _keep(self, key: Hashable, answer: Answer) -> None:
        size = _ENTRY_BYTES + _OBJECT_FACTOR * answer.size_bytes
        if not answer.repeatable or size > self.capacity_bytes // 4:
            return
        self._answers[key] = answer.execution, size
        self.used_bytes += size
        while self.used_bytes > self.capacity_bytes:
            self.used_bytes -= self._answers.popitem(last=False)[1][1]


def _is_lost(answer: Answer) -> bool:
    """Whether the worker died; what is too much for a living one is repeatable."""
    return answer.execution.status is Status.RESOURCE and not answer.repeatable
