"""What vLLM is told, and its engine, stepped: rows that are written together, each given up where its statement ends.

`LLM.generate` would end them at stop strings, and none says where a statement ends: a `;` may stand in a text, a blank
line or an echo of the question before the statement. What is asked of the engine here is what `LLM.generate` asks of
it. vLLM is not imported: the engine is handed in.
"""

import contextlib
import hashlib
import json
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from harness.errors import MissingDependency, ModelError, RunError
from harness.extraction import statement_end

__all__ = ["DTYPES", "ENVIRONMENT", "Engine", "Row", "draw_seed", "max_lora_rank", "missing", "reason"]

DTYPES = {"auto": "auto", "bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as `max_lora_rank`."""
ENVIRONMENT = {
    # In a process of its own the engine begins before the last prompt has come: what is computed together would
    # depend on the clock, and in 16 bits the answers on what is computed together.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Its log goes to the standard output, where a run's table belongs.
    "VLLM_LOGGING_LEVEL": "WARNING",
}
"""What vLLM is told where the user tells it nothing else."""
TAIL_TOKENS = 4
"""How many last tokens are looked at before a row is read whole: what ends a statement is spread over no more."""
MARKS = ";:\n"
"""One of these stands in whatever ends a statement."""
ENDS = (None, "stop", "length")
"""What vLLM says of a row that it did not break off."""
SHOWN_CHARACTERS = 300
KEPT = "what was finished is kept, and --resume goes on"


@dataclass(eq=False)
class Row:
    """One answer that is being written: a prompt's tokens and vLLM's `SamplingParams`, and what has come so far.

    `reason` is vLLM's `finish_reason`, None where the row was given up behind its statement, or refused. `lengths` are
    those of the text before each of the last tokens.
    """

    index: int
    sample: int
    ids: list[int]
    params: Any
    text: str = ""
    tokens: int = 0
    reason: str | None = None
    logprob: float | None = None
    lengths: deque[int] = field(default_factory=lambda: deque(maxlen=TAIL_TOKENS))


class Engine:
    """vLLM's engine, and the `LoRARequest` of the adapter that all rows are written with.

    `usage` says what is computed in (`dtype`), and counts units, tokens, rows that were `too_long` or `refused`, and
    units that found the prefix cache of an earlier one (`kept_prefix_caches`; vLLM 0.11 does not tell).
    """

    def __init__(self, llm: Any, adapter: Any, *, stop_early: bool) -> None:
        self._llm, self._engine, self._adapter, self._stop_early = llm, llm.llm_engine, adapter, stop_early
        # The next model of this process needs the memory, and vLLM's parts hold each other.
        weakref.finalize(self, _shut_down, llm)
        self._names = map(str, count())
        self._has_begun = False
        dtype = str(self._engine.model_config.dtype).removeprefix("torch.")
        counts = ("units", "prompt_tokens", "cached_tokens", "too_long", "refused", "kept_prefix_caches")
        self.usage: dict[str, Any] = {"dtype": dtype, **dict.fromkeys(counts, 0)}
        if adapter is not None:
            self._engine.add_lora(adapter)  # else an adapter that does not fit is found out in the middle of a run

    def complete(self, rows: Sequence[Row]) -> Iterator[list[Row]]:
        """Yield the rows of a unit as they end, those that vLLM does not take without a text.

        Raises `ModelError` where it has taken none so far, and `RunError` when it dies or breaks a row off.
        """
        # What is left of an earlier unit would be computed with: a resumed run does not have it.
        self.usage["kept_prefix_caches"] += self._llm.reset_prefix_cache() is False
        self.usage["units"] += 1
        longest = self._engine.model_config.max_model_len
        if too_long := [row for row in rows if len(row.ids) >= longest]:
            self.usage["too_long"] += len(too_long)
            yield [replace(row, reason="length") for row in too_long]
        live = {next(self._names): row for row in rows if len(row.ids) < longest}
        try:
            if refused := self._add(live):
                yield refused
            while live:
                ended = self._step(live)
                if whole := [row for row in ended if row.reason in ENDS]:
                    yield whole
                for row in ended:
                    if row.reason not in ENDS:
                        raise RunError(f"vllm broke off the answer to question {row.index}: {row.reason}; {KEPT}")
        finally:
            with contextlib.suppress(Exception):  # an engine that is dead can do no more
                self._engine.abort_request(list(live))

    def _add(self, live: dict[str, Row]) -> list[Row]:
        """Hand over the rows, and take those that are refused out of `live`."""
        refused: dict[str, Exception] = {}
        for name, row in live.items():
            try:
                # Without its type newer releases take it for a prompt that they are to make tokens of, and warn.
                prompt = {"type": "token", "prompt_token_ids": row.ids}
                self._engine.add_request(name, prompt, row.params, lora_request=self._adapter)
            except Exception as error:  # noqa: BLE001 - the releases have no class for a refusal in common
                refused[name] = error
        self._has_begun = self._has_begun or len(live) > len(refused)
        self.usage["refused"] += len(refused)
        rows = [live.pop(name) for name in refused]
        if rows and not self._has_begun:  # then it is not these prompts: a grammar, an option
            why, index = next(iter(refused.values())), rows[0].index
            raise ModelError(f"vllm refuses every prompt, first that of question {index}: {reason(why)}") from why
        return rows

    def _step(self, live: dict[str, Row]) -> list[Row]:
        """Let every row have its next token, and take those that have ended out of `live`."""
        if not self._engine.has_unfinished_requests():
            raise RunError(f"vllm: {len(live)} answers never came to an end; {KEPT}")
        try:
            outputs = self._engine.step()
        except Exception as error:
            raise RunError(f"vllm: the engine failed: {reason(error)}; {KEPT}") from error
        ended = [one for one in outputs if one.request_id in live and self._read(one, live[one.request_id])]
        self._engine.abort_request([one.request_id for one in ended if not one.finished])
        return [live.pop(one.request_id) for one in ended]

    def _read(self, output: Any, row: Row) -> bool:
        """Take what a row has by now, and return whether that is all."""
        answer = output.outputs[0]
        row.lengths.append(len(row.text))
        row.text, row.tokens, row.reason = answer.text, len(answer.token_ids), answer.finish_reason
        row.logprob = answer.cumulative_logprob
        may_be_whole = self._stop_early and any(mark in row.text[row.lengths[0] :] for mark in MARKS)
        ended = output.finished or (may_be_whole and statement_end(row.text) is not None)
        if ended:
            self.usage["prompt_tokens"] += len(row.ids)
            self.usage["cached_tokens"] += output.num_cached_tokens or 0
        return bool(ended)


def _shut_down(llm: Any) -> None:
    llm.llm_engine.engine_core.shutdown()


def reason(error: Exception) -> str:
    """Return an error's words on one line: pydantic and CUDA need many."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= SHOWN_CHARACTERS else f"{words[:SHOWN_CHARACTERS]}…"


def draw_seed(seed: int, index: int, sample: int) -> int:
    """Return the seed of a draw, which is that of no other: below 2**63, as vLLM has them."""
    digest = hashlib.sha256(f"{seed} {index} {sample}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def max_lora_rank(adapter: Path) -> int:
    """Return the lowest rank that vLLM can make room for and that holds an adapter; raises `ModelError` for none."""
    about = adapter / "adapter_config.json"
    if not about.is_file():
        raise ModelError(f"{adapter}: no adapter_config.json there; name a folder that `t2s train` wrote")
    try:
        content = json.loads(about.read_text(encoding="utf-8"))
        rank = int(content["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{about}: names no rank `r` ({reason(error)}); train the adapter again") from error
    for one in RANKS:
        if 0 < rank <= one:
            return one
    raise ModelError(f"{about}: rank {rank}; vllm takes 1 to {RANKS[-1]}")


def missing(how: str) -> MissingDependency:
    """Return the error of a machine without vLLM, or with one that cannot be imported."""
    return MissingDependency(f"generator: 'vllm' needs vllm, which {how}; run `pip install 'text2sql-harness[vllm]'`")
