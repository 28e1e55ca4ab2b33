"""Files that appear whole or not at all, or grow line by line, and what to tell people when they cannot be written."""

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.errors import RunError

__all__ = ["RESUME", "GrowingFile", "whole_lines", "write_text", "writing"]

ADVICE = "choose another place or free some space"
RESUME = "what was finished is kept; free some space, then the same command with --resume goes on"
"""The advice where a later call goes on with what is there."""

_NO_PLACE = frozenset(
    {
        *(errno.EROFS, errno.EACCES, errno.EPERM),
        *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG),
    }
)
"""Here more space would change nothing."""
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a file system answers that knows no locks, as some network ones do."""


@contextmanager
def writing(path: Path, advice: str = ADVICE) -> Iterator[None]:
    """Turn an `OSError` of the block into a `RunError` that names `path`: a full disk is no traceback.

    `advice` is given where the place itself is not at fault.
    """
    try:
        yield
    except OSError as error:
        what_to_do = "choose another place" if error.errno in _NO_PLACE else advice
        raise RunError(f"{path}: cannot be written: {error.strerror or error}; {what_to_do}") from error


def write_text(path: Path, text: str, *, errors: str = "strict", advice: str = ADVICE) -> None:
    """Write a file that is there whole or, after a failure, as it was before; its folders are made.

    `errors` is what becomes of lone surrogates: `surrogatepass` keeps them, `replace` writes `?`. A link's target is
    replaced and not the link; what is no regular file (`/dev/stdout`, a pipe) is written to as it is. Raises
    `RunError`.
    """
    content = text.encode("utf-8", errors)
    with writing(path, advice):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            _replace(Path(os.path.realpath(path)), content)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first failure is the one to tell
            part.unlink(missing_ok=True)
        raise


class GrowingFile:
    """A file of lines that only grows; a torn last line, left by a kill, is cut off when it opens.

    It is held until it is closed: a second writer, of this or another process, gets a `RunError` that says `busy`.
    """

    def __init__(self, path: Path, busy: str) -> None:
        self._path = path
        with writing(path, RESUME):
            self._file: IO[bytes] = path.open("ab")
            try:
                _lock(self._file, busy)
                # Only now: what looks like a torn line may be one that the other process is writing.
                self._file.truncate(len(whole_lines(path)))
            except BaseException:
                self._file.close()
                raise

    def append(self, line: bytes) -> None:
        """Write one line, which must have no line end, and hand it to the operating system; raises `RunError`."""
        with writing(self._path, RESUME):
            self._file.write(line + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file and let others have it."""
        with writing(self._path, RESUME):
            self._file.close()


def whole_lines(path: Path) -> bytes:
    """Return the content of a file up to its last line end."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def _lock(file: IO[bytes], busy: str) -> None:
    """Take the file for this opening of it; the system gives it back when it is closed, also by a kill."""
    try:
        import fcntl  # noqa: PLC0415 - not on every platform
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunError(busy) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
