"""Text that is still being written → lexemes: what is complete, and the beginning of what is not.

Text is latin-1: one character for each byte of UTF-8, since a token may end inside a character. A string counts as
complete at its closing quote; where the quote is doubled two strings come out, which means the same to whoever
counts parentheses. Names and numbers are complete when something else follows. Not covered: comments, which the
grammar refuses, and quoted names with the quote in them.
"""

import re
from typing import NamedTuple

__all__ = ["Lexeme", "fold", "spell", "split", "unfold"]

_LEXEME = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<string>[xX]?'[^']*'?)|(?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)"
    r"|(?P<number>[0-9][A-Za-z0-9_.]*)"
    r"|(?P<double>\"[^\"]*\"?)|(?P<name>`[^`]*`?|\[[^\]]*\]?)|(?P<sign>.)",
    re.DOTALL,
)
_CLOSING = {"[": "]"}
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Lexeme(NamedTuple):
    """A complete lexeme: `kind` is word, number, string, double, name or sign; `text` is folded and without quotes.

    `follower` is the character behind it, `""` where nothing was written yet, `start` where it begins.
    """

    kind: str
    text: str
    follower: str = ""
    start: int = 0


def fold(name: str) -> str:
    """Return a name as names are compared: as latin-1, ASCII letters in lower case."""
    return name.encode().decode("latin-1").translate(_LOWER)


def unfold(name: str) -> str:
    """Return a folded name as text again; its letters stay in lower case."""
    return name.encode("latin-1").decode("utf-8", "replace")


def split(text: str) -> tuple[list[Lexeme], str]:
    """Return the complete lexemes of a text and the beginning of the last one, `""` if it is complete."""
    found: list[Lexeme] = []
    for match in _LEXEME.finditer(text):
        kind, part, end = str(match.lastgroup), match.group(), match.end()
        if kind == "space":
            continue
        if _is_open(kind, part, at_end=end == len(text)):
            return found, part
        found.append(Lexeme(kind, _bare(kind, part), text[end : end + 1], match.start()))
    return found, ""


def spell(text: str, start: int) -> str:
    """Return the lexeme that begins at a position as it is written, `""` behind the last one."""
    match = _LEXEME.match(text, start)
    return match.group() if match else ""


def _is_open(kind: str, part: str, *, at_end: bool) -> bool:
    if at_end and kind not in ("sign", "string"):  # what stands behind a name says what it is
        return True
    if kind not in ("string", "double", "name"):
        return False
    part = part.lstrip("xX") if kind == "string" else part
    return len(part) == 1 or part[-1] != _CLOSING.get(part[0], part[0])


def _bare(kind: str, part: str) -> str:
    return (part[1:-1] if kind in ("string", "double", "name") else part).translate(_LOWER)
