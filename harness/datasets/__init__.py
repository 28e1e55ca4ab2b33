"""Benchmarks on disk → `Dataset`: BIRD, Spider, or one database with a questions file."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from harness.datasets import bird, spider
from harness.datasets.assembly import Assembled, assemble, require_sound
from harness.datasets.descriptions import Descriptions
from harness.datasets.jsonl import load_single, read_single
from harness.datasets.layout import Layout, search_folders
from harness.datasets.predictions import Predictions, read_predictions, write_official
from harness.datasets.schema import read_sqlite, read_tables, to_ddl
from harness.errors import DataError
from harness.types import Dataset

__all__ = [
    "MINI",
    "Predictions",
    "load",
    "load_single",
    "read",
    "read_predictions",
    "read_sqlite",
    "read_tables",
    "shipped",
    "to_ddl",
    "write_official",
]

MINI = "mini"
"""The name of the data set that is shipped with this program."""


def load(
    path: str | Path, split: str = "dev", *, limit: int | None = None, descriptions: Descriptions = False
) -> Dataset:
    """Read one split of a data folder, whichever layout it has, or of `mini`, or a questions file.

    `limit` keeps the first questions; `descriptions` also reads BIRD's column descriptions, or the tables file's
    readable `"names"`. No database is
    opened where a tables file describes it. Raises `DataError` listing everything that keeps the split from
    being scored; a missing database is not among it (see `Dataset.databases`).
    """
    return require_sound(read(path, split, limit=limit, descriptions=descriptions))


def read(
    path: str | Path, split: str = "dev", *, limit: int | None = None, descriptions: Descriptions = False
) -> Assembled:
    """As `load`, but with the problems listed instead of raised; raises `DataError` only where nothing can be read."""
    if str(path) == MINI:
        assembled = read(shipped(), split, limit=limit, descriptions=descriptions)
        return replace(assembled, dataset=replace(assembled.dataset, name=MINI))
    root = Path(path)
    if root.is_file():
        return _read_file(root, split, limit, descriptions=descriptions)
    layout = _find_layout(root, split)
    if layout is None:
        raise DataError(f"{root}: no questions for split {split!r}; {_advice(root)}")
    return assemble(layout, split, limit, descriptions=descriptions)


def shipped() -> Path:
    """Return the folder of the data set `mini`."""
    return Path(str(files("harness"))) / "datasets" / "mini"


def _find_layout(root: Path, split: str) -> Layout | None:
    as_spider = spider.find_layout(root, split)
    if as_spider and as_spider.questions[0].parent == root:
        return as_spider
    as_bird = bird.find_layout(root, split)
    if as_spider and as_bird and as_bird.questions != as_spider.questions:
        found = f"{as_bird.questions[0]} and {as_spider.questions[0]}"
        raise DataError(f"{root}: split {split!r} is found more than once: {found}; name the folder of one of them")
    return as_spider or as_bird


def _read_file(questions: Path, split: str, limit: int | None, *, descriptions: Descriptions) -> Assembled:
    """Read a questions file with the tables and databases around it, or with the one SQLite file beside it."""
    folder = questions.parent
    of_file = questions.stem.removesuffix("_sqlite").removesuffix("_spider").removesuffix("_others")
    for name in dict.fromkeys((of_file, split)):
        around = spider.find_layout(folder, name)
        if around is None or around.questions[0].parent != folder:
            around = bird.complete_layout([folder], name, questions)
        if around.tables or around.database_root:
            layout = replace(around, questions=(questions,))
            return assemble(layout, name, limit, descriptions=descriptions)
    beside = [*folder.glob("*.sqlite"), *folder.glob("*.db")]
    own = [path for path in beside if path.stem == questions.stem] or beside
    if len(own) == 1:
        return read_single(own[0], questions)
    raise DataError(f"{questions}: no tables file and no database beside it; name the data folder, or use --db FILE")


def _advice(root: Path) -> str:
    present = [name for name in bird.SPLITS if _find_layout(root, name)]
    if present:
        return f"this folder has {', '.join(present)} (choose with --split)"
    looked = len(list(search_folders(root)))
    return f"looked for BIRD's and Spider's file names in {looked} folder{'s' if looked > 1 else ''}; check the path"
