"""What may stand in front of any back end: a cache of its answers, and a second try at those that SQLite refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from harness.config import STRICT
from harness.execution import Executor
from harness.generators.base import Continues, Generator
from harness.generators.cache import Cached, identity_of
from harness.types import Dataset, Extraction

__all__ = ["Front", "Setting", "split_options"]


@dataclass(frozen=True)
class Setting:
    """What a second try needs to know: the questions, how SQL is found in an answer, and what prepares it."""

    dataset: Dataset
    extract: Callable[[str], Extraction]
    open_executor: Callable[[], Executor]


@dataclass(frozen=True)
class Front:
    """The options of `[generator]` that belong to no back end.

    `repair` is how often an answer that SQLite refuses is asked for again. `cache` is the folder of stored answers,
    `""` for none.
    """

    __pydantic_config__ = STRICT
    repair: Literal[0, 1] = 0
    cache: str = ""

    def stand_before(self, generator: Generator, plugin: object, setting: Setting) -> Generator:
        """Return `generator`, which `plugin` was bound to, with what the options put in front of it.

        Raises `ConfigError` for a cache of a generator that does not say what shapes its answers.
        """
        whole = generator
        if self.cache:
            whole = Cached(generator, Path(self.cache), identity_of(plugin, generator), setting.dataset)
        if self.repair:
            from harness.generators.repair import Repairing  # noqa: PLC0415 - grounding, only where names are looked up

            # What it continues depends on more than a prompt, so the back end is asked past the cache.
            continues = generator if isinstance(generator, Continues) else None
            whole = Repairing(whole, setting.dataset, setting.extract, setting.open_executor, continues)
        return whole


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the front's options among those of `[generator]`, and the others."""
    ours = {one.name for one in fields(Front)}
    front = {name: value for name, value in options.items() if name in ours}
    return front, {name: value for name, value in options.items() if name not in ours}
