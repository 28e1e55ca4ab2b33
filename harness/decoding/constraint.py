"""Constrained decoding for a tokeniser: a track for each row, and the bit masks of what it may write next.

At level `syntax` the grammar alone decides. At level `schema` the grammar holds the names of the schema, and beside
it each track follows the scope of its statement: both masks must allow a token. A name that a statement makes
itself (`AS total`) is unknown to the grammar of its schema, so the grammar is compiled anew with it, beside the
decoding, and is there where it may be used.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.decoding.base import Constraint
from harness.decoding.closing import index_closing
from harness.decoding.grammar import LEVELS, render_grammar
from harness.decoding.lexing import unfold
from harness.decoding.matching import byte_vocabulary, compile_grammar
from harness.decoding.narrowing import Narrower
from harness.decoding.scope import Known, begin
from harness.decoding.states import State, States
from harness.decoding.tracks import GrammarTrack
from harness.decoding.vocabulary import WORD_BITS, Bits, index_inert, index_tokens
from harness.errors import ModelError, UsageError
from harness.types import Schema

if TYPE_CHECKING:
    from llguidance import LLExecutor, LLMatcher, LLTokenizer

__all__ = ["GrammarConstraint", "build_byte_constraint", "build_constraint", "fill_all", "read_tokens"]

_KEPT_GRAMMARS = 256
_COMPILERS = 4


def build_constraint(
    tokenizer: Any, level: str, *, vocabulary: int | None = None, ends: Sequence[int] = ()
) -> "GrammarConstraint":
    """Return the constraint of a level (`syntax` or `schema`) for a fast tokeniser of transformers.

    `vocabulary` is the width of the model's logits where it is larger than the tokeniser's. `ends` are end tokens
    beside the tokeniser's own. Raises `UsageError` for another level and `ModelError` for a slow tokeniser.
    """
    from llguidance.hf import from_tokenizer  # noqa: PLC0415 - torch and transformers, which are loaded by now

    if level not in LEVELS:
        raise UsageError(f"generator.constraint: {level!r} is no level; use one of off, {', '.join(LEVELS)}")
    size = max(vocabulary or 0, len(tokenizer))
    all_ends = sorted({*ends, *([tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else [])})
    try:
        # No slices: wherever none fits, llguidance spends more on finding that out than on the mask.
        wrapped = from_tokenizer(tokenizer, n_vocab=size, eos_token=all_ends or None, slices=[])
    except ValueError as error:
        raise ModelError(f"{tokenizer.name_or_path}: {error}; a constraint needs a fast tokenizer") from error
    return GrammarConstraint(wrapped, level, vocabulary or size)


def build_byte_constraint(level: str) -> "GrammarConstraint":
    """Return the constraint of a level over bytes as tokens, for which no tokeniser is needed."""
    return GrammarConstraint(byte_vocabulary(), level, byte_vocabulary().vocab_size)


def read_tokens(tokenizer: "LLTokenizer") -> list[bytes]:
    """Return the bytes of each token, none for special ones."""
    return [
        b"" if tokenizer.is_special_token(token) else tokenizer.decode_bytes([token])
        for token in range(tokenizer.vocab_size)
    ]


def fill_all(tracks: Sequence[GrammarTrack], bits: Bits) -> None:
    """Fill the masks of several tracks of one constraint at once, over all cores: `bits` is [tracks, words]."""
    bits[:] = 0
    live = [(track, row) for row, track in enumerate(tracks) if track.live]
    unknown = [track for track, _ in live if not track.known]
    if unknown:
        # llguidance wants rows of exactly its own width, one behind the other.
        masks = np.zeros((len(unknown), unknown[0].words), dtype=np.uint32)
        matchers = [(track.matcher, place) for place, track in enumerate(unknown)]
        _executor().unsafe_compute_mask_ptr(matchers, masks.ctypes.data, masks.shape[1] * masks.itemsize, len(unknown))
        for track, mask in zip(unknown, masks, strict=True):
            track.learn(mask)
    for track, row in live:
        track.fill(bits[row])


@cache
def _workers() -> ThreadPoolExecutor:
    """Return the threads that compile grammars: llguidance lets others go on meanwhile."""
    return ThreadPoolExecutor(_COMPILERS, thread_name_prefix="grammar")


@cache
def _executor() -> "LLExecutor":
    from llguidance import LLExecutor  # noqa: PLC0415

    return LLExecutor()


class GrammarConstraint(Constraint):
    """Tracks over a grammar; `vocabulary` is the width of the model's logits, `words` that of llguidance's masks.

    `inert` are the tokens that leave a text as it is; see `index_inert`.
    """

    def __init__(self, tokenizer: "LLTokenizer", level: str, vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self.level = level
        self._tokenizer = tokenizer
        texts = read_tokens(tokenizer)
        self._texts = [text.decode("latin-1") for text in texts]
        self._ends = frozenset(tokenizer.eos_tokens)
        self._closing = index_closing(self._texts, sorted(self._ends))
        self.words = -(-tokenizer.vocab_size // WORD_BITS)
        self.inert = index_inert(texts)
        self._narrower = Narrower(index_tokens(texts)) if level == "schema" else None
        self._states = States()
        self._begin_compiling = lru_cache(maxsize=_KEPT_GRAMMARS)(self._submit)
        self._know = lru_cache(maxsize=_KEPT_GRAMMARS)(Known.of)

    def start(self, schema: Schema) -> "GrammarTrack":
        """Return a track at the beginning of a statement; it raises `RunError` when the grammar cannot be compiled."""
        state = self._states.of(begin(self._know(schema))) if self.level == "schema" else None
        return GrammarTrack(self, schema, state)

    def prepare(self, schema: Schema, declared: frozenset[str]) -> "Future[LLMatcher]":
        """Begin to compile the schema's grammar with these names, where that has not been begun; never consume it."""
        return self._begin_compiling(schema if self.level == "schema" else Schema("", ()), declared)

    def opening(self, *, spaced: bool) -> Bits:
        """Return the tokens that go on with what might end; `spaced`: behind white space more of it does, too."""
        return self._closing.opening | self._closing.spaces if spaced else self._closing.opening

    @property
    def spaces(self) -> Bits:
        """The tokens that are white space."""
        return self._closing.spaces

    def closers(self, partial: str, *, ranging: bool) -> tuple[tuple[int, ...], ...]:
        """Return what might close something behind the beginning of a lexeme, the best first; see `Closing`."""
        return self._closing.candidates(partial, ranging=ranging)

    def is_inert(self, token: int) -> bool:
        """Return whether a token leaves a text as it is: nothing else may follow it than in front of it."""
        return bool(self.inert[token // WORD_BITS] >> np.uint32(token % WORD_BITS) & 1)

    def is_end(self, token: int) -> bool:
        """Return whether this is an end token."""
        return token in self._ends

    def text(self, token: int) -> str:
        """Return the text of a token as latin-1, `""` for a special one."""
        return self._texts[token] if token < len(self._texts) else ""

    def narrow(self, state: State, partial: str, row: Bits) -> None:
        """Take out of a row what the scope and the beginning of a lexeme do not allow."""
        assert self._narrower is not None
        ends = row & _end_bits(len(row), self._ends)
        allowed = self._narrower.allowed(state.plain, partial)
        if allowed is not None:
            row &= allowed
        if ends.any():
            row &= ~ends
            row |= ends if state.may_end(partial) else 0

    def _submit(self, schema: Schema, declared: frozenset[str]) -> "Future[LLMatcher]":
        return _workers().submit(self._compile, schema, declared)

    def _compile(self, schema: Schema, declared: frozenset[str]) -> "LLMatcher":
        return compile_grammar(render_grammar(schema, self.level, map(unfold, sorted(declared))), self._tokenizer)


@cache
def _end_bits(words: int, ends: frozenset[int]) -> Bits:
    bits = np.zeros(words, dtype=np.uint32)
    for token in ends:
        bits[token // WORD_BITS] |= np.uint32(1 << (token % WORD_BITS))
    return bits
