"""Where a statement stands, as one object for all rows that stand there: what follows is found out once.

Rows over one schema write much the same, and the look-ups of a scope by value cost more than most of what is looked up.
"""

from typing import Final

from harness.decoding.lexicon import may_begin
from harness.decoding.lexing import Lexeme, split
from harness.decoding.permits import Permit, admits
from harness.decoding.permitting import permit
from harness.decoding.plain import plain
from harness.decoding.scope import Scope
from harness.decoding.steps import step
from harness.decoding.vocabulary import LOWER

__all__ = ["State", "States"]

MOST = 200_000
"""So many continuations are kept, of a few hundred bytes each."""
_UNSEEN: Final = object()


class State:
    """The scope behind the complete lexemes of a statement; made by `States` alone."""

    __slots__ = ("_behind", "_plain", "_states", "permit", "scope")

    def __init__(self, states: "States", scope: Scope) -> None:
        self.scope = scope
        self.permit: Permit = permit(scope)
        self._states = states
        self._plain: Scope | None = None
        self._behind: dict[str, tuple[State, str] | None] = {}

    @property
    def plain(self) -> Scope:
        """The scope by which masks are kept; see `harness.decoding.plain`."""
        if self._plain is None:
            self._plain = plain(self.scope)
        return self._plain

    def follow(self, text: str) -> "tuple[State, str] | None":
        """Return the state behind the complete lexemes of a text, and the beginning of the last one.

        None where a lexeme is not allowed, or what has begun cannot be finished to one that is.
        """
        found = self._behind.get(text, _UNSEEN)
        if found is _UNSEEN:
            found = self._behind[text] = self._follow_anew(text)
            self._states.count()
        return found  # type: ignore[return-value]  # mypy cannot tell the mark from what is kept

    def _follow_anew(self, text: str) -> "tuple[State, str] | None":
        lexemes, partial = split(text)
        state = self
        for lexeme in lexemes:
            if not admits(state.permit, lexeme):
                return None
            state = self._states.of(step(state.scope, lexeme))
        return (state, partial) if may_begin(state.permit, partial.translate(LOWER)) else None

    def late(self) -> "State":
        """Return the state of the same statement when few tokens are left."""
        return self._states.of(self.scope._replace(late=True))

    def may_end(self, partial: str) -> bool:
        """Return whether the statement may end here: nothing is owed."""
        behind = self.follow(f"{partial} ")
        return behind is not None and not behind[1] and admits(behind[0].permit, Lexeme("sign", ";"))


class States:
    """The states of one constraint; all are forgotten when there are too many, but for those that rows are in."""

    def __init__(self, most: int = MOST) -> None:
        self._known: dict[Scope, State] = {}
        self._most = most
        self._kept = 0

    def of(self, scope: Scope) -> State:
        """Return the state of a scope."""
        state = self._known.get(scope)
        if state is None:
            state = self._known[scope] = State(self, scope)
        return state

    def count(self) -> None:
        """Note that one more continuation is kept."""
        self._kept += 1
        if self._kept > self._most:
            self._known.clear()
            self._kept = 0
