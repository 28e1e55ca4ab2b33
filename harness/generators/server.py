"""Asking a server over HTTP that may be busy, slow, broken or gone.

| what happens | what is done |
|---|---|
| no connection, a cut one, no whole answer in time | tried again |
| 408, 425, 429, 5xx | tried again, not before `Retry-After` |
| 2xx that is no JSON (a proxy's page, half a body) | tried again |
| any other status | `ModelError` with the server's words |

Waits double from one second to a minute, each shortened by up to half at random, so that clients which failed together
don't come back together. After the last try: `RunError`.
"""

import json
import random
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Lock
from typing import Any

import httpx

from harness.errors import ModelError, RunError

__all__ = ["Server"]

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
LONGEST_OBEYED_S = 600.0
"""A server that asks for a longer pause is not waited for."""
BUSY = frozenset({408, 425, 429})
SHOWN_CHARACTERS = 500
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
RESUME = "what was finished is kept; --resume goes on when the server does"


class _Passing(Exception):
    """A failure that another try may not meet; the arguments are the reason and how long the server wants to rest."""


@dataclass
class Server:
    """A server for any number of threads; `retried` counts what had to be asked again.

    `stopped` ends waiting; `secret` is kept out of every message.
    """

    client: httpx.Client
    timeout_s: float
    retries: int
    stopped: Event
    secret: str = ""
    retried: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        """Post `body` and return the answer's JSON; raises `ModelError` and `RunError` as the module says."""
        where = f"{self.client.base_url}{path}"
        for attempt in range(self.retries + 1):
            try:
                return self._attempt(where, path, body)
            except _Passing as failure:
                reason, rest_s = failure.args
            if attempt == self.retries or rest_s > LONGEST_OBEYED_S or self.stopped.wait(_wait_s(attempt, rest_s)):
                break
            with self._lock:
                self.retried += 1
        tries = f"{attempt + 1} tries" if attempt else "1 try"
        longer = f", and it asks to wait {rest_s:g} s" if rest_s > LONGEST_OBEYED_S else ""
        raise RunError(f"{where}: {reason} after {tries}{longer}; {RESUME}")

    def _attempt(self, where: str, path: str, body: dict[str, Any]) -> Any:
        try:
            response, content = self._post(path, body)
        except httpx.TimeoutException as error:
            raise _Passing(f"no answer within {self.timeout_s:g} s", 0.0) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _Passing(self._hide(str(error) or type(error).__name__), 0.0) from error
        if response.is_success:
            try:
                return json.loads(content)
            except (ValueError, RecursionError) as error:
                raise _Passing(f"an answer that is no JSON: {self._quote(content)}", 0.0) from error
        said = f"{response.status_code} {response.reason_phrase}: {self._quote(content)}"
        if response.is_server_error or response.status_code in BUSY:
            raise _Passing(said, _rest_s(response.headers.get("retry-after", "")))
        if response.is_redirect:
            raise ModelError(f"{where}: sends to {response.headers.get('location')}; name that as generator.base_url")
        raise ModelError(f"{where}: {said}; {_advice(response.status_code)}")

    def _post(self, path: str, body: dict[str, Any]) -> tuple[httpx.Response, bytes]:
        """Read an answer whole; httpx's own time-out would let one that trickles in last for ever."""
        deadline = time.monotonic() + self.timeout_s
        content = bytearray()
        with self.client.stream("POST", path, json=body) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer trickles in")
        return response, bytes(content)

    def _quote(self, content: bytes) -> str:
        """Return the server's words: the message of OpenAI's error object, else the beginning of what it sent."""
        text = content.decode("utf-8", "replace")
        try:
            tree = json.loads(text)
            error = tree.get("error", tree)
            words = error if isinstance(error, str) else error.get("message") or tree.get("message") or text
        except (ValueError, AttributeError, RecursionError):
            words = text
        line = " ".join(str(words).split())
        return self._hide(line[:SHOWN_CHARACTERS] + ("…" if len(line) > SHOWN_CHARACTERS else "")) or "(empty)"

    def _hide(self, text: str) -> str:
        return text.replace(self.secret, "***") if self.secret else text


def _wait_s(attempt: int, rest_s: float) -> float:
    doubling: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
    wait_s: float = doubling * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it
    return max(rest_s, wait_s)


def _rest_s(header: str) -> float:
    """Return the seconds of a `Retry-After` (a number or a date, RFC 9110 § 10.2.3); 0.0 without one."""
    if _SECONDS.fullmatch(header):
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _advice(status: int) -> str:
    if status in (401, 403):
        return "name the environment variable that holds the key with generator.api_key_env"
    if status == 404:  # noqa: PLR2004
        return "check generator.base_url (it often ends in /v1), generator.model and generator.api"
    return "if a prompt is too long for the server, lower prompt.max_tokens and name generator.tokenizer"
