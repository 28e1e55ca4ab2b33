"""What a run says about itself: written before the first question, compared before a run goes on."""

import importlib.metadata
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from harness.config import EvalConfig, digest
from harness.datasets.hashing import hashes
from harness.errors import UsageError
from harness.execution.library import SQLITE_VERSION
from harness.types import Dataset

__all__ = ["RunIdentity", "describe", "refuse_other_run"]

PACKAGES = ("text2sql-harness", "sqlglot", "torch", "transformers", "peft", "bitsandbytes")
IDENTITY = ("config_sha256", "limit", "hashes", "prompt", "metrics")
"""What must be equal for a run to be gone on with."""


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
    """Hash what shapes the answers and the verdicts: where the run is written to does neither."""
    return digest({key: value for key, value in asdict(config).items() if key != "output"})


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


def refuse_other_run(where: str, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> None:
    """Raise `UsageError` naming what differs when a stored run is not the one that is asked for."""
    differences = [
        difference
        for key in IDENTITY
        if stored.get(key) != fresh.get(key) and key != "config_sha256"
        for difference in _differences(stored.get(key), fresh.get(key), key)
    ]
    if stored.get("config_sha256") != fresh.get("config_sha256"):
        differences += _differences(stored.get("config"), fresh.get("config"), "config")
    if differences:
        listed = "\n".join(f"  - {difference}" for difference in differences)
        raise UsageError(f"{where}: holds a different run; choose another folder or undo these changes\n{listed}")


def _differences(stored: Any, fresh: Any, where: str) -> list[str]:
    if isinstance(stored, Mapping) and isinstance(fresh, Mapping):
        keys = sorted({*stored, *fresh})
        return [line for key in keys for line in _differences(stored.get(key), fresh.get(key), f"{where}.{key}")]
    return [] if stored == fresh else [f"{where}: {stored!r} there, {fresh!r} now"]
