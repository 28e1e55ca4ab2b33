"""The public benchmarks, from where their publishers keep them to a folder that `load` reads.

The publishers give no checksums. What arrived is hashed, printed and written to `SOURCE.json`, so that two people can
see whether they have the same files; a sha256 that you know is enforced.
"""

import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from harness.datasets.archive import extract, extract_member
from harness.datasets.download import Download, ProgressCallback, ignore_progress
from harness.datasets.hashing import sha256
from harness.datasets.remote import open_remote
from harness.errors import DataError, MissingDependency, UsageError

__all__ = ["SOURCES", "Fetched", "Request", "Source", "fetch"]

_BIRD = "https://bird-bench.oss-cn-beijing.aliyuncs.com"
_CC_BY_SA = "CC BY-SA 4.0"


@dataclass(frozen=True)
class Source:
    """A public data set: `archive` is the file name under `url`'s folder, `hub` a Hugging Face data set."""

    kind: Literal["zip", "hub"]
    what: str
    size: str
    licence: str
    url: str
    archive: str
    splits: tuple[str, ...]
    sha256: str | None = None
    hub: str = ""


SOURCES: Mapping[str, Source] = {
    "bird-mini-dev": Source(
        kind="zip",
        what="BIRD mini-dev: 500 questions, 11 databases",
        size="about 0.8 GB",
        licence=_CC_BY_SA,
        url=f"{_BIRD}/minidev.zip",
        archive="minidev.zip",
        splits=("mini_dev",),
    ),
    "bird-dev": Source(
        kind="zip",
        what="BIRD dev: 1,534 questions, 11 databases",
        size="about 0.4 GB, 1.5 GB unpacked",
        licence=_CC_BY_SA,
        url=f"{_BIRD}/dev.zip",
        archive="dev.zip",
        splits=("dev",),
    ),
    "bird-train": Source(
        kind="hub",
        what="BIRD train, filtered by its authors: 6,601 questions, 69 schemas (databases with --databases)",
        size="about 4 MB; 9 GB with databases",
        licence=_CC_BY_SA,
        url=f"{_BIRD}/train.zip",
        archive="train.zip",
        splits=("train",),
        hub="birdsql/bird23-train-filtered",
    ),
    "spider": Source(
        kind="zip",
        what="Spider 1.0: 1,034 dev and 8,659 train questions, 166 databases",
        size="about 0.2 GB, 1 GB unpacked",
        licence=_CC_BY_SA,
        url="https://drive.usercontent.google.com/download?id=1403EGqzIDoHMdQF4c9Bkyl7dZLZ5Wt6J&export=download&confirm=t",
        archive="spider_data.zip",
        splits=("dev", "train", "test"),
    ),
}
"""Every data set that can be fetched, by name."""


@dataclass(frozen=True)
class Request:
    """What to fetch and how: `databases` matters to `bird-train` alone, `checksum` is a sha256 to enforce.

    `base_url` is a folder that mirrors the archives under their own names.
    """

    name: str
    out: Path
    databases: bool = False
    checksum: str | None = None
    base_url: str | None = None


@dataclass(frozen=True)
class Fetched:
    """Where a data set lies now and what is known of its source; `already` says that it was there before."""

    folder: Path
    source: Mapping[str, Any]
    already: bool = False


