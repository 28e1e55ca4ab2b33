"""Steps recorded once as CUDA graphs and replayed: hundreds of kernels for the price of one launch.

A recording that fails, or does something else than the step itself, is said (`reason`), and from there on steps are
launched one kernel at a time.
"""

import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch

__all__ = ["Graphs"]

Step = Callable[[], Any]
"""Works on tensors that stay where they are, and returns one."""


class Graphs:
    """Recorded steps by key; `state` are the tensors that a step changes and that a trial must leave as they were."""

    def __init__(self, state: Sequence[Any], *, enabled: bool, reason: str = "") -> None:
        self._state = state
        self._recorded: dict[Hashable, tuple[Any, Any]] = {}
        self._pool: Any = None
        self._aside: Any = None
        self.enabled = enabled
        self.reason = reason

    def run(self, key: Hashable, step: Step) -> Any:
        """Run a step, recorded where that is possible; returns what it returns, valid until it runs again."""
        if not self.enabled:
            return step()
        if key not in self._recorded:
            try:
                self._record(key, step)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._give_up(str(error).splitlines()[0] if str(error) else type(error).__name__)
                return step()
        graph, result = self._recorded[key]
        graph.replay()
        return result

    def _record(self, key: Hashable, step: Step) -> None:
        before = [tensor.clone() for tensor in self._state]
        self._aside = self._aside or torch.cuda.Stream()
        try:
            # Libraries set themselves up in their first run on a stream, which cannot be recorded.
            self._aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._aside):
                wanted = _tokens(step()).clone()
                self._restore(before)
            torch.cuda.current_stream().wait_stream(self._aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool, stream=self._aside, capture_error_mode="thread_local"):
                result = step()
            self._pool = self._pool or graph.pool()
            graph.replay()
            differing = int((_tokens(result) != wanted).sum())
        finally:
            self._restore(before)
        # Kernels may be chosen otherwise while recording, so last bits may differ, and now and then a token.
        if 2 * differing > wanted.numel():
            raise RuntimeError(f"the recorded step chose other tokens in {differing} of {wanted.numel()} rows")
        self._recorded[key] = graph, result

    def _restore(self, before: Sequence[Any]) -> None:
        for tensor, value in zip(self._state, before, strict=True):
            tensor.copy_(value)

    def _give_up(self, reason: str) -> None:
        self.enabled, self.reason = False, reason
        self._recorded.clear()
        logging.getLogger(__name__).warning(
            "generator: CUDA graphs cannot be used here (%s); going on without them, several times slower", reason
        )


def _tokens(result: Any) -> Any:
    """Return the tokens that a step chose (alone, or in front of what `news.tell` adds), or would choose (logits)."""
    if result.dim() == 1:
        return result
    return result[0] if result.dtype in (torch.float64, torch.int64) else result.argmax(dim=-1)
