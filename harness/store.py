"""A run on disk: a folder that can be killed at any byte and still be read.

```
manifest.json   written first, never edited
records.jsonl   one line per question, appended and flushed
summary.json    written last, atomically: its existence means complete
```
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from harness import files
from harness.errors import DataError
from harness.files import GrowingFile, whole_lines
from harness.types import Execution, Record, ResultPreview, Run, Score

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "RECORDS",
    "SUMMARY",
    "RecordWriter",
    "create",
    "format_json",
    "load",
    "preview",
    "read_manifest",
    "read_records",
    "record_from_json",
    "record_to_json",
    "write_summary",
]

FORMAT_VERSION = 1
MANIFEST, RECORDS, SUMMARY = "manifest.json", "records.jsonl", "summary.json"
PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 200


def create(path: Path, manifest: Mapping[str, Any]) -> None:
    """Make the folder of a new run and write its manifest; raises `RunError` when it cannot be written."""
    files.write_text(
        path / MANIFEST, format_json({"format_version": FORMAT_VERSION, **manifest}), errors="surrogatepass"
    )


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Complete a run; raises `RunError` when that cannot be written."""
    files.write_text(path / SUMMARY, format_json(summary), errors="surrogatepass", advice=files.RESUME)


def format_json(content: Mapping[str, Any]) -> str:
    """Return an object as manifests and summaries are written."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"


class RecordWriter:
    """Appends records to a run; a torn last line, left by a kill, is cut off when it opens.

    Holds the run until it is closed: a second writer, of this or another process, gets a `RunError`.
    """

    def __init__(self, run: Path) -> None:
        busy = f"{run}: another process is writing this run; wait for it or stop it"
        self._file = GrowingFile(run / RECORDS, busy)

    def append(self, record: Record) -> None:
        """Write one record and hand it to the operating system; raises `RunError` when that fails."""
        line = json.dumps(record_to_json(record), ensure_ascii=False)
        self._file.append(line.encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Close the file; the run stays resumable."""
        self._file.close()


def read_records(run: Path) -> list[Record]:
    """Read the whole lines of a run's records; raises `DataError` naming the line that is damaged."""
    path = run / RECORDS
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(whole_lines(path).splitlines(), start=1):
        try:
            records.append(record_from_json(json.loads(line.decode("utf-8", "surrogatepass"))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}:{number}: not a record ({error}); restore the file or run the evaluation again"
            ) from error
    return records


def load(path: Path) -> Run:
    """Read a run, complete or not; raises `DataError` when the folder is none."""
    return Run(path, read_manifest(path), tuple(read_records(path)), _read_json(path / SUMMARY))


def read_manifest(path: Path) -> dict[str, Any]:
    """Read what a run says of itself, without its records; raises `DataError` when the folder is no run."""
    manifest = _read_json(path / MANIFEST)
    if manifest is None:
        raise DataError(f"{path}: not a run (no {MANIFEST}); give the folder that `t2s eval` or `t2s score` wrote")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise DataError(f"{path}: written in format {version}, this program reads up to {FORMAT_VERSION}; update it")
    return manifest


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
