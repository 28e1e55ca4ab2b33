"""Files that appear whole or not at all, and what to tell a person when they cannot be written."""

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import RunError

__all__ = ["RESUME", "write_text", "writing"]

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
