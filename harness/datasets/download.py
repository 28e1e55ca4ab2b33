"""One file over HTTP, whole or not at all: what a cut connection left is continued, what is wrong is thrown away."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from harness.datasets.hashing import sha256
from harness.errors import DataError, RunError

__all__ = ["Download", "ProgressCallback", "ignore_progress"]

ProgressCallback = Callable[[int, int | None], None]
"""Called with the bytes at hand and, once known, the bytes of the whole."""
_TIMEOUT = httpx.Timeout(60.0, connect=20.0)
# The bytes as stored: ranges and checksums are about those, not about a compressed transfer.
_HEADERS = {"Accept-Encoding": "identity"}


def ignore_progress(_received: int, _total: int | None) -> None:
    """Show nothing."""


class _Interrupted(Exception):
    """The connection ended before the file did."""


@dataclass(frozen=True)
class Download:
    """A file to be fetched: `checksum` is its sha256 where known; `attempts` that bring no byte end it."""

    url: str
    target: Path
    checksum: str | None = None
    attempts: int = 5
    pause_s: float = 1.0

    @property
    def part(self) -> Path:
        """Where the bytes gather before the file is whole."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def validator(self) -> Path:
        """Beside it, the ETag or date of the version that the bytes belong to."""
        return self.target.with_name(f"{self.target.name}.part.json")

    def run(self, on_progress: ProgressCallback = ignore_progress) -> str:
        """Fetch the file and return its sha256; the `.part` of an earlier try is continued if the file is the same.

        Raises `DataError` when the server refuses or the checksum is another, `RunError` when the connection
        keeps breaking; the part is then kept for the next call.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        failures, kept_bytes = 0, self._part_bytes()
        while True:
            try:
                self._transfer(on_progress)
                return self._accept()
            except (_Interrupted, httpx.TransportError) as error:
                before, kept_bytes = kept_bytes, self._part_bytes()
                # A connection that brings something each time gets on: only fruitless tries count.
                failures = 1 if kept_bytes > before else failures + 1
                if failures >= self.attempts:
                    raise RunError(
                        f"{self.url}: the connection keeps breaking ({error or type(error).__name__}); "
                        f"{kept_bytes} bytes are kept, run the same command again to go on"
                    ) from error
                time.sleep(self.pause_s * 2 ** (failures - 1))

    def _part_bytes(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _accept(self) -> str:
        found = sha256(self.part)
        self.validator.unlink(missing_ok=True)
        if self.checksum and found != self.checksum.lower():
            self.part.unlink()
            raise DataError(
                f"{self.url}: sha256 is {found}, not {self.checksum}; the download was deleted, fetch it again "
                "and if that doesn't help, ask its publisher"
            )
        self.part.replace(self.target)
        return found

    def _transfer(self, on_progress: ProgressCallback) -> None:
        """Receive what is still lacking, in one request."""
        start, version = self._resume_point()
        headers = {**_HEADERS, **({"Range": f"bytes={start}-", "If-Range": version} if start else {})}
        with httpx.stream("GET", self.url, headers=headers, timeout=_TIMEOUT, follow_redirects=True) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                if response.headers.get("Content-Range") == f"bytes */{start}":
                    return  # everything had arrived, only the renaming had not been reached
                self.part.unlink()
                raise _Interrupted("the part did not fit the file any more")
            if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise _Interrupted(f"the server answered {response.status_code}")
            if response.is_error:
                raise DataError(f"{self.url}: the server answered {response.status_code}; check the address")
            self._receive(response, start, on_progress)

    def _resume_point(self) -> tuple[int, str]:
        """Return how many bytes can be kept and the version they belong to; without a version nothing can."""
        if not self.part.exists() or not self.validator.exists():
            return 0, ""
        try:
            noted = json.loads(self.validator.read_text(encoding="utf-8"))
        except ValueError:
            return 0, ""
        version = str(noted.get("version", "")) if noted.get("url") == self.url else ""
        return (self.part.stat().st_size, version) if version else (0, "")

    def _receive(self, response: httpx.Response, start: int, on_progress: ProgressCallback) -> None:
        continued = response.status_code == httpx.codes.PARTIAL_CONTENT
        begin = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if continued and (begin is None or int(begin[1]) != start):
            self.part.unlink()
            raise _Interrupted("the server sent another range than asked for")
        received = start if continued else 0
        length = response.headers.get("Content-Length")
        total = received + int(length) if length else None
        self._note_version(response)
        with self.part.open("ab" if continued else "wb") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                received += len(chunk)
                on_progress(received, total)
        if total is not None and received != total:
            raise _Interrupted(f"{received} of {total} bytes arrived")

    def _note_version(self, response: httpx.Response) -> None:
        # A weak ETag says "equivalent", which is not "the same bytes".
        tag = response.headers.get("ETag", "")
        version = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
        self.validator.write_text(json.dumps({"url": self.url, "version": version}), encoding="utf-8")
