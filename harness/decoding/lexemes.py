"""How words look: white space, literals and names as the regular expressions that llguidance reads.

White space belongs to the front of each lexeme, and never to its end: llguidance takes the longest match and does not
go back, so `date FROM` must not look like the beginning of `date (`. A word that follows a word demands white space
(`GAP`), one that follows punctuation may do without (`SPACE`).
"""

import re
from collections.abc import Iterable
from string import ascii_lowercase, ascii_uppercase

from harness.identifiers import RESERVED

__all__ = [
    "DOUBLE_QUOTED",
    "GAP",
    "NUMBER",
    "SPACE",
    "STRING",
    "any_of",
    "is_plain",
    "one_of",
    "phrase",
    "quoted_any_of",
]

SPACE = r"[ \t]*(\n[ \t]*)?"
"""White space that may be there. One line break at most: a blank line ends a statement for whoever reads it."""
GAP = r"([ \t]+(\n[ \t]*)?|\n[ \t]*)"
"""White space that must be there."""
STRING = r"'([^'\x00]|'')*'"
DOUBLE_QUOTED = r'"([^"\x00]|"")*"'
NUMBER = r"([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+\-]?[0-9]+)?"

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HARMLESS = re.compile(r"[0-9_ ]")
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_AFTER_DOT = frozenset(["cross", "end", "full", "inner", "left", "natural", "outer", "right"])
_END = ""
_Node = dict[str, "_Node"]


def is_plain(name: str, *, after_dot: bool = False) -> bool:
    """Return whether SQLite takes a name without quotes; behind a dot it takes a few keywords too."""
    return bool(_PLAIN.fullmatch(name)) and name.lower() not in (RESERVED - _AFTER_DOT if after_dot else RESERVED)


def phrase(words: str) -> str:
    """Return the expression of keywords in any case, white space between them."""
    return GAP.join("".join(map(_escape, word)) for word in words.lower().split())


def one_of(words: str) -> str:
    """Return the expression of any of these words, in any case."""
    return any_of(words.split())


def any_of(names: Iterable[str]) -> str:
    """Return the expression of any of the names, in any case of their letters.

    What they begin with in common is written once: llguidance takes derivatives of the whole expression.
    """
    root: _Node = {}
    for name in names:
        node = root
        for character in name.translate(_LOWER):
            node = node.setdefault(character, {})
        node[_END] = {}
    return f"({_render(root)})"


def quoted_any_of(names: Iterable[str], *, doubly: bool = True) -> str:
    """Return the expression of any of the names in backticks or brackets, or (`doubly`) in double quotes."""
    known = tuple(names)
    bracketed = [name for name in known if "]" not in name]
    written = [rf"`{any_of(name.replace('`', '``') for name in known)}`"]
    if doubly:
        written.append('"' + any_of(name.replace('"', '""') for name in known) + '"')
    return "|".join([*written, *([rf"\[{any_of(bracketed)}\]"] if bracketed else [])])


def _render(node: _Node) -> str:
    stem = []
    while len(node) == 1 and _END not in node:  # without recursion: names may be long
        ((character, node),) = node.items()
        stem.append(_escape(character))
    branches = [_escape(character) + _render(below) for character, below in sorted(node.items()) if character != _END]
    if not branches:
        return "".join(stem)
    return f"{''.join(stem)}({'|'.join(branches)}){'?' if _END in node else ''}"


def _escape(character: str) -> str:
    if character in ascii_lowercase:  # not by a flag: Unicode has other capitals of k and s
        return f"[{character}{character.upper()}]"
    return character if _HARMLESS.fullmatch(character) else f"\\x{{{ord(character):X}}}"
