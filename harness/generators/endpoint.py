"""Completions from an OpenAI-compatible server: vLLM, Ollama, llama.cpp, or a hosted model.

Each sample of each prompt is a request of its own, so that every server can serve it, and comes back as soon as it is
known. What cannot be had after the last try ends the run; what was answered by then is kept.
"""

import importlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Event
from typing import Any, Literal

import httpx

from harness.errors import ConfigError, ModelError
from harness.extraction import statement_end
from harness.generators.crew import work_through
from harness.generators.server import Server
from harness.types import Completion, Prompt

__all__ = ["Endpoint"]

CONNECT_TIMEOUT_S = 30.0
RESERVED = frozenset({"model", "prompt", "messages", "stream", "n"})
"""What `extra` may not set: the answers would no longer be those that the run says they are."""
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
"""Capitals only: most keys have others, and a key must not get into a run by mistake."""


@dataclass(frozen=True)
class Endpoint:
    """Options of the generator.

    `api_key_env` names the environment variable that holds the key. `api` is `completions`, which is sent the prompt as
    it is, or `chat`, where the server puts it into its chat template. A sample is drawn with `seed` plus its number;
    `temperature = 0` is greedy. `retries` come after the first try; `extra` is added to the request's body.
    `logprobs` asks for probabilities. `tokenizer` (hub id, folder or `.gguf`) counts tokens: without it prompts are not
    shortened. Raises `ConfigError` for options that cannot be meant.
    """

    base_url: str
    model: str
    api_key_env: str = ""
    api: Literal["completions", "chat"] = "completions"
    max_new_tokens: int = 256
    samples: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    concurrency: int = 8
    timeout_s: float = 300.0
    retries: int = 5
    logprobs: bool = False
    tokenizer: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ConfigError("generator", problems)

    @property
    def manifest(self) -> dict[str, Any]:
        """What a run's manifest says of the server; the weights behind a name are the server's secret."""
        return {
            "server": {"base_url": self.base_url, "model": self.model, "api": self.api},
            "decoding": self._decoding,
            "prompts": f"counted with {self.tokenizer}" if self.tokenizer else "not counted, so not shortened",
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What shapes the answer to a prompt: what a cache may rely on."""
        names = ("base_url", "model", "api", "max_new_tokens", "samples", "temperature", "top_p", "seed", "logprobs")
        return {"generator": "endpoint", **{name: getattr(self, name) for name in (*names, "extra")}}

    @property
    def usage(self) -> dict[str, float]:
        """How many requests had to be repeated."""
        return {"retried": float(self._counts["retried"])} if self._counts else {}

    @property
    def count_tokens(self) -> Callable[[str], int] | None:
        """What the prompt budget is measured with, where a tokeniser is named."""
        return self._count if self.tokenizer else None

    @property
    def chat(self) -> Callable[[str], str] | None:
        """The chat template is the server's: what a template makes of a message is the message."""
        return str if self.api == "chat" else None

    def generate(self, prompts: Sequence[Prompt]) -> Iterator[Completion]:
        """Yield the samples of all prompts as they come.

        Raises `ModelError` for what the server refuses, `RunError` when it cannot be had or fails for too long.
        """
        stopped = Event()
        limits = httpx.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency)
        timeout = httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, CONNECT_TIMEOUT_S), pool=None)
        key = os.environ[self.api_key_env] if self.api_key_env else ""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        tasks = [(prompt, sample) for prompt in prompts for sample in range(self.samples)]
        with httpx.Client(base_url=self.base_url, headers=headers, limits=limits, timeout=timeout) as client:
            server = Server(client, self.timeout_s, self.retries, stopped, secret=key)
            try:
                yield from work_through(tasks, partial(self._complete, server), self.concurrency, stopped)
            finally:
                self._counts["retried"] = self._counts.get("retried", 0) + server.retried

    def _complete(self, server: Server, task: tuple[Prompt, int]) -> Completion:
        prompt, sample = task
        started = time.perf_counter()
        path = "chat/completions" if self.api == "chat" else "completions"
        answer = server.ask(path, self._body(prompt, sample))
        latency_s = time.perf_counter() - started
        try:
            choice = answer["choices"][0]
            text = (choice["message"]["content"] if self.api == "chat" else choice["text"]) or ""
            cut = statement_end(text)
            usage = answer.get("usage")
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{self.base_url}/{path}: not the answer of an OpenAI-compatible server ({str(answer)[:200]}); "
                'check generator.base_url and generator.api ("completions" or "chat")'
            ) from error
        cut_off = cut is None and choice.get("finish_reason") == "length"
        return Completion(
            prompt.index,
            text[:cut],
            sample=sample,
            finish_reason="length" if cut_off else "stop",
            prompt_tokens=_count_of(usage, "prompt_tokens"),
            completion_tokens=_count_of(usage, "completion_tokens"),
            latency_s=latency_s,
            logprob=_logprob(choice, len(text) if cut is None else cut) if self.logprobs else None,
        )

    def _body(self, prompt: Prompt, sample: int) -> dict[str, Any]:
        chat = self.api == "chat"
        body: dict[str, Any] = {"model": self.model, "max_tokens": self.max_new_tokens, "temperature": self.temperature}
        body |= {"messages": [{"role": "user", "content": prompt.text}]} if chat else {"prompt": prompt.text}
        if self.temperature > 0:
            body |= {"top_p": self.top_p, "seed": self.seed + sample}
        if self.logprobs:
            body["logprobs"] = True if chat else 1
        return {**body, **self.extra}

    @property
    def _decoding(self) -> str:
        if self.temperature == 0:
            return "greedy"
        return f"sampled: temperature {self.temperature:g}, top_p {self.top_p:g}, seed {self.seed}"

    @cached_property
    def _counts(self) -> dict[str, int]:
        return {}

    @cached_property
    def _count(self) -> Callable[[str], int]:
        models = importlib.import_module("harness.models")  # torch: only where tokens must be counted here
        tokenizer = models.load_tokenizer(models.resolve(self.tokenizer))
        count: Callable[[str], int] = partial(models.count_tokens, tokenizer)
        return count

    def _problems(self) -> Iterator[str]:
        try:
            url = httpx.URL(self.base_url)
        except httpx.InvalidURL as error:
            yield f"base_url: {error}; it looks like http://127.0.0.1:8000/v1"
        else:
            if url.scheme not in ("http", "https") or not url.host:
                yield "base_url: needs http:// or https:// and a host, e.g. http://127.0.0.1:8000/v1"
            if url.userinfo:
                yield "base_url: must hold no password, it is written into the run; use api_key_env"
        if self.api_key_env and not _VARIABLE.fullmatch(self.api_key_env):
            yield "api_key_env: names an environment variable in capitals, such as OPENAI_API_KEY; it is never the key"
        elif self.api_key_env and not os.environ.get(self.api_key_env):
            yield f"api_key_env: the environment variable {self.api_key_env} is not set; export it"
        lowest = {"max_new_tokens": 1, "samples": 1, "temperature": 0, "concurrency": 1, "retries": 0}
        yield from (f"{name}: must be at least {low}" for name, low in lowest.items() if getattr(self, name) < low)
        if self.timeout_s <= 0:
            yield "timeout_s: must be positive"
        if not 0 < self.top_p <= 1:
            yield "top_p: must be above 0 and at most 1"
        if self.samples > 1 and self.temperature == 0:
            yield f"samples: {self.samples} greedy answers would be the same one; set temperature, e.g. 0.8"
        yield from (
            f"extra.{name}: is the generator's own; leave it out" for name in sorted(RESERVED & set(self.extra))
        )


def _count_of(usage: Any, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) else 0


def _logprob(choice: dict[str, Any], length: int) -> float | None:
    """Add up the tokens that begin within the first `length` characters; None where the server tells no probabilities.

    Tokens that are no whole characters make the end imprecise by as much.
    """
    try:
        told = choice["logprobs"]
        if "content" in told:
            pairs = [(one["token"], one["logprob"]) for one in told["content"]]
        else:
            pairs = list(zip(told["tokens"], told["token_logprobs"], strict=True))
        total, place = 0.0, 0
        for token, logprob in pairs:
            if place >= length:
                break
            total, place = total + logprob, place + len(token)
    except (KeyError, TypeError, ValueError):
        return None
    return total
