"""One row that is being decoded: the state of its grammar, and the scope of the statement that it has written."""

from typing import TYPE_CHECKING

import numpy as np

from harness.decoding.base import Track
from harness.decoding.lexing import Lexeme, split
from harness.decoding.permits import admits
from harness.decoding.permitting import permit
from harness.decoding.scope import Scope
from harness.decoding.steps import step
from harness.decoding.vocabulary import Bits
from harness.types import Schema

if TYPE_CHECKING:
    from llguidance import LLMatcher

    from harness.decoding.constraint import GrammarConstraint

__all__ = ["GrammarTrack", "follow", "may_end"]


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
        """Note that the row chose this token; where it was not allowed, return False and allow nothing from then on."""
        if not self.live:
            return False
        allowed = self.scope is None or self._constraint.admits(self.scope, self.partial, token)
        if self._constraint.is_end(token):
            allowed = allowed and self.matcher.is_accepting()
            self._ended = True
            return allowed
        if not allowed or not self.matcher.consume_token(token):
            self._ended = True
            return False
        self._tokens.append(token)
        if self.scope is not None:
            declared = self.scope.declared
            self.scope, self.partial = follow(self.scope, self.partial + self._constraint.text(token))
            if self.scope.declared != declared:
                self.matcher = self._constraint.matcher(self._schema, self.scope.declared)
                self.matcher.consume_tokens(self._tokens)
        return True


def follow(scope: Scope, text: str) -> tuple[Scope, str]:
    """Return the scope behind the complete lexemes of a text, and the beginning of the last one."""
    lexemes, partial = split(text)
    for lexeme in lexemes:
        scope = step(scope, lexeme)
    return scope, partial


def may_end(scope: Scope, partial: str) -> bool:
    """Return whether the statement may end here: nothing is owed."""
    lexemes, open_one = split(f"{partial} ")
    for lexeme in lexemes:
        if not admits(permit(scope), lexeme):
            return False
        scope = step(scope, lexeme)
    return not open_one and admits(permit(scope), Lexeme("sign", ";"))
