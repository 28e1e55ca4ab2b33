"""sha256 of the files that a score depends on."""

import hashlib
from pathlib import Path

from harness.errors import DataError
from harness.types import Dataset

__all__ = ["hashes", "sha256"]

_CHUNK_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """Return a file's sha256 in hexadecimal, read in pieces; raises `DataError` when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; check the path and its permissions") from error
    return digest.hexdigest()


def hashes(dataset: Dataset) -> dict[str, str]:
    """Return the sha256 of the questions and tables files (by name) and of each database (`databases/<db_id>`)."""
    found = {source.name: sha256(source) for source in dataset.sources}
    used = {example.db_id for example in dataset.examples}
    for db_id in sorted(used & dataset.databases.keys()):
        found[f"databases/{db_id}"] = sha256(dataset.databases[db_id])
    return found
