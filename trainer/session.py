"""One training on disk: its folder, its log, its checkpoints, and what outlives a kill at any moment."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from trainer.base import OnStep, Step
from trainer.config import TrainConfig
from trainer.log import Window, append_step, truncate_log

__all__ = ["Session", "unfinished_checkpoints"]

WINDOW_FILE = "window.json"


@dataclass
class Session:
    """A try of a training; `window` holds the totals, those of earlier tries included.

    A checkpoint is whole when `window.json` is in it: the file is written last, atomically.
    """

    config: TrainConfig
    output_dir: Path
    on_step: OnStep
    window: Window = field(default_factory=Window)

    @property
    def log_path(self) -> Path:
        """Where the log is."""
        return self.output_dir / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.output_dir / "checkpoints"

    def begin(self) -> None:
        """Start from nothing, whatever an earlier try has left."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        self.checkpoints.mkdir(parents=True)
        self.log_path.unlink(missing_ok=True)

    def restore(self) -> Path | None:
        """Return the last whole checkpoint, everything behind it removed; `None` where there is none."""
        whole = unfinished_checkpoints(self.output_dir)
        if not whole:
            return None
        for torn in set(self.checkpoints.glob("checkpoint-*")) - set(whole):
            shutil.rmtree(torn)
        self.window = Window.read(whole[-1] / WINDOW_FILE)
        truncate_log(self.log_path, _step_of(whole[-1]))
        return whole[-1]

    def mark_whole(self, step: int) -> None:
        """Say that the checkpoint of `step` is complete."""
        self.window.save(self.checkpoints / f"checkpoint-{step}" / WINDOW_FILE)

    def log(self, step: Step) -> None:
        """Write a line, and tell whoever watches."""
        append_step(self.log_path, step)
        self.on_step(step)


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def unfinished_checkpoints(output_dir: Path) -> list[Path]:
    """Return the whole checkpoints in an adapter's folder, in the order of their steps."""
    found = sorted((output_dir / "checkpoints").glob("checkpoint-*"), key=_step_of)
    return [path for path in found if (path / WINDOW_FILE).exists()]
