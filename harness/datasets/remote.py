"""A remote file as a seekable one, so that a member can be taken out of a large zip without fetching all of it."""

import io
import re
from typing import IO

import httpx

from harness.errors import DataError

__all__ = ["open_remote"]

_TIMEOUT = httpx.Timeout(60.0, connect=20.0)
_BUFFER_BYTES = 1 << 17


def open_remote(url: str) -> IO[bytes]:
    """Open a file on a server that answers byte ranges; raises `DataError` when it does not."""
    return io.BufferedReader(_RemoteFile(url), _BUFFER_BYTES)


class _RemoteFile(io.RawIOBase):
    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.Client(timeout=_TIMEOUT, follow_redirects=True)
        self._position = 0
        self._size = self._total(self._request("bytes=0-0"))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        content = self._request(f"bytes={self._position}-{self._position + wanted - 1}").content
        if len(content) != wanted:
            raise DataError(f"{self._url}: {len(content)} of {wanted} bytes arrived; run the same command again")
        buffer[:wanted] = content
        self._position += wanted
        return wanted

    def close(self) -> None:
        self._client.close()
        super().close()

    def _request(self, byte_range: str) -> httpx.Response:
        headers = {"Range": byte_range, "Accept-Encoding": "identity"}
        try:
            with self._client.stream("GET", self._url, headers=headers) as response:
                if response.status_code != httpx.codes.PARTIAL_CONTENT:
                    raise DataError(
                        f"{self._url}: the server answered {response.status_code} to a request for a part; "
                        "fetch the whole archive with --databases"
                    )
                response.read()
                return response
        except httpx.TransportError as error:
            raise DataError(f"{self._url}: cannot be reached: {error}; check the network and run again") from error

    def _total(self, response: httpx.Response) -> int:
        found = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
        if found is None:
            raise DataError(f"{self._url}: the server does not say how long the file is; fetch it with --databases")
        return int(found[1])
