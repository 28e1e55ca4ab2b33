"""The folder of a publication: its files as bytes, written once and never over another."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.files import write_text, writing
from harness.publishing.answers import PUBLISHED, publish_record
from harness.publishing.places import shorten_command, shorten_places
from harness.publishing.restoring import is_withheld
from harness.publishing.texts import Texts, strip_comments
from harness.store import MANIFEST, RECORDS, SUMMARY, format_json, record_to_json
from harness.types import Record, Run

__all__ = ["Publication", "publish"]

FORMAT_VERSION = 1
KEPT = (
    *("format_version", "name", "created", "command", "config", "config_sha256", "limit", "dataset", "hashes"),
    *("versions", "prompt", "generator", "metrics", "seed"),
)
"""What a manifest tells of itself that is published, without the folders of its paths."""
LEFT_OUT = (
    *("question", "evidence", "gold_sql", "completion", "error", "gold_result", "predicted_result", "extraction"),
    *("latency_s", "elapsed_s", "reasons of scores", "comments in SQL"),
)
"""What no published record holds."""
MAX_ID_CHARACTERS = 64


@dataclass(frozen=True)
class Publication:
    """What was published: the number of records, and what became of the run's other contents.

    `new` is False where the folder held exactly this publication before.
    """

    folder: Path
    records: int
    new: bool
    shortened: tuple[str, ...]
    commented: int
    withheld: int


def publish(run: Run, folder: Path) -> Publication:
    """Write what of a complete run is fit to be committed.

    Raises `UsageError` for a run that is incomplete or a publication itself, and where `folder` holds anything else
    than this very publication; `RunError` when it cannot be written.
    """
    if run.summary is None:
        raise UsageError(f"{run.path}: incomplete, so there are no numbers to publish; finish it with --resume first")
    if PUBLISHED in run.manifest:
        raise UsageError(f"{run.path}: a publication already; copy the folder")
    texts = Texts(run.records)
    records = [publish_record(record, texts) for record in sorted(run.records, key=_place)]
    manifest, shortened = _publish_manifest(run.manifest)
    # Its keys are names of metrics, slices and counts: none of them is a place.
    summary, in_summary = shorten_places(run.summary, "summary", frozenset())
    shortened += in_summary
    contents = {RECORDS: "".join(_line(record) for record in records), SUMMARY: format_json(summary)}
    commented = sum(strip_comments(record.sql or "") != (record.sql or "") for record in run.records)
    withheld = [record.question_id for record in records if is_withheld(record)]
    about = {
        "format_version": FORMAT_VERSION,
        "left_out": list(LEFT_OUT),
        "shortened": shortened,
        "sql_with_comments": commented,
        "withheld": withheld,
        "sha256": {name: hashlib.sha256(_encode(text)).hexdigest() for name, text in contents.items()},
    }
    contents = {MANIFEST: format_json({**manifest, PUBLISHED: about}), **contents}
    new = _write(folder, contents)
    return Publication(folder, len(records), new, tuple(shortened), commented, len(withheld))


def _place(record: Record) -> tuple[bool, int, str]:
    """Order records by id, numbers as numbers: the order in which answers were finished tells nothing."""
    name = str(record.question_id)
    return (False, int(name), "") if name.isdecimal() and name.isascii() else (True, 0, name)


def _publish_manifest(manifest: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    known = {name: manifest[name] for name in KEPT if name in manifest}
    kept, shortened = shorten_places({name: value for name, value in known.items() if name != "command"})
    if command := str(known.get("command") or ""):
        kept["command"] = shorten_command(command)
        shortened += ["command"] if kept["command"] != command else []
    predictions = kept.get("generator", {}).get("predictions", {})
    for name in ("missing", "unknown"):
        if ids := predictions.get(name):
            predictions[name] = [one if len(one) <= MAX_ID_CHARACTERS and " " not in one else "…" for one in ids]
    return kept, [*shortened, *(name for name in manifest if name not in KEPT)]


def _line(record: Record) -> str:
    return json.dumps(record_to_json(record), ensure_ascii=False) + "\n"


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _write(folder: Path, contents: Mapping[str, str]) -> bool:
    """Write what is not there yet, the summary last; returns whether anything was written."""
    with writing(folder):
        there = {path.name: path for path in folder.iterdir()} if folder.exists() else {}
        other = sorted(
            name
            for name, path in there.items()
            if name not in contents or not path.is_file() or path.read_bytes() != _encode(contents[name])
        )
    if other:
        raise UsageError(
            f"{folder}: holds something else than this publication ({', '.join(other)}), which is never overwritten; "
            "choose another folder, or remove this one"
        )
    for name, text in contents.items():
        if name not in there:
            write_text(folder / name, text, errors="surrogatepass")
    return len(there) < len(contents)
