"""Zip archives from strangers: unpacked into one folder and nowhere else."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from harness.datasets.reading import listed
from harness.errors import DataError, RunError

__all__ = ["extract", "extract_member"]

_LITTER = ("__MACOSX", ".DS_Store")


def extract(archive: Path, folder: Path) -> None:
    """Unpack `archive` into `folder`, and the zip files that it holds beside where they lie.

    Raises `DataError` for a file that is no zip or corrupt, and, before anything is written, for members that point
    outside the folder or are links; `RunError` when the disk has no room for the content.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [one for one in opened.infolist() if not _is_litter(one.filename)]
            _refuse_unsafe(archive, members)
            _require_room(archive, folder, sum(one.file_size for one in members))
            for member in members:
                opened.extract(member, folder)
    # zipfile says with NotImplementedError that it does not know a member's compression.
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise DataError(f"{archive.name}: not a readable zip archive: {error}; fetch it again") from error
    for member in members:
        inner = folder / member.filename
        if inner.suffix == ".zip" and inner.is_file():
            extract(inner, inner.parent)
            inner.unlink()


def extract_member(opened: zipfile.ZipFile, name: str, target: Path) -> bool:
    """Write the first member whose path ends in `name` to `target`; `False` when there is none."""
    member = next((one for one in opened.infolist() if PurePosixPath(one.filename).name == name), None)
    if member is None or _is_litter(member.filename):
        return False
    with opened.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    return True


def _is_litter(name: str) -> bool:
    """Whether a member is something that macOS leaves in archives."""
    parts = PurePosixPath(name).parts
    return any(part in _LITTER or part.startswith("._") for part in parts)


def _refuse_unsafe(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    unsafe = [member.filename for member in members if _is_unsafe(member)]
    if unsafe:
        raise DataError(f"{archive.name}: members that point outside its folder: {listed(unsafe)}; don't use this file")


def _is_unsafe(member: zipfile.ZipInfo) -> bool:
    name = member.orig_filename
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or stat.S_ISLNK(member.external_attr >> 16):
        return True
    return path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def _require_room(archive: Path, folder: Path, needed_bytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        need, free = needed_bytes / 1e9, free_bytes / 1e9
        raise RunError(f"{folder}: {archive.name} unpacks to {need:.1f} GB, {free:.1f} GB are free; make room")
