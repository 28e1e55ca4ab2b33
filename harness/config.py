"""TOML → frozen dataclasses, through pydantic; every problem of a file is reported at once.

`load` serves the evaluation, the gate and the trainer alike: the shape of a file is the dataclass it is read
into. Unknown keys are refused, with the nearest known key as a suggestion.
"""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.errors import ConfigError

__all__ = [
    "STRICT",
    "AnalysisConfig",
    "DataConfig",
    "EvalConfig",
    "ExecutionConfig",
    "MetricsConfig",
    "OutputConfig",
    "PromptConfig",
    "apply_overrides",
    "build",
    "digest",
    "load",
    "read_toml",
]

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid")
"""What every configuration dataclass carries as `__pydantic_config__`: unknown keys are errors."""


@dataclass(frozen=True)
class DataConfig:
    """`[data]`: a data folder (or `mini`, the set that is shipped) and the split to evaluate.

    `questions` makes `path` one SQLite file, and is the JSON or JSONL file of its questions.
    """

    __pydantic_config__ = STRICT
    path: str
    split: str = "dev"
    questions: str = ""


@dataclass(frozen=True)
class PromptConfig:
    """`[prompt]`: see `harness.prompts` for the templates.

    `schema` overrides whether the template shows the schema (`reference` doesn't, the others do). `shots` is a
    JSON file of worked examples (`question`, `evidence`, `SQL`) put behind the schema. `descriptions` adds the
    data set's column descriptions as comments, or with `"names"` only the tables file's readable names, where they say
    more than the columns' own.
    """

    __pydantic_config__ = STRICT
    template: str = "plain"
    max_tokens: int = 3072
    schema: bool | None = None
    descriptions: bool | Literal["names"] = False
    shots: str = ""


@dataclass(frozen=True)
class ExecutionConfig:
    """`[execution]`: the limits of one SQL statement and the number of worker processes (0: one per core)."""

    __pydantic_config__ = STRICT
    timeout_s: float = 30.0
    memory_mib: int = 1024
    max_rows: int = 1_000_000
    workers: int = 0


@dataclass(frozen=True)
class AnalysisConfig:
    """`[analysis]`: what is done beyond scoring.

    `mutations` is how many mutated databases `ast_equivalent` may search for a counterexample (0: none), `explain`
    gives every answer a diagnosis, and `lint` flags golds that are doubtful.
    """

    __pydantic_config__ = STRICT
    mutations: int = 0
    explain: bool = True
    lint: bool = True


@dataclass(frozen=True)
class MetricsConfig:
    """`[metrics]`: which metrics, by name or `package.module:Class`; options of one under `options.NAME`."""

    __pydantic_config__ = STRICT
    names: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class OutputConfig:
    """`[output]`: the folder that runs are written to; `name` overrides the generated end of the folder's name."""

    __pydantic_config__ = STRICT
    path: str = "runs"
    name: str = ""


@dataclass(frozen=True)
class EvalConfig:
    """The whole evaluation file. `generator` is a plug-in's name and its options."""

    __pydantic_config__ = STRICT
    data: DataConfig
    generator: dict[str, Any]
    prompt: PromptConfig = field(default_factory=PromptConfig)
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    analysis: AnalysisConfig = field(default_factory=AnalysisConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    output: OutputConfig = field(default_factory=OutputConfig)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises `ConfigError` naming the file and the line of a syntax error."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(str(path), ["the file does not exist; check the path"]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"the file cannot be read: {error}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [f"not TOML: {error}"]) from error


def apply_overrides(tree: dict[str, Any], overrides: Iterable[str], short_forms: Mapping[str, str]) -> dict[str, Any]:
    """Return `tree` with `--set a.b=value` applied; values are TOML, a bare word is a string.

    `short_forms` says what `model` and `data` stand for, e.g. `{"model": "generator.model"}`. Raises
    `ConfigError` listing every override that is not `key=value` or runs into a value that is no table.
    """
    result: dict[str, Any] = json.loads(json.dumps(tree, default=str))
    problems = []
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key.strip():
            problems.append(f"{override!r} is not KEY=VALUE")
            continue
        dotted = short_forms.get(key.strip(), key.strip())
        if not _place(result, dotted.split("."), _parse_value(text)):
            problems.append(f"{override!r}: {dotted!r} runs into a value that is not a table")
    if problems:
        raise ConfigError("--set", problems)
    return result


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _place(tree: dict[str, Any], keys: list[str], value: Any) -> bool:
    for key in keys[:-1]:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            return False
        tree = child
    tree[keys[-1]] = value
    return True


def build(shape: type[T], tree: Mapping[str, Any], where: str) -> T:
    """Make a `shape` of `tree`; raises `ConfigError` with one line for every problem, `where` naming the source."""
    try:
        return TypeAdapter(shape).validate_python(tree)
    except ValidationError as error:
        raise ConfigError(where, [_problem(shape, item) for item in error.errors()]) from error


def load(path: Path, shape: type[T], overrides: Iterable[str] = (), short_forms: Mapping[str, str] | None = None) -> T:
    """Read a TOML file into `shape`, `--set` overrides applied; raises `ConfigError` with all problems at once."""
    tree = apply_overrides(read_toml(path), overrides, short_forms or {})
    return build(shape, tree, str(path))


def digest(tree: Mapping[str, Any]) -> str:
    """Return the sha256 of a configuration's tree: equal for configurations that mean the same."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True, default=str).encode()).hexdigest()


def _problem(shape: Any, item: Any) -> str:
    location = [part for part in item["loc"] if isinstance(part, str | int)]
    dotted = ".".join(str(part) for part in location) or "(top level)"
    kind = item["type"]
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{dotted}: unknown key{_suggestion(shape, location)}"
    if kind in ("missing", "missing_argument"):
        return f"{dotted}: required, but not there"
    got = "" if isinstance(item["input"], dict) else f" (got {item['input']!r})"
    message = str(item["msg"])
    return f"{dotted}: {message[0].lower()}{message[1:]}{got}"


def _suggestion(shape: Any, location: list[str | int]) -> str:
    for part in location[:-1]:
        shape = get_type_hints(shape).get(str(part)) if is_dataclass(shape) else None
    if not is_dataclass(shape):
        return ""
    known = [one.name for one in fields(shape)]
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"
