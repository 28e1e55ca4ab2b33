"""A name in a configuration → an object: through a literal table, or as `package.module:Class`.

A plug-in is a frozen dataclass whose fields are its options. Nothing registers itself and nothing is scanned:
what a name means can be read in one table. `package.module:Class` may lie in the current folder.
"""

import contextlib
import difflib
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from harness.config import build
from harness.errors import ConfigError, MissingDependency

__all__ = ["instantiate", "resolve"]

EXTRAS = {"torch": "train", "transformers": "train", "peft": "train", "bitsandbytes": "train", "vllm": "vllm"}


def resolve(table: Mapping[str, str], name: str, where: str) -> type[Any]:
    """Return the class that `name` stands for.

    Raises `ConfigError` for a name that is neither in `table` nor importable, `MissingDependency` for a class whose
    optional packages are not installed.
    """
    target = table.get(name, name)
    module, separator, attribute = target.partition(":")
    if not (separator and module and attribute) or module.startswith("."):
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(table)}"
        raise ConfigError(where, [f"{name!r} is unknown; {hint} (or give package.module:Class)"])
    try:
        with _current_folder():
            found = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in EXTRAS:
            extra = EXTRAS[missing]
            raise MissingDependency(
                f"{where}: {name!r} needs {missing}, which is not installed; "
                f"run `pip install 'text2sql-harness[{extra}]'`"
            ) from error
        raise ConfigError(where, [f"{name!r} cannot be imported: {error}"]) from error
    except AttributeError as error:
        raise ConfigError(where, [f"{name!r}: module {module!r} has no {attribute!r}"]) from error
    except MissingDependency:
        raise
    except Exception as error:  # whatever somebody else's module does on import
        raise ConfigError(where, [f"{name!r}: importing {module!r} failed: {type(error).__name__}: {error}"]) from error
    if not (isinstance(found, type) and is_dataclass(found)):
        raise ConfigError(where, [f"{name!r} is not a dataclass; a plug-in is a frozen dataclass"])
    return found


@contextlib.contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be imported, behind all others: a script has its own folder there instead."""
    folder = str(Path.cwd())
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def instantiate(
    table: Mapping[str, str], name: str, options: Mapping[str, Any], where: str, needs: Sequence[str] = ()
) -> Any:
    """Return the plug-in `name` with `options`.

    Raises `ConfigError` naming every option that is wrong, and every attribute of `needs` that the class lacks; one
    with a `bind` makes the object that has them later.
    """
    shape = resolve(table, name, where)
    lacking = [attribute for attribute in needs if not hasattr(shape, attribute) and not hasattr(shape, "bind")]
    if lacking:
        raise ConfigError(where, [f"{name!r} has no {', no '.join(lacking)}; see the README on extending"])
    known = [one.name for one in fields(shape) if one.init]
    unknown = [option for option in options if option not in known]
    if unknown:
        listed = ", ".join(known) or "it has none"
        raise ConfigError(where, [f"{option}: unknown option of {name!r}; known: {listed}" for option in unknown])
    return build(shape, options, where)
