"""What a run says about itself: written before the first question, compared before a run goes on."""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from harness.config import EvalConfig, digest
from harness.datasets.hashing import hashes
from harness.errors import UsageError
from harness.execution.library import SQLITE_VERSION
from harness.types import Dataset

__all__ = ["RunIdentity", "describe", "differences", "hash_texts", "refuse_other_run", "versions"]

PACKAGES = ("text2sql-harness", "sqlglot", "torch", "transformers", "peft", "bitsandbytes", "vllm")
IDENTITY = ("config", "limit", "hashes", "prompt", "generator", "metrics")
"""What must be equal for a run to be gone on with."""
MEANS = {
    "execution": frozenset({"workers"}),
    "generator": frozenset({"cache", "api_key_env", "concurrency", "timeout_s", "retries"}),
}
"""Options by which the same answers are had in another way."""
SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class RunIdentity:
    """The parts a manifest is made of; `prompt` and `generator` are what those parts say of themselves."""

    config: EvalConfig
    dataset: Dataset
    metrics: tuple[str, ...]
    prompt: Mapping[str, Any]
    generator: Mapping[str, Any]
    limit: int | None = None


def describe(run: RunIdentity, *, name: str, command: str) -> dict[str, Any]:
    """Return the manifest of a run."""
    config = asdict(run.config)
    manifest = {
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "config": config,
        "config_sha256": _config_sha256(run.config),
        "limit": run.limit,
        "dataset": {
            "name": run.dataset.name,
            "split": run.dataset.split,
            "n": len(run.dataset.examples),
            "notes": list(run.dataset.notes),
        },
        "hashes": hashes(run.dataset),
        "versions": versions(),
        "prompt": dict(run.prompt),
        "generator": dict(run.generator),
        "metrics": list(run.metrics),
        "seed": config["generator"].get("seed", 0),
    }
    # As it will be read again: tuples become lists, so that stored and fresh manifests can be compared.
    plain: dict[str, Any] = json.loads(json.dumps(manifest, default=str))
    return plain


def _config_sha256(config: EvalConfig) -> str:
    return digest(_without_place(asdict(config)))


def _without_place(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out where the run is written to and how its work is done: nothing of that shapes an answer or a verdict."""
    kept: dict[str, Any] = {key: value for key, value in config.items() if key != "output"}
    for part, names in MEANS.items():
        kept[part] = {key: value for key, value in config.get(part, {}).items() if key not in names}
    return kept


def hash_texts(texts: Iterable[str]) -> str:
    """Return one sha256 over texts in order; different lists of texts give different hashes."""
    total = hashlib.sha256()
    for text in texts:
        total.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of everything that can change a number, read from metadata without importing it."""
    found = {
        "python": platform.python_version(),
        "sqlite": SQLITE_VERSION,
        "platform": f"{platform.system()} {platform.machine()}",
    }
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def differences(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
    """Return what keeps a stored run from being the one that is asked for, a line for each difference."""
    return [line for key in IDENTITY for line in _compare(_comparable(stored, key), _comparable(fresh, key), key)]


def refuse_other_run(where: str, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> None:
    """Raise `UsageError` naming what differs when a stored run is not the one that is asked for."""
    if found := differences(stored, fresh):
        listed = "\n".join(f"  - {difference}" for difference in found)
        raise UsageError(f"{where}: holds a different run; choose another folder or undo these changes\n{listed}")


def _comparable(run: Mapping[str, Any], key: str) -> Any:
    value = run.get(key)
    if key == "config" and isinstance(value, Mapping):
        return _without_place(value)
    if key == "generator" and isinstance(value, Mapping):
        # Another device may compute other answers, but going on elsewhere is what resuming is for.
        return {name: one for name, one in value.items() if name != "device"}
    return value


def _compare(stored: Any, fresh: Any, where: str) -> list[str]:
    if isinstance(stored, Mapping) and isinstance(fresh, Mapping):
        keys = sorted({*stored, *fresh})
        return [line for key in keys for line in _compare(stored.get(key), fresh.get(key), f"{where}.{key}")]
    return [] if stored == fresh else [f"{where}: {_short(stored)} there, {_short(fresh)} now"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
