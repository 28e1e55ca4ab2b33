"""Text, JSON and JSON Lines from disk, with errors that say where and what to do."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError

__all__ = ["LISTED", "listed", "parse_json", "parse_lines", "problem_report", "read_items", "read_json", "read_text"]

LISTED = 10
"""How many names a message shows before it only counts."""
PairsHook = Callable[[list[tuple[str, Any]]], Any]


def listed(names: Sequence[object]) -> str:
    """Return the first names, comma-separated, and how many more there are."""
    shown = ", ".join(str(name) for name in names[:LISTED])
    more = len(names) - LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def problem_report(where: object, problems: Sequence[str], advice: str) -> DataError:
    """Return (not raise) a `DataError` with one line for each problem."""
    count = len(problems)
    lines = "\n".join(f"  - {problem}" for problem in problems)
    return DataError(f"{where}: {count} problem{'s' if count != 1 else ''}; {advice}\n{lines}")


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text, without a byte order mark and with its line ends as they are.

    Raises `DataError` when the file is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path}: the file does not exist; check the path") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from error


def read_json(path: Path) -> Any:
    """Return a JSON file's value; raises `DataError` with line and column of a syntax error."""
    return parse_json(path, read_text(path))


def parse_json(path: Path, text: str, hook: PairsHook | None = None) -> Any:
    """Return the value of JSON text that was read from `path`; `hook` is `json`'s `object_pairs_hook`."""
    try:
        return json.loads(text, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}; repair the file") from error
    except RecursionError as error:
        raise DataError(f"{path}: nested too deeply to be read as JSON; check that this is the right file") from error


def parse_lines(path: Path, text: str, hook: PairsHook | None = None) -> list[Any]:
    """Return the values of JSON Lines, blank lines skipped; raises `DataError` naming the lines that are no JSON."""
    values, wrong = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                values.append(json.loads(line, object_pairs_hook=hook))
            except (json.JSONDecodeError, RecursionError):
                wrong.append(number)
    if wrong:
        raise DataError(f"{path}: not JSON: line{'s' if len(wrong) > 1 else ''} {listed(wrong)}; repair the file")
    return values


def read_items(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON list or of a JSON Lines file, told apart by the content.

    Raises `DataError` naming every position that is not an object.
    """
    text = read_text(path)
    whole = path.suffix == ".json" or text.lstrip().startswith("[")
    values = parse_json(path, text) if whole else parse_lines(path, text)
    if not isinstance(values, list):
        raise DataError(f"{path}: a list of objects is expected; check that this is a questions file")
    wrong = [position for position, value in enumerate(values) if not isinstance(value, dict)]
    if wrong:
        raise DataError(f"{path}: not objects, counted from 0: {listed(wrong)}; each item must be {{…}}")
    return values
