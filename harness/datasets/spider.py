"""Spider's layout: `dev.json`, `train_spider.json` (and `train_others.json`), `tables.json`, `database/<db>/`."""

from pathlib import Path

from harness.datasets.layout import Layout, find_file, nested_root, search_folders

__all__ = ["SPLITS", "find_layout"]

SPLITS = ("dev", "train", "test")
_MARKS = ("tables.json", "train_spider.json")


def find_layout(root: Path, split: str) -> Layout | None:
    """Return where the files of a split are, `None` when `root` is not laid out as Spider or lacks the split.

    A question's id is its position; the training set is `train_spider.json` followed by `train_others.json`.
    """
    folders = list(search_folders(root))
    home = next((folder for folder in folders if _is_spider(folder)), None)
    if home is None:
        return None
    names = ("train_spider.json", "train_others.json") if split == "train" else (f"{split}.json",)
    questions = tuple(home / name for name in names if (home / name).is_file())
    if not questions or questions[0].name != names[0]:
        return None
    prefixed = split == "test"
    return Layout(
        name="spider",
        questions=questions,
        tables=find_file([home], ("test_tables.json", "tables.json") if prefixed else ("tables.json",)),
        database_root=nested_root([home], ("test_database", "database") if prefixed else ("database", "databases")),
        gold_file=find_file([home], (f"{split}_gold.sql",)),
    )


def _is_spider(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _MARKS) or (folder / "database").is_dir()
