"""A run on disk: a folder that can be killed at any byte and still be read.

```
manifest.json   written first, never edited
records.jsonl   one line per question, appended and flushed
summary.json    written last, atomically: its existence means complete
```
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any

from harness.errors import DataError, RunError
from harness.types import Execution, Record, ResultPreview, Run, Score

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "RecordWriter",
    "create",
    "load",
    "preview",
    "read_records",
    "record_from_json",
    "record_to_json",
    "write_summary",
    "writing",
]

FORMAT_VERSION = 1
MANIFEST, RECORDS, SUMMARY = "manifest.json", "records.jsonl", "summary.json"
PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 200


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into a `RunError` that names `path`: a full disk is no traceback."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"{path}: cannot be written: {reason}; what was finished is kept, free some space and use --resume"
        ) from error


def create(path: Path, manifest: Mapping[str, Any]) -> None:
    """Make the folder of a new run and write its manifest; raises `RunError` when it cannot be written."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        _write_atomically(path / MANIFEST, {"format_version": FORMAT_VERSION, **manifest})


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Complete a run."""
    with writing(path / SUMMARY):
        _write_atomically(path / SUMMARY, summary)


def _write_atomically(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


class RecordWriter:
    """Appends records to a run; a torn last line, left by a kill, is cut off when it opens."""

    def __init__(self, run: Path) -> None:
        self._path = run / RECORDS
        with writing(self._path):
            self._file: IO[bytes] = self._path.open("ab")
            self._file.truncate(len(_whole_lines(self._path)))

    def append(self, record: Record) -> None:
        """Write one record and hand it to the operating system; raises `RunError` when that fails."""
        line = json.dumps(record_to_json(record), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        with writing(self._path):
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        """Close the file; the run stays resumable."""
        with writing(self._path):
            self._file.close()


def _whole_lines(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def read_records(run: Path) -> list[Record]:
    """Read the whole lines of a run's records; raises `DataError` naming the line that is damaged."""
    path = run / RECORDS
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(_whole_lines(path).splitlines(), start=1):
        try:
            records.append(record_from_json(json.loads(line.decode("utf-8", "surrogatepass"))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}:{number}: not a record ({error}); restore the file or run the evaluation again"
            ) from error
    return records


def load(path: Path) -> Run:
    """Read a run, complete or not; raises `DataError` when the folder is none."""
    manifest = _read_json(path / MANIFEST)
    if manifest is None:
        raise DataError(f"{path}: not a run (no {MANIFEST}); give the folder that `t2s eval` or `t2s score` wrote")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise DataError(f"{path}: written in format {version}, this program reads up to {FORMAT_VERSION}; update it")
    return Run(path, manifest, tuple(read_records(path)), _read_json(path / SUMMARY))


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); restore the file") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: not a JSON object; restore the file")
    return content


def preview(execution: Execution | None) -> ResultPreview | None:
    """Return the first rows of an execution for people, long cells cut; `None` when no rows came back."""
    if execution is None or not execution.ok:
        return None
    shown = tuple(tuple(_cell(cell) for cell in row) for row in execution.rows[:PREVIEW_ROWS])
    return ResultPreview(execution.columns, shown, len(execution.rows))


def _cell(cell: Any) -> Any:
    if isinstance(cell, bytes):
        cell = f"X'{cell[:PREVIEW_CHARACTERS].hex().upper()}'"
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    if isinstance(cell, str) and len(cell) > PREVIEW_CHARACTERS:
        return cell[: PREVIEW_CHARACTERS - 1] + "…"
    return cell


def record_to_json(record: Record) -> dict[str, Any]:
    """Return a record as the object that stands on its line."""
    content = asdict(record)
    content["scores"] = {name: {"value": score.value, "reason": score.reason} for name, score in record.scores.items()}
    return content


def record_from_json(content: Mapping[str, Any]) -> Record:
    """Return the record of a line; keys that this version does not know are ignored, optional ones may lack."""
    known = {one.name for one in fields(Record)}
    values = {key: value for key, value in content.items() if key in known}
    values["gold_result"] = _preview_from_json(content.get("gold_result"))
    values["predicted_result"] = _preview_from_json(content.get("predicted_result"))
    values["scores"] = {
        name: Score(name, score["value"], score.get("reason", "")) for name, score in content["scores"].items()
    }
    values["extraction"] = tuple(content.get("extraction", ()))
    return Record(**values)


def _preview_from_json(content: Mapping[str, Any] | None) -> ResultPreview | None:
    if content is None:
        return None
    return ResultPreview(tuple(content["columns"]), tuple(tuple(row) for row in content["rows"]), content["row_count"])
