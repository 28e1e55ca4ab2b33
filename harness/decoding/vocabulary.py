"""The tokens of a tokeniser, sorted by what they do to a name: so that a mask of names costs look-ups, not a walk.

Tokens are latin-1 text in lower case. What holds more than the end of one lexeme and the beginning of the next (code,
mostly) is in no part but `whole`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LISTING",
    "LOWER",
    "WORD_BITS",
    "Bits",
    "Signs",
    "TokenIndex",
    "Tokens",
    "Words",
    "index_inert",
    "index_tokens",
    "pack",
]

Bits = NDArray[np.uint32]
Tokens = NDArray[np.int64]
WORD_BITS = 32
_FEW = 500
"""Up to so many tokens it is faster to set them one by one than to pack a flag for each token of the vocabulary."""
_WORD = re.compile(r"[a-z_\x80-\xff][a-z0-9_\x80-\xff]*")
_NUMERIC = re.compile(r"[0-9][a-z0-9_\x80-\xff]*")
_SIGNS_CLASS = r"[()*,;.=<>!+\-/|%&~ \t\r\n]"
_HEADED = re.compile(rf"([a-z0-9_\x80-\xff]+)({_SIGNS_CLASS}+('[^']*)?)")
_SIGNS = re.compile(rf"{_SIGNS_CLASS}*('[^']*('{_SIGNS_CLASS}*)?)?")
_LITERAL = re.compile("'[^']*")
_NEVER = re.compile(
    r"\)\(|,[),;]|;.|\([,;.=<>|/%&]|\*\*|\.[^']|[)*]\.|[^(]\(\)|--|[-+/%<>=!|&~][),;]|\+\+|&&|!(?!=)|\*/|=>|//|</|\*="
)
"""Signs that no statement has one behind the other, so that nobody needs to ask."""
_LED = re.compile(r"([(,.]|[=<>!+\-/|%&~]+)[ \t\r\n]*([a-z_\x80-\xff][a-z0-9_\x80-\xff]*)")
_QUOTING = re.compile(r"([(,.]|[=<>]+)?[ \t\r\n]*([`\"\[])([^`\"\[\]]*)")
_CLOSING = re.compile(rf"([`\"\]])({_SIGNS_CLASS}+('[^']*)?)")
_STRING_END = re.compile(rf"[^']*'({_SIGNS_CLASS}+)('[^']*)?")
_STRUCTURAL = frozenset("().,;*")
LISTING = frozenset(",*(")
"""Signs that scope may bar wherever they stand."""
_SPACES = " \t\r\n"
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, eq=False)
class Words:
    """Tokens by the word that they write, and the bit mask of all of them."""

    groups: dict[str, Tokens]
    all: Bits


@dataclass(frozen=True, eq=False)
class Signs:
    """Tokens that write the same signs.

    `closes` is how many parentheses they close that they did not open, `listing` which of `,*(` they have, `ends`
    says whether a `;` is among them.
    """

    text: str
    tokens: Tokens
    closes: int
    listing: frozenset[str]
    ends: bool

    @classmethod
    def of(cls, text: str, tokens: Tokens) -> "Signs":
        """Return the signs of a text without white space; a string in it is one or two single quotes."""
        depths = accumulate({"(": -1, ")": 1}.get(sign, 0) for sign in text)
        return cls(text, tokens, max((0, *depths)), frozenset(text) & LISTING, ";" in text)


@dataclass(frozen=True, eq=False)
class TokenIndex:
    """Tokens by what they are; all texts are folded.

    `words` go on with a word, `beginnings` begin one and may have white space in front. `headed` has token, signs
    and whether there is no white space in front, by the word that the token finishes. `signs` has the tokens of
    structural punctuation by their signs, `led` by lead and word (an operator leads as `=`), `quoting` by lead
    (`""` for none) and quote and then by the beginning of the name, `closing` signs and tokens by the quote in
    front, `string_ends` what closes a string by the signs behind it, `whole` every token by its text. The bit sets:
    `plain` is what may come where no word does (white space, numbers, other signs), `stringed` whatever opens or
    closes a string, `nonword` whatever does not go on with a word, `dotted` and `opening` those that begin with `.`
    and `(`.
    """

    size: int
    words: Words
    beginnings: Words
    headed: dict[str, list[tuple[int, str, bool]]]
    signs: list[Signs]
    led: dict[str, Words]
    quoting: dict[tuple[str, str], Words]
    closing: dict[str, list[tuple[str, int]]]
    string_ends: list[Signs]
    whole: dict[str, Tokens]
    plain: Bits
    stringed: Bits
    nonword: Bits
    dotted: Bits
    opening: Bits


def pack(size: int, tokens: Iterable[int] | Tokens) -> Bits:
    """Return the bit mask of tokens: bit `t % 32` of word `t // 32`."""
    chosen = tokens if isinstance(tokens, np.ndarray) else np.fromiter(tokens, dtype=np.int64)
    if len(chosen) < _FEW:
        bits = np.zeros(-(-size // WORD_BITS), dtype=np.uint32)
        np.bitwise_or.at(bits, chosen >> 5, np.uint32(1) << (chosen & 31).astype(np.uint32))
        return bits
    flags = np.zeros(-(-size // WORD_BITS) * WORD_BITS, dtype=np.uint8)
    flags[chosen] = 1
    return np.packbits(flags, bitorder="little").view(np.uint32)


def index_tokens(tokens: Sequence[bytes]) -> TokenIndex:
    """Return the index of a vocabulary; a token without text (a special one) is in none of its parts."""
    texts = [token.decode("latin-1").translate(LOWER) for token in tokens]
    sorting = _Sorting()
    for token, text in enumerate(texts):
        if text:
            sorting.add(token, text)
    size = len(texts)
    structural = {signs: group for signs, group in sorting.signs.items() if _STRUCTURAL & set(signs)}
    signs = [Signs.of(text, np.array(group)) for text, group in structural.items() if not _NEVER.search(text)]
    plain = [token for signs, group in sorting.signs.items() if signs not in structural for token in group]
    return TokenIndex(
        size=size,
        words=_words(size, sorting.words),
        beginnings=_words(size, sorting.beginnings),
        headed=dict(sorting.headed),
        signs=signs,
        led={lead: _words(size, words) for lead, words in sorting.led.items()},
        quoting={key: _words(size, names) for key, names in sorting.quoting.items()},
        closing=dict(sorting.closing),
        string_ends=[Signs.of(text, np.array(group)) for text, group in sorting.string_ends.items()],
        whole=_arrays(sorting.whole),
        plain=pack(size, [*plain, *sorting.plain]),
        stringed=pack(size, [token for token, text in enumerate(texts) if "'" in text]),
        nonword=pack(size, [token for token, text in enumerate(texts) if text and not _goes_on(text[0])]),
        dotted=pack(size, [token for token, text in enumerate(texts) if text[:1] == "."]),
        opening=pack(size, [token for token, text in enumerate(texts) if text.lstrip(_SPACES)[:1] == "("]),
    )


def index_inert(tokens: Sequence[bytes]) -> Bits:
    """Return the tokens that change nothing inside a text in single quotes: what may come behind them may come before.

    They are whole characters without quote or NUL, so that none of them ends or escapes anything.
    """
    return pack(len(tokens), [number for number, token in enumerate(tokens) if token and _is_inert(token)])


def _is_inert(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return not set(b"'\0") & set(token)


class _Sorting:
    """Where the tokens are put, one by one."""

    def __init__(self) -> None:
        self.plain: list[int] = []
        self.whole: dict[str, list[int]] = defaultdict(list)
        self.words: dict[str, list[int]] = defaultdict(list)
        self.beginnings: dict[str, list[int]] = defaultdict(list)
        self.headed: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
        self.signs: dict[str, list[int]] = defaultdict(list)
        self.led: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.quoting: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.closing: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self.string_ends: dict[str, list[int]] = defaultdict(list)

    def add(self, token: int, text: str) -> None:
        self.whole[text].append(token)
        core = text.lstrip(_SPACES)
        if _WORD.fullmatch(text) or _NUMERIC.fullmatch(text):
            self.words[text].append(token)
        if match := _STRING_END.fullmatch(text):
            self.string_ends["".join(match[1].split())].append(token)
        if match := _CLOSING.fullmatch(text):
            self.closing[match[1]].append((match[2], token))
        if not core or _NUMERIC.fullmatch(core):
            self.plain.append(token)
        elif _WORD.fullmatch(core):
            self.beginnings[core].append(token)
        elif match := _HEADED.fullmatch(core):
            self.headed[match[1]].append((token, match[2], core == text))
        elif match := _SIGNS.fullmatch(core):
            self.signs["".join(_LITERAL.sub("'", core).split())].append(token)
        elif match := _LED.fullmatch(core):
            self.led[_lead(match[1])][match[2]].append(token)
        elif match := _QUOTING.fullmatch(core):
            self.quoting[_lead(match[1] or ""), match[2]][match[3]].append(token)


def _lead(signs: str) -> str:
    return signs if signs in ("", "(", ",", ".") else "="


def _words(size: int, groups: dict[str, list[int]]) -> Words:
    return Words(_arrays(groups), pack(size, [token for group in groups.values() for token in group]))


def _arrays(groups: dict[str, list[int]]) -> dict[str, Tokens]:
    return {text: np.array(group, dtype=np.int64) for text, group in groups.items()}


def _goes_on(character: str) -> bool:
    return character == "_" or character >= "\x80" or character.isalnum()
