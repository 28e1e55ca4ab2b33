"""What scope allows, as a bit mask over the tokens that may come behind the beginning of a lexeme.

The grammar's mask says what is SQL; the two are combined bit by bit. So this one may be generous where no name is
concerned, but where it allows the beginning of a name it must be one that can be finished in scope. A token that
holds more than the end of one lexeme and the beginning of the next is not allowed where a name is looked at (an
ordinary tokeniser splits text at punctuation, so there are few).
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache

import numpy as np

from harness.decoding.endings import owes
from harness.decoding.lexicon import beginnings_of, finishes_of, rests_of, word_sets
from harness.decoding.lexing import Lexeme
from harness.decoding.permits import FREE, Permit, admits
from harness.decoding.permitting import permit
from harness.decoding.plain import plain
from harness.decoding.scope import Scope
from harness.decoding.signs import fits, impossible_signs, leads
from harness.decoding.steps import step
from harness.decoding.vocabulary import LISTING, LOWER, Bits, Signs, TokenIndex, Tokens, Words, pack

__all__ = ["Narrower"]

_MOST_BYTES = 256 * 2**20
"""What the masks of the last states may take together; those of parts of them take a quarter as much."""
_KEPT = 20_000
_UNBOUNDED = 1_000_000
_QUOTES = '`"['


class Narrower:
    """Masks of what scope allows, for one vocabulary; those of the last states are kept, up to 256 MiB of them.

    They are made of parts that come again and again, which are kept too.
    """

    def __init__(self, index: TokenIndex) -> None:
        self._index = index
        self._most = max(1_000, _MOST_BYTES // index.plain.nbytes)
        self._masks: OrderedDict[tuple[Scope, str], Bits | None] = OrderedDict()
        self._begun: dict[Hashable, Bits] = {}
        self._any_headed: dict[Hashable, Bits] = {}
        self._asked: dict[tuple[int, bool, frozenset[str], str, str], list[Signs]] = {}
        self._quiet: dict[tuple[int, frozenset[str], str, bool], Bits] = {}
        self._part = lru_cache(maxsize=self._most // 8)(self._spell)
        self._heads = lru_cache(maxsize=_KEPT)(self._finish)

    def allowed(self, scope: Scope, partial: str) -> Bits | None:
        """Return which tokens may come behind the beginning of a lexeme, None for whatever the grammar allows.

        The scope is a `plain` one.
        """
        partial = partial.translate(LOWER)
        if "'" in partial and partial[0] not in _QUOTES:
            partial = "'"  # what stands in a string makes no difference
        key = (scope, partial)
        if key in self._masks:
            self._masks.move_to_end(key)
            return self._masks[key]
        mask = self._masks[key] = self._compute(scope, partial)
        if len(self._masks) > self._most:
            self._masks.popitem(last=False)
        return mask

    def _behind(self, scope: Scope) -> Bits | None:
        return self.allowed(plain(scope), "")

    def _compute(self, scope: Scope, partial: str) -> Bits | None:
        if not partial:
            return self._fresh(scope)
        if partial == "'":
            return self._string(scope)
        if partial[0] in _QUOTES:
            return self._quoted(scope, partial)
        if partial[0].isdigit():
            after = self._behind(step(scope, Lexeme("number", partial)))
            return None if after is None else after | ~self._index.nonword | self._index.dotted
        return self._word(scope, partial)

    def _fresh(self, scope: Scope) -> Bits | None:
        """Return the mask where a lexeme begins."""
        allows, index = permit(scope), self._index
        if allows == FREE:
            return None
        chosen = [signs.tokens for signs in self._followed(scope, allows) if fits(scope, signs.text)]
        bits = pack(index.size, _joined(chosen)) | self._beginning("", allows) | self._headed(scope, "", allows)
        for lead in index.led.keys() & leads(scope):
            if admits(allows, Lexeme("sign", lead)):
                bits |= self._beginning(lead, permit(step(scope, Lexeme("sign", lead))))
        bits |= self._unfollowed(scope, allows)
        if not allows.only:
            bits |= index.plain
        # AS 'name' is for names that are made up.
        return bits & ~index.stringed if allows.quoted and allows.names is not None else bits

    def _beginning(self, lead: str, allows: Permit) -> Bits:
        """Return the tokens that begin an allowed word, or a quoted name, behind a lead (`""` for none)."""
        barred = allows.barred if allows.names is None else frozenset()
        keywords = allows.keywords - allows.barred
        key = (lead, *allows._replace(keywords=keywords, barred=barred, depth=0, only=""))
        if key not in self._begun:
            if len(self._begun) > self._most // 8:
                self._begun.clear()
            bits = self._words(self._index.led[lead] if lead else self._index.beginnings, allows, "")
            for quote in _QUOTES:
                names = self._index.quoting.get((lead, quote))
                if names is not None:
                    bits |= names.all if _is_free(allows, quote) else self._spelling(names, _quotable(allows))
            self._begun[key] = bits
        return self._begun[key]

    def _words(self, words: Words, allows: Permit, partial: str) -> Bits:
        """Return the tokens that begin, or go on with, an allowed word."""
        if allows.names is None:
            return words.all & ~self._chosen(words, _barred_rests(allows, partial))
        return self._spelling(words, word_sets(allows), partial)

    def _spelling(self, words: Words, parts: Iterable[frozenset[str]], partial: str = "") -> Bits:
        """Return the tokens that begin, or go on with, one of some words; most sets of words come again and again."""
        bits = np.zeros_like(self._index.plain)
        for part in parts:
            if part:
                bits |= self._part(words, part, partial)
        return bits

    def _spell(self, words: Words, part: frozenset[str], partial: str) -> Bits:
        return self._chosen(words, rests_of(part, partial) if partial else beginnings_of(part))

    def _chosen(self, words: Words, texts: AbstractSet[str]) -> Bits:
        return pack(self._index.size, _joined(words.groups[text] for text in words.groups.keys() & texts))

    def _followed(self, scope: Scope, allows: Permit) -> Sequence[Signs]:
        """Return the signs of which the scope must be asked one by one whether they may come."""
        # Without a frame around it nothing is left to close, or `_unfollowed` says whether it may end.
        closable = len(scope.stack) > scope.brackets + 1 or scope.frame.arity is not None
        key = (scope.brackets, closable, allows.barred & LISTING, allows.only, impossible_signs(scope))
        if key not in self._asked:
            brackets, _, barred, only, impossible = key
            self._asked[key] = [
                signs
                for signs in self._index.signs
                if (signs.text[0] == only if only else signs.text[0] not in impossible)
                if (closable if signs.closes > brackets or signs.ends else not barred.isdisjoint(signs.listing))
            ]
        return self._asked[key]

    def _unfollowed(self, scope: Scope, allows: Permit) -> Bits:
        """Return the tokens of all other signs: they make no difference to scope, or end a statement that may end."""
        outermost = len(scope.stack) == scope.brackets + 1 and scope.frame.arity is None
        ending = outermost and ";" not in allows.barred and not owes(scope)
        key = (scope.brackets, allows.barred & LISTING, allows.only, ending)
        if key not in self._quiet:
            brackets, barred, only, _ = key
            quiet = (
                signs.tokens
                for signs in self._index.signs
                if signs.closes <= brackets and (ending or not signs.ends) and barred.isdisjoint(signs.listing)
                if not only or signs.text[0] == only
            )
            self._quiet[key] = pack(self._index.size, _joined(quiet))
        return self._quiet[key]

    def _headed(self, scope: Scope, partial: str, allows: Permit) -> Bits:
        """Return the tokens that finish a word and have signs behind it."""
        if allows.names is None:
            return self._headed_by_any(scope, partial, allows)
        heads, chosen = self._index.headed, []
        for rest in frozenset().union(*(self._heads(part, partial) for part in word_sets(allows) if part)):
            word, known = partial + rest, dict[str, bool]()
            for token, signs, bare in heads[rest]:
                if signs not in known:
                    lexeme = Lexeme("number" if word[0].isdigit() else "word", word, signs[0])
                    known[signs] = admits(allows, lexeme) and fits(step(scope, lexeme), signs)
                if known[signs] and (bare or not partial):
                    chosen.append(token)
        return pack(self._index.size, chosen)

    def _finish(self, part: frozenset[str], partial: str) -> frozenset[str]:
        """Return what finishes one of some words, where tokens do that and have signs behind it."""
        return frozenset(self._index.headed.keys() & finishes_of(part, partial))

    def _headed_by_any(self, scope: Scope, partial: str, allows: Permit) -> Bits:
        """Return the same where any word may stand: its signs must neither end the query nor be barred."""
        brackets = scope.brackets if len(scope.stack) > scope.brackets + 1 else _UNBOUNDED
        barred = allows.barred - {")"}
        key = (brackets, barred, bool(partial))
        if key not in self._any_headed:
            self._any_headed[key] = pack(
                self._index.size,
                [
                    token
                    for word, entries in self._index.headed.items()
                    for token, signs, bare in entries
                    if (bare or not partial) and word not in barred and barred.isdisjoint(signs)
                    if signs.count(")") <= brackets
                ],
            )
        return self._any_headed[key]

    def _string(self, scope: Scope) -> Bits | None:
        """Return the mask inside a string: a token that closes it must not go on to what is barred behind it."""
        behind = step(scope, Lexeme("string", ""))
        allows = permit(behind)
        if allows == FREE:
            return None
        matter = allows.barred & LISTING
        barred = [
            signs.tokens
            for signs in self._index.string_ends
            if signs.closes > behind.brackets or signs.ends or not matter.isdisjoint(signs.listing)
            if not fits(behind, signs.text)
        ]
        return ~pack(self._index.size, _joined(barred))

    def _word(self, scope: Scope, partial: str) -> Bits | None:
        """Return the mask inside a word."""
        allows, index = permit(scope), self._index
        bits = self._words(index.words, allows, partial) | self._headed(scope, partial, allows)
        for follower, part in self._followers(partial, allows):
            lexeme = Lexeme("word", partial, follower)
            if admits(allows, lexeme):
                behind = self._behind(step(scope, lexeme))
                bits |= part if behind is None else part & behind
        return bits

    def _followers(self, word: str, allows: Permit) -> Iterator[tuple[str, Bits]]:
        """Yield what may stand behind a word as it is meant, and the tokens that begin with it."""
        index = self._index
        if allows.names is None or word in allows.keywords:
            yield " ", index.nonword & ~index.dotted
        elif word in allows.names:
            yield " ", index.nonword & ~index.dotted & ~index.opening
        if word in allows.calls:
            yield "(", index.opening
        if word in allows.qualifiers:
            yield ".", index.dotted

    def _quoted(self, scope: Scope, partial: str) -> Bits | None:
        """Return the mask inside a quoted name."""
        allows, index = permit(scope), self._index
        quote, begun = partial[0], partial[1:]
        closing = "]" if quote == "[" else quote
        kind = "double" if quote == '"' else "name"
        if begun.endswith(closing):
            return self._behind_name(scope, Lexeme(kind, begun[:-1]))
        if _is_free(allows, quote):
            return None
        spelled = {rest for part in _quotable(allows) for rest in rests_of(part, begun, closing)}
        chosen = [index.whole[text] for text in spelled & index.whole.keys()]
        chosen.append(_array(self._closing(scope, Lexeme(kind, begun), closing)))
        return pack(index.size, _joined(chosen))

    def _behind_name(self, scope: Scope, name: Lexeme) -> Bits:
        """Return the mask behind a quoted name."""
        bits = np.zeros_like(self._index.plain)
        for follower, part in ((" ", self._index.nonword & ~self._index.dotted), (".", self._index.dotted)):
            lexeme = name._replace(follower=follower)
            if admits(permit(scope), lexeme):
                behind = self._behind(step(scope, lexeme))
                bits |= part if behind is None else part & behind
        return bits

    def _closing(self, scope: Scope, name: Lexeme, closing: str) -> Iterator[int]:
        """Yield the tokens that close a quoted name and have signs behind it."""
        for signs, token in self._index.closing.get(closing, ()):
            lexeme = Lexeme(name.kind, name.text, signs[0])
            if admits(permit(scope), lexeme) and fits(step(scope, lexeme), signs):
                yield token


def _is_free(allows: Permit, quote: str) -> bool:
    return allows.names is None or (quote == '"' and not allows.quoted)


def _barred_rests(allows: Permit, partial: str) -> AbstractSet[str]:
    """Return what would begin, or go on with, a barred keyword and nothing else, or finish a name that is taken."""
    taken = {word[len(partial) :] for word in allows.taken if word.startswith(partial)}
    return (rests_of(allows.barred, partial) - rests_of(allows.keywords, partial)) | taken


def _quotable(allows: Permit) -> tuple[frozenset[str], ...]:
    assert allows.names is not None
    return allows.names, allows.qualifiers


def _joined(groups: Iterable[Tokens]) -> Tokens:
    found = list(groups)
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _array(tokens: Iterable[int]) -> Tokens:
    return np.fromiter(tokens, dtype=np.int64)
