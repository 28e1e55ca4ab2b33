"""Paths and servers of one machine, taken out of what a manifest says."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

__all__ = ["shorten_command", "shorten_places"]

PLACES = frozenset({"path", "model", "adapter", "questions", "shots", "tokenizer", "ref"})
"""Keys whose values are paths, or names from a hub."""
SECRET = frozenset({"base_url", "api_key_env", "cache", "extra", "output"})
"""Keys that speak of one machine or one account, and of no answer."""

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_FILE = re.compile(r"\.(?:gguf|jsonl?|sql|sqlite|db|txt|toml)\Z", re.IGNORECASE)
_BEGINNING = r"(?:file://|~[\w-]*[\\/]|\.\.?[\\/]|[A-Za-z]:[\\/]|[\\/])"
_WHOLE = re.compile(_BEGINNING)
_INSIDE = re.compile(r"(?<![\w.:/~\\-])" + _BEGINNING + r"[^\s'\"`,;:)]+")


def shorten_places(value: Any, where: str = "", secret: frozenset[str] = SECRET) -> tuple[Any, list[str]]:
    """Return a value without the folders of paths and the keys in `secret`, and the dotted names of what changed."""
    if isinstance(value, Mapping):
        return _shorten_table(value, where, secret)
    if isinstance(value, list):
        parts = [shorten_places(one, where, secret) for one in value]
        return [one for one, _ in parts], list(dict.fromkeys(name for _, names in parts for name in names))
    if not isinstance(value, str):
        return value, []
    short = _shorten(value, whole=where.rpartition(".")[2] in PLACES)
    return short, [where] if short != value else []


def _shorten_table(table: Mapping[str, Any], where: str, secret: frozenset[str]) -> tuple[dict[str, Any], list[str]]:
    kept, changed = {}, []
    for key, value in table.items():
        name = f"{where}.{key}" if where else key
        if key in secret:
            changed.append(name)
            continue
        kept[key], names = shorten_places(value, name, secret)
        changed += names
    return kept, changed


def _shorten(text: str, *, whole: bool) -> str:
    if whole and not (_HUB_ID.fullmatch(text) and not _FILE.search(text)):
        return _last(text)
    return _INSIDE.sub(lambda found: _last(found.group()), text)


def _last(path: str) -> str:
    return re.split(r"[\\/]+", path.rstrip("\\/"))[-1]


def shorten_command(command: str) -> str:
    """Return a command line whose words hold no folder of this machine; relative paths stay."""
    try:
        words = shlex.split(command)
    except ValueError:
        return _shorten(command, whole=False)
    return shlex.join(_shorten_word(word) for word in words)


def _shorten_word(word: str) -> str:
    name, sign, value = word.partition("=")
    if not sign:
        name, value = "", word
    if SECRET.intersection(name.lstrip("-").split(".")):
        return f"{name}=…"
    return name + sign + (_last(value) if _WHOLE.match(value) else _shorten(value, whole=False))
