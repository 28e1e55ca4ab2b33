"""What a worker gives up before it runs SQL, and how it notices that nobody needs it any more."""

import contextlib
import os
import select
import signal
import sys
import threading
from pathlib import Path

from harness.execution.limits import MIB, Limits

__all__ = ["confine", "watch_parent"]

_RESERVE_MIB = 64
"""What Python itself may need beside SQLite: a chunk of rows as objects and as a message."""

_LOOK_INTERVAL_MS = 1_000


def confine(limits: Limits) -> None:
    """Cap this process's memory, and take from it the means to write files or to leave core dumps.

    Where the `resource` module or a limit of it is missing, SQLite's own heap limit still holds.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it ends its workers
    # Should the machine run out of memory, the kernel takes a worker and not the evaluation.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_DATA": _data_bytes() + (limits.memory_mib + _RESERVE_MIB) * MIB,
    }
    for name, most in wanted.items():
        # A system that refuses one limit still gets the others.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(getattr(resource, name), (most, most))


def _data_bytes() -> int:
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 128 * MIB
    return int(fields[5]) * os.sysconf("SC_PAGE_SIZE")


def watch_parent(descriptor: int, parent: int) -> None:
    """End this process as soon as the pipe's other end or the parent is gone, also in the middle of a query.

    The pipe tells at once; the parent's id is for the case that a fork of the parent still holds the other end.
    """
    if sys.platform == "win32":
        return
    threading.Thread(target=_wait_and_exit, args=(descriptor, parent), daemon=True).start()


def _wait_and_exit(descriptor: int, parent: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # no event asked for: only the hang-up, which is always told
    while not poll.poll(_LOOK_INTERVAL_MS) and os.getppid() == parent:
        continue
    os._exit(0)
