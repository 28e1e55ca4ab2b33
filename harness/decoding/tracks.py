"""One row that is being decoded: the state of its grammar, and the scope of the statement that it has written."""

from typing import TYPE_CHECKING

import numpy as np

from harness.decoding.base import Track
from harness.decoding.lexicon import may_begin
from harness.decoding.lexing import Lexeme, split
from harness.decoding.permits import admits
from harness.decoding.permitting import permit
from harness.decoding.scope import Scope
from harness.decoding.steps import step
from harness.decoding.vocabulary import LOWER, Bits
from harness.types import Schema

if TYPE_CHECKING:
    from llguidance import LLMatcher

    from harness.decoding.constraint import GrammarConstraint

__all__ = ["GrammarTrack", "may_end"]


class GrammarTrack(Track):
    """A track over a grammar; `scope` is None where the grammar alone decides.

    `partial` is the beginning of the lexeme that is being written. A statement's own names are compiled into its
    grammar as soon as it has made them.
    """

    def __init__(
        self, constraint: "GrammarConstraint", schema: Schema, matcher: "LLMatcher", scope: Scope | None
    ) -> None:
        self.matcher = matcher
        self.scope = scope
        self.partial = ""
        self.words = constraint.words
        self._constraint = constraint
        self._schema = schema
        self._tokens: list[int] = []
        self._ended = False

    @property
    def finished(self) -> bool:
        """Whether the statement is complete, so that only an end token may come."""
        return self._ended or (self.matcher.is_stopped() and not self.matcher.is_error())

    @property
    def live(self) -> bool:
        """Whether anything may come at all."""
        return not self._ended and not self.matcher.is_error()

    def fill(self, row: Bits) -> None:
        """Write which tokens may come next; nothing where the track cannot go on."""
        row[:] = 0
        if self.live:
            mask = np.zeros(self.words, dtype=np.uint32)
            self.matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
            self.narrow(mask)
            width = min(len(mask), len(row))
            row[:width] = mask[:width]

    def narrow(self, row: Bits) -> None:
        """Take out of the grammar's mask what the scope does not allow."""
        if self.scope is not None:
            self._constraint.narrow(self.scope, self.partial, row)

    def advance(self, token: int) -> bool:
        """Note that the row chose this token; where it is not allowed, return False and change nothing."""
        if not self.live:
            return False
        if self._constraint.is_end(token):
            owing = self.scope is not None and not may_end(self.scope, self.partial)
            self._ended = self.matcher.is_accepting() and not owing
            return self._ended
        behind = follow(self.scope, self.partial + self._constraint.text(token)) if self.scope is not None else None
        if (behind is None and self.scope is not None) or not self.matcher.try_consume_tokens([token]):
            return False
        self._tokens.append(token)
        if behind is not None and self.scope is not None:
            made = behind[0].declared != self.scope.declared
            self.scope, self.partial = behind
            if made:
                self.matcher = self._constraint.matcher(self._schema, self.scope.declared)
                self.matcher.consume_tokens(self._tokens)
        return True


def follow(scope: Scope, text: str) -> tuple[Scope, str] | None:
    """Return the scope behind the complete lexemes of a text, and the beginning of the last one.

    None where a lexeme is not allowed, or what has begun cannot be finished to one that is.
    """
    lexemes, partial = split(text)
    for lexeme in lexemes:
        if not admits(permit(scope), lexeme):
            return None
        scope = step(scope, lexeme)
    return (scope, partial) if may_begin(permit(scope), partial.translate(LOWER)) else None


def may_end(scope: Scope, partial: str) -> bool:
    """Return whether the statement may end here: nothing is owed."""
    lexemes, open_one = split(f"{partial} ")
    for lexeme in lexemes:
        if not admits(permit(scope), lexeme):
            return False
        scope = step(scope, lexeme)
    return not open_one and admits(permit(scope), Lexeme("sign", ";"))
