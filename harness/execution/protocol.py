"""Messages between pool and worker: a kind, a length and a payload that `marshal` wrote.

`marshal` is chosen over pickle because reading it runs no code, and over JSON because it keeps the difference
between int and float, and str and bytes. Both ends are the same Python.
"""

import marshal
import os
import struct
from enum import IntEnum
from typing import Any

__all__ = ["HEADER", "Kind", "pack", "read_exactly", "read_message", "write_all"]

HEADER = struct.Struct("<BQ")
_READ_BYTES = 1 << 20


class Kind(IntEnum):
    """What a message says; the payload is given behind each kind."""

    CONFIGURE = 1  # to the worker, once: the four fields of Limits
    READY = 2  # None
    REQUEST = 3  # to the worker: (operation, (source, where, stamp), argument)
    OPENING = 4  # None: the database must be opened first, which has a time of its own
    STARTED = 5  # None: the clock of a statement starts now
    ROWS = 6  # a list of rows; any number of these
    RESTART = 7  # None: forget the rows so far, they come again with undecodable text as bytes
    FINDING = 8  # what an operation other than a query found
    DONE = 9  # (status, columns, error, elapsed_s, spent): the verdict; a spent worker ends itself after it
    BROKEN = 10  # str: the database cannot be used


def pack(kind: Kind, value: Any) -> bytes:
    """Return one message as bytes."""
    payload = marshal.dumps(value)
    return HEADER.pack(kind, len(payload)) + payload


def write_all(descriptor: int, data: bytes | bytearray) -> None:
    """Write all of `data`; raises `OSError` when nobody reads."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_exactly(descriptor: int, count: int) -> bytes:
    """Read `count` bytes; raises `EOFError` when the other end is gone."""
    parts = []
    while count:
        part = os.read(descriptor, min(count, _READ_BYTES))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_message(descriptor: int) -> tuple[Kind, Any]:
    """Wait for one message; raises `EOFError` when the other end is gone."""
    kind, length = HEADER.unpack(read_exactly(descriptor, HEADER.size))
    return Kind(kind), marshal.loads(read_exactly(descriptor, length))  # noqa: S302 - our own process at the other end