def fetch(request: Request, on_progress: ProgressCallback = ignore_progress) -> Fetched:
    """Bring a data set to `request.out`, which appears at once and whole.

    A folder that already holds it is left as it is. Raises `UsageError` for an unknown name or a folder with something
    else in it, `DataError` for what arrived wrong, `RunError` when the connection or the disk fails; the same call then
    continues.
    """
    source = SOURCES.get(request.name)
    if source is None:
        raise UsageError(f"t2s data fetch: unknown data set {request.name!r}; known are {', '.join(SOURCES)}")
    if request.databases and source.kind != "hub":
        raise UsageError(f"t2s data fetch {request.name}: its databases come anyway; leave --databases out")
    noted = _read_note(request)
    if noted is not None:
        return Fetched(request.out, noted, already=True)
    building = request.out.with_name(f".{request.out.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        known = (_from_hub if source.kind == "hub" else _from_zip)(request, source, building, on_progress)
        note = {"name": request.name, "what": source.what, "licence": source.licence, **known}
        (building / "SOURCE.json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        if request.out.exists():
            request.out.rmdir()  # an empty folder, as `_read_note` has seen
        building.replace(request.out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _archive_path(request, source).unlink(missing_ok=True)
    return Fetched(request.out, note)


def _read_note(request: Request) -> dict[str, Any] | None:
    """Return what `SOURCE.json` says when the data set is there already, `None` for a folder that can be filled."""
    out = request.out
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    note = out / "SOURCE.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    wants_more = request.databases and not known.get("databases")
    if known.get("name") != request.name or wants_more:
        raise UsageError(f"{out}: there is something else in it; name an empty or a new folder with --out")
    return dict(known)


def _archive_path(request: Request, source: Source) -> Path:
    return request.out.with_name(f".{request.out.name}.{source.archive}")


def _address(request: Request, source: Source) -> str:
    return f"{request.base_url.rstrip('/')}/{source.archive}" if request.base_url else source.url


def _from_zip(request: Request, source: Source, building: Path, on_progress: ProgressCallback) -> dict[str, Any]:
    url = _address(request, source)
    archive = _archive_path(request, source)
    # Whole but not unpacked is what a full disk leaves behind: no need to fetch it twice.
    found = sha256(archive) if archive.exists() else ""
    expected = request.checksum or source.sha256
    if not found or (expected and found != expected.lower()):
        found = Download(url, archive, expected).run(on_progress)
    if not zipfile.is_zipfile(archive):
        archive.unlink()
        raise DataError(f"{url}: what arrived is no zip archive (a notice page?); open the address in a browser")
    extract(archive, building)
    return {"url": url, "sha256": found}


def _from_hub(request: Request, source: Source, building: Path, on_progress: ProgressCallback) -> dict[str, Any]:
    """Write the filtered training questions, and the schemas (or everything, if asked) of the full archive."""
    questions = _read_hub(source.hub)
    known: dict[str, Any] = {"hub": source.hub, "questions": len(questions), "databases": request.databases}
    if request.databases:
        known |= _from_zip(request, source, building, on_progress)
        # The archive's own train.json is the unfiltered one.
        for unfiltered in [*building.rglob("train.json"), *building.rglob("train_gold.sql")]:
            unfiltered.rename(unfiltered.with_name(f"unfiltered_{unfiltered.name}"))
    else:
        url = _address(request, source)
        with open_remote(url) as remote, _open_zip(remote, url) as opened:
            if not extract_member(opened, "train_tables.json", building / "train_tables.json"):
                raise DataError(f"{url}: there is no train_tables.json in it; fetch with --databases and look")
        known["url"] = url
    path = building / "train.json"
    path.write_text(json.dumps(questions, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return {**known, "train_sha256": sha256(path)}


def _open_zip(remote: Any, url: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(remote)
    except zipfile.BadZipFile as error:
        raise DataError(f"{url}: not a readable zip archive: {error}; check the address") from error


def _read_hub(name: str) -> list[dict[str, Any]]:
    try:
        import datasets  # noqa: PLC0415 - an extra, needed for this alone
    except ImportError as error:
        raise MissingDependency(
            "t2s data fetch bird-train: Hugging Face datasets is not installed; pip install 'text2sql-harness[train]'"
        ) from error
    try:
        rows = datasets.load_dataset(name, split="train")
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        raise DataError(f"huggingface.co/datasets/{name}: cannot be loaded: {error}; check the network") from error
    fields = ("db_id", "question", "evidence", "SQL")
    return [
        {"question_id": position, **{name: row.get(name) or "" for name in fields}} for position, row in enumerate(rows)
    ]
