"""One training on disk: its folder, its log, its checkpoints, and what outlives a kill at any moment."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import RunError, T2SError
from harness.files import RESUME, writing
from trainer.base import OnStep, Step
from trainer.config import TrainConfig
from trainer.log import Window, append_step, truncate_log
from trainer.selection import Selection, choose

__all__ = ["Session", "remove_checkpoints", "saving", "unfinished_checkpoints"]

WINDOW_FILE = "window.json"
BEST = "best-"
FAILED_WRITES = ("iostream error", "inline_container", "PytorchStreamWriter", "I/O error", "IoError", "No space left")
"""What torch and safetensors say, in errors that are no `OSError`, when a file cannot be written."""


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
        with writing(self.checkpoints):
            self.checkpoints.mkdir(parents=True)
        self.log_path.unlink(missing_ok=True)

    @property
    def step(self) -> int:
        """The step of the last whole checkpoint, 0 where there is none."""
        whole = unfinished_checkpoints(self.output_dir)
        return _step_of(whole[-1]) if whole else 0

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

    def keep_evaluated(self, step: int, eval_loss: float, save: Callable[[Path], None]) -> None:
        """Note an evaluation, and let `save` write the adapter to a folder while it is the one to deliver."""
        self.window.evaluations.append((step, eval_loss))
        if self.config.train.keep_best and self.choose(step).step == step:
            folder = self._best(step)
            with self.window.paused(), saving(folder):
                save(folder)

    def choose(self, steps: int) -> Selection:
        """Choose the adapter to deliver after `steps` steps."""
        return choose(self.window.evaluations, steps, keep_best=self.config.train.keep_best)

    def deliver(self, steps: int, load: Callable[[Path], None]) -> Selection:
        """Choose among the adapters of a finished training; `load` reads it where it is not that of the last step."""
        chosen = self.choose(steps)
        if chosen.step != steps:
            load(self._best(chosen.step))
        self.window.eval_loss = chosen.eval_loss
        return chosen

    def _best(self, step: int) -> Path:
        return self.checkpoints / f"{BEST}{step}"

    @contextmanager
    def saving(self, step: int) -> Iterator[None]:
        """Write the checkpoint of `step` in the block; until `mark_whole`, what is there counts as torn."""
        folder = self.checkpoints / f"checkpoint-{step}"
        with self.window.paused(), saving(folder):
            (folder / WINDOW_FILE).unlink(missing_ok=True)
            yield

    def mark_whole(self, step: int) -> None:
        """Say that the checkpoint of `step` is complete, and remove the adapters that are no longer the best."""
        self.window.save(self.checkpoints / f"checkpoint-{step}" / WINDOW_FILE)
        best = self._best(self.choose(step).step)
        for beaten in set(self.checkpoints.glob(f"{BEST}*")) - {best}:
            shutil.rmtree(beaten, ignore_errors=True)

    def log(self, step: Step) -> None:
        """Write a line, and tell whoever watches."""
        append_step(self.log_path, step)
        self.on_step(step)


@contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Turn what libraries raise when they cannot write into a `RunError` that names `folder`; other errors pass."""
    try:
        with writing(folder, RESUME):
            yield
    except Exception as error:
        if isinstance(error, T2SError) or not any(words in str(error) for words in FAILED_WRITES):
            raise
        raise RunError(f"{folder}: cannot be written: {str(error).splitlines()[0]}; {RESUME}") from error


def remove_checkpoints(output_dir: Path) -> None:
    """Remove the checkpoints of a training that has finished: nothing goes on from them."""
    shutil.rmtree(output_dir / "checkpoints", ignore_errors=True)


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def unfinished_checkpoints(output_dir: Path) -> list[Path]:
    """Return the whole checkpoints in an adapter's folder, in the order of their steps."""
    found = sorted((output_dir / "checkpoints").glob("checkpoint-*"), key=_step_of)
    return [path for path in found if (path / WINDOW_FILE).exists()]
