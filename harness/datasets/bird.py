"""BIRD's layout: `dev.json`, `dev_tables.json`, `dev_databases/<db>/<db>.sqlite`, and the same for other splits."""

from collections.abc import Sequence
from pathlib import Path

from harness.datasets.layout import Layout, find_file, nested_root, search_folders

__all__ = ["SPLITS", "complete_layout", "find_layout"]

SPLITS = ("dev", "mini_dev", "train", "test")
"""The splits that BIRD publishes; `<split>.json` of any other name is found as well."""


def find_layout(root: Path, split: str) -> Layout | None:
    """Return where the files of a split are, `None` when `root` holds no such questions file.

    The mini-dev set, and one of your own, share tables and databases with dev; the archives' own folders
    (`dev_20240627/`, `MINIDEV/`, `train/`) are looked into.
    """
    folders = list(search_folders(root))
    names = ("mini_dev_sqlite.json", "mini_dev.json") if split == "mini_dev" else (f"{split}.json",)
    questions = find_file(folders, names)
    return complete_layout(folders, split, questions) if questions else None


def complete_layout(folders: Sequence[Path], split: str, questions: Path) -> Layout:
    """Return the layout around a questions file; its tables and databases stand beside it or elsewhere in `folders`."""
    bases = (split,) if split in ("dev", "train", "test") else (split, "dev")
    near = sorted(folders, key=lambda folder: (folder != questions.parent, questions.parent not in folder.parents))
    tables = _named(bases, "tables.json")
    return Layout(
        name="bird",
        questions=(questions,),
        tables=find_file(near[:1], tables) or find_file(near, tables),
        database_root=nested_root(near, (*_named(bases, "databases"), "databases")),
        gold_file=find_file(near[:1], (*_named((questions.stem, split), "gold.sql"), f"{split}.sql")),
    )


def _named(bases: Sequence[str], end: str) -> tuple[str, ...]:
    return tuple(f"{base}_{end}" for base in bases)
