"""Where the files of a data folder are: found by looking, since every archive unpacks a little differently.

Not covered: folders more than `DEPTH` levels below the one that was named.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.datasets.reading import listed
from harness.errors import DataError

__all__ = ["DEPTH", "Layout", "find_databases", "find_file", "nested_root", "search_folders"]

DEPTH = 3
"""How many levels below the named folder are looked into."""
_UNSEARCHED = frozenset(
    {
        *("dev_databases", "train_databases", "test_databases", "mini_dev_databases", "databases"),  # BIRD
        *("database", "test_database"),  # Spider
        "__MACOSX",
    }
)
_DATABASE_SUFFIXES = (".sqlite", ".db")


@dataclass(frozen=True)
class Layout:
    """The files of one split; `database_root` holds one folder for each database, `gold_file` lines `SQL<TAB>db_id`."""

    name: str
    questions: tuple[Path, ...]
    tables: Path | None
    database_root: Path | None
    gold_file: Path | None = None


def search_folders(root: Path) -> Iterator[Path]:
    """Yield `root` and the folders below it, shallow ones first, without hidden ones and those of databases.

    Raises `DataError` when `root` is no folder.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; check the path")
    level = [root]
    for _ in range(DEPTH + 1):
        yield from level
        level = [
            child
            for folder in level
            for child in _subfolders(folder)
            if child.name not in _UNSEARCHED and not child.name.startswith(".")
        ]


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if child.is_dir())
    except PermissionError:  # somebody else's folder on the way, e.g. lost+found: what we look for is not in there
        return []


def find_file(folders: Sequence[Path], names: Sequence[str]) -> Path | None:
    """Return the first file of `folders` called as one of `names`, earlier names first.

    Raises `DataError` when several folders hold it and none of them contains the others.
    """
    for name in names:
        found = [folder / name for folder in folders if (folder / name).is_file()]
        if len(found) > 1 and not all(path.is_relative_to(found[0].parent) for path in found):
            raise DataError(f"{name}: found more than once: {listed(found)}; name the folder of one of them")
        if found:
            return found[0]
    return None


def nested_root(folders: Sequence[Path], names: Sequence[str]) -> Path | None:
    """Return the first folder called as one of `names`, stepping into `train_databases/train_databases/`."""
    for folder in folders:
        for name in names:
            root = folder / name
            if root.is_dir():
                while (root / name).is_dir():
                    root /= name
                return root
    return None


def find_databases(root: Path | None, db_ids: Collection[str]) -> dict[str, Path]:
    """Return the SQLite file `<db>/<db>.sqlite` of each database that has one."""
    if root is None:
        return {}
    found = {}
    for db_id in db_ids:
        candidates = [root / db_id / f"{db_id}{suffix}" for suffix in _DATABASE_SUFFIXES]
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path:
            found[db_id] = path
    return found
