"""One row that is being decoded: the state of its grammar, and the scope of the statement that it has written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.decoding.base import Track
from harness.decoding.lexing import split
from harness.decoding.scope import Scope
from harness.decoding.states import State
from harness.decoding.vocabulary import Bits
from harness.types import Schema

if TYPE_CHECKING:
    from concurrent.futures import Future

    from llguidance import LLMatcher

    from harness.decoding.constraint import GrammarConstraint

__all__ = ["GrammarTrack"]

_SPACES = 2
"""So many tokens of white space may come in a row."""


class GrammarTrack(Track):
    """A track over a grammar; `state` is None where the grammar alone decides.

    `partial` is the beginning of the lexeme that is being written. When a statement has made names, a grammar that has
    them too is compiled beside the decoding (`coming`). It allows whatever the one before it allows, so that one goes
    on for as long as it will do: until it refuses a token, or a mask or what closes the statement is wanted.
    """

    def __init__(self, constraint: "GrammarConstraint", schema: Schema, state: State | None) -> None:
        self.state = state
        self.partial = ""
        self.words = constraint.words
        self._constraint = constraint
        self._schema = schema
        self._tokens: list[int] = []
        self._ended = False
        self._mask: Bits | None = None
        self._in_text = False
        self._matcher: LLMatcher | None = None
        self._coming: Future[LLMatcher] | None = constraint.prepare(schema, frozenset())

    @property
    def scope(self) -> Scope | None:
        """The scope of the statement so far."""
        return None if self.state is None else self.state.scope

    @property
    def matcher(self) -> "LLMatcher":
        """The matcher that knows all names of the statement, behind its tokens.

        Waits for its grammar; raises `RunError` when that cannot be compiled.
        """
        if self._coming is not None:
            self._matcher, self._coming = self._coming.result().deep_copy(), None
            self._matcher.consume_tokens(self._tokens)
            self._mask = None
        assert self._matcher is not None
        return self._matcher

    @property
    def finished(self) -> bool:
        """Whether the statement is complete, so that only an end token may come."""
        matcher = self._matcher
        return self._ended or (matcher is not None and matcher.is_stopped() and not matcher.is_error())

    @property
    def live(self) -> bool:
        """Whether anything may come at all."""
        return not self._ended and not self.matcher.is_error()

    @property
    def known(self) -> bool:
        """Whether the grammar's mask of this place is known: inside a text it is what it was at the last token."""
        return self._mask is not None

    def learn(self, mask: Bits) -> None:
        """Note the grammar's mask of this place, uint32 [words]."""
        anything = not (self._constraint.inert & ~mask).any()
        self._in_text = anything and self._begun.startswith("'")
        # One that stays must not keep the masks of a whole batch with it.
        self._mask = mask.copy() if self._in_text else mask

    def fill(self, row: Bits) -> None:
        """Write which tokens may come next; nothing where the track cannot go on."""
        row[:] = 0
        if not self.live:
            return
        if self._mask is None:
            mask = np.zeros(self.words, dtype=np.uint32)
            self.matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
            self.learn(mask)
        assert self._mask is not None
        narrowed = self._mask.copy()
        self.narrow(narrowed)
        width = min(len(narrowed), len(row))
        row[:width] = narrowed[:width]

    def hurry(self) -> None:
        """Note that few tokens are left: from the next place where that is possible nothing begins that need not."""
        if self.state is None or self.state.scope.late:
            return
        behind = self.state.late().follow(self.partial)
        if behind is not None:
            self.state = behind[0]

    def closer(self) -> int | None:
        """Return the token that may come next and closes most, None where none does."""
        closers = self._constraint.closers(self._begun, ranging=self.scope is not None and self.scope.ranging)
        return next((tokens[0] for tokens in closers if self._may_come(tokens)), None)

    @property
    def opening(self) -> Bits:
        """The tokens that go on with what might end, or nest something else into it."""
        return self._constraint.opening(spaced=self._text[-1:].isspace())

    def narrow(self, row: Bits) -> None:
        """Take out of the grammar's mask what the scope does not allow."""
        if self.state is not None:
            self._constraint.narrow(self.state, self.partial, row)
            if self._is_spaced:
                row &= ~self._constraint.spaces

    def advance(self, token: int) -> bool:
        """Note that the row chose this token; where it is not allowed, return False and change nothing."""
        if self._ended:
            return False
        if self._constraint.is_end(token):
            self._ended = self._may_end()
            self._mask = None if self._ended else self._mask
            return self._ended
        state = self.state
        if state is None:
            return self._consume(token)
        text = self._constraint.text(token)
        if text.isspace() and self._is_spaced:
            return False
        behind = state.follow(self.partial + text)
        if behind is None or not self._consume(token):
            return False
        self.state, self.partial = behind
        if behind[0].scope.declared != state.scope.declared:
            self._coming = self._constraint.prepare(self._schema, behind[0].scope.declared)
        return True

    @property
    def _begun(self) -> str:
        """The beginning of the lexeme that is being written, at every level."""
        return self.partial if self.state is not None else split(self._text)[1]

    @property
    def _text(self) -> str:
        return "".join(map(self._constraint.text, self._tokens))

    @property
    def _is_spaced(self) -> bool:
        """Whether there is white space enough: a model that may not write what it wants would go on with it."""
        last = self._tokens[-_SPACES:]
        return not self.partial and len(last) == _SPACES and all(self._constraint.text(one).isspace() for one in last)

    def _may_come(self, tokens: Sequence[int]) -> bool:
        """Return whether tokens may come, one behind the other; changes nothing."""
        if self._ended or self._constraint.is_end(tokens[0]):
            return not self._ended and self._may_end()
        text = "".join(map(self._constraint.text, tokens))
        in_scope = self.state is None or self.state.follow(self.partial + text) is not None
        return in_scope and self.matcher.validate_tokens(list(tokens)) == len(tokens)

    def _may_end(self) -> bool:
        owing = self.state is not None and not self.state.may_end(self.partial)
        return not owing and self.matcher.is_accepting()

    def _consume(self, token: int) -> bool:
        """Have the grammar take a token; one that is refused changes nothing."""
        taken = self._matcher is not None and bool(self._matcher.try_consume_tokens([token]))
        if not taken and self._coming is not None:
            taken = bool(self.matcher.try_consume_tokens([token]))
        if taken:
            self._tokens.append(token)
            if not (self._in_text and self._constraint.is_inert(token)):
                self._mask = None
        return taken
