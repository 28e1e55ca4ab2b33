"""`log.jsonl`: one line for every few steps and for every evaluation, exact across a kill and a resume."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.files import RESUME, write_text, writing
from trainer.base import Step
from trainer.selection import Evaluated

__all__ = ["Window", "append_step", "read_log", "truncate_log"]

FIELDS = ("step", "epoch", "loss", "eval_loss", "learning_rate", "tokens_per_s", "vram_gib")


@dataclass
class Window:
    """The steps since the last line, and the totals of the run; saved with each checkpoint.

    `loss_sum` over `steps` is the loss of the next line, so a resumed run writes the line that an undisturbed one
    would have written.
    """

    loss_sum: float = 0.0
    steps: int = 0
    tokens: int = 0
    total_tokens: int = 0
    time_s: float = 0.0
    loss: float | None = None
    eval_loss: float | None = None
    vram_gib: float | None = None
    allocated_gib: float | None = None
    window_s: float = 0.0
    evaluations: list[Evaluated] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter, compare=False)
    mark: float = field(default_factory=time.perf_counter, compare=False)

    def add(self, loss: float, tokens: int) -> None:
        """Count one optimizer step."""
        self.loss_sum += loss
        self.steps += 1
        self.tokens += tokens
        self.total_tokens += tokens

    def close(self) -> tuple[float, float]:
        """Return the mean loss and the tokens per second since the last line, and begin the next one."""
        now = time.perf_counter()
        self.loss = self.loss_sum / max(1, self.steps)
        tokens_per_s = self.tokens / max(1e-9, self.window_s + now - self.mark)
        self.loss_sum, self.steps, self.tokens, self.window_s, self.mark = 0.0, 0, 0, 0.0, now
        return self.loss, tokens_per_s

    def start_clock(self) -> None:
        """Count from now on: what came before was loading."""
        self.mark = time.perf_counter()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of the block out of the speed."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.mark += time.perf_counter() - begun

    def raise_peaks(self, vram_gib: float | None, allocated_gib: float | None) -> None:
        """Keep the higher of the peaks so far and those of this try."""
        self.vram_gib = max(vram_gib or 0.0, self.vram_gib or 0.0) or None
        self.allocated_gib = max(allocated_gib or 0.0, self.allocated_gib or 0.0) or None

    @property
    def elapsed_s(self) -> float:
        """The time of training, that of earlier tries included."""
        return self.time_s + time.perf_counter() - self.started

    def save(self, path: Path) -> None:
        """Write the window atomically: the file marks its checkpoint as whole."""
        window_s = self.window_s + time.perf_counter() - self.mark
        state = asdict(self) | {"time_s": self.elapsed_s, "window_s": window_s}
        state = {key: value for key, value in state.items() if key not in ("started", "mark")}
        write_text(path, json.dumps(state), advice=RESUME)

    @classmethod
    def read(cls, path: Path) -> "Window":
        """Read what `save` wrote."""
        state = json.loads(path.read_text(encoding="utf-8"))
        return cls(**state | {"evaluations": [(step, loss) for step, loss in state.get("evaluations", ())]})


def append_step(path: Path, step: Step) -> None:
    """Append one line and flush it; raises `RunError` when that fails."""
    values = asdict(step)
    with writing(path, RESUME), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({name: values[name] for name in FIELDS}) + "\n")


def read_log(path: Path) -> Sequence[dict[str, float | None]]:
    """Return the lines of a log; a torn last line is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def truncate_log(path: Path, step: int) -> None:
    """Keep the lines up to and with `step`: those behind it are written again by the resumed run."""
    kept = [line for line in read_log(path) if (line["step"] or 0) <= step]
    write_text(path, "".join(json.dumps(line) + "\n" for line in kept), advice=RESUME)
