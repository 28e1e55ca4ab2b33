"""The child process: takes statements from its parent one at a time and answers with rows and a verdict.

It imports little, so that a new one is there in a few hundredths of a second, and it never decides about its own
life: the parent kills it when it does not answer in time.
"""

import gc
import os
import sys
from collections import OrderedDict
from typing import Any

from harness.execution.confinement import confine, watch_parent
from harness.execution.database import Unusable, open_file, open_schema
from harness.execution.limits import Limits
from harness.execution.protocol import Kind, pack, read_message, write_all
from harness.execution.session import Session
from harness.execution.verdict import Broken

__all__ = ["main"]

_OPEN_DATABASES = 16


class Worker:
    """The open sessions of this process, the one used last at the end."""

    def __init__(self, limits: Limits, output: int) -> None:
        self.limits = limits
        self.output = output
        self.sessions: OrderedDict[tuple[str, ...], Session] = OrderedDict()

    def serve(self, operation: str, key: tuple[str, ...], sql: str) -> bool:
        """Answer one request; return whether this process is fit for another."""
        try:
            session = self._session(key)
            verdict = session.prepare(sql) if operation == "prepare" else session.execute(sql, self._send)
        except (Unusable, Broken) as error:
            self._send(Kind.BROKEN, str(error))
            return True
        self._send(Kind.DONE, verdict.as_tuple())
        return not verdict.spent

    def _session(self, key: tuple[str, ...]) -> Session:
        session = self.sessions.get(key)
        if session is None:
            source, where, _stamp = key
            opened = open_file(where, self.limits) if source == "file" else open_schema(where, self.limits)
            session = self.sessions[key] = Session(opened, self.limits)
            if len(self.sessions) > _OPEN_DATABASES:
                self.sessions.popitem(last=False)[1].close()
            self._send(Kind.OPENED, None)
        self.sessions.move_to_end(key)
        return session

    def _send(self, kind: Kind, value: Any) -> int:
        data = pack(kind, value)
        write_all(self.output, data)
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
