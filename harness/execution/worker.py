"""The child process: takes statements from its parent one at a time and answers with rows and a verdict.

It imports little, so that a new one is there in a few hundredths of a second, and it never decides about its own
life: the parent kills it when it does not answer in time.
"""

import gc
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from harness.execution.confinement import confine, watch_parent
from harness.execution.database import ScriptFailed, Unusable, open_file, open_schema, open_script
from harness.execution.description import describe
from harness.execution.limits import Limits
from harness.execution.measuring import measure
from harness.execution.protocol import Kind, pack, read_message, write_all
from harness.execution.session import Send, Session
from harness.execution.verdict import Broken, Verdict

__all__ = ["main"]

_OPERATIONS: Mapping[str, Callable[[Session, Any, Send], Verdict]] = {
    "execute": Session.execute,
    "execute_reversed": Session.execute_reversed,
    "prepare": Session.prepare,
    "describe": describe,
    "measure": measure,
}
_HELD_BYTES = 1 << 16
_OPENERS = {"file": open_file, "schema": open_schema, "script": open_script}
# The rows of a script's database count against the memory of every statement; a file's stay in the file.
_MOST_OPEN = {"file": 16, "schema": 16, "script": 4}


class Worker:
    """The open sessions of this process by source, the one used last at the end."""

    def __init__(self, limits: Limits, output: int) -> None:
        self.limits = limits
        self.output = output
        self.held = bytearray()
        self.sessions: dict[str, OrderedDict[tuple[str, ...], Session]] = {source: OrderedDict() for source in _OPENERS}

    def serve(self, operation: str, key: tuple[str, ...], argument: Any) -> bool:
        """Answer one request; return whether this process is fit for another."""
        try:
            verdict = _OPERATIONS[operation](self._session(key), argument, self._send)
        except ScriptFailed as failure:
            verdict = failure.verdict
        except (Unusable, Broken) as error:
            self._send(Kind.BROKEN, str(error))
            return True
        self._send(Kind.DONE, verdict.as_tuple())
        return not verdict.spent

    def _session(self, key: tuple[str, ...]) -> Session:
        source, where, _stamp = key
        sessions = self.sessions[source]
        session = sessions.get(key)
        if session is None:
            self._send(Kind.OPENING, None)
            while len(sessions) >= _MOST_OPEN[source]:
                sessions.popitem(last=False)[1].close()
            session = sessions[key] = Session(_OPENERS[source](where, self.limits), self.limits)
            self._send(Kind.STARTED, None)
        sessions.move_to_end(key)
        return session

    def _send(self, kind: Kind, value: Any) -> int:
        """Send a message and return its size; few rows wait for the verdict, so that the parent wakes up once."""
        data = pack(kind, value)
        self.held += data
        if kind is not Kind.ROWS or len(self.held) >= _HELD_BYTES:
            write_all(self.output, self.held)
            self.held = bytearray()
        return len(data)


def main(parent: int) -> None:
    """Serve until the parent closes the pipe: requests on standard input, answers on standard output."""
    gc.disable()  # rows are tuples without cycles; collecting among them only costs time
    source, output = sys.stdin.fileno(), sys.stdout.fileno()
    watch_parent(source, parent)
    try:
        _kind, fields = read_message(source)
        limits = Limits(*fields)
        confine(limits)
        worker = Worker(limits, output)
        write_all(output, pack(Kind.READY, None))
        while True:
            _kind, (operation, key, sql) = read_message(source)
            if not worker.serve(operation, key, sql):
                break
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the parent is gone or has closed us: nobody is left to tell anything
