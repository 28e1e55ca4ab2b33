"""A training from its configuration to its adapter folder: checks, data, rows, trainer, card."""

import importlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness import datasets, plugins
from harness.datasets.hashing import hashes
from harness.datasets.stats import statistics
from harness.errors import ConfigError, DataError, MissingDependency, ModelError, UsageError
from harness.files import RESUME, write_text
from harness.types import Dataset
from trainer.base import Adapter, OnStep, Trainer
from trainer.card import write_card
from trainer.config import TrainConfig, identity
from trainer.data import Encoder, Rows, Split, build_rows, estimating_encoder, shuffled_schemas, split_dataset
from trainer.leakage import Leakage, check_leakage
from trainer.memory import Shape, known_shape, same_model
from trainer.qualifying import Targets, qualify_targets
from trainer.session import remove_checkpoints, unfinished_checkpoints

__all__ = ["TRAINERS", "Prepared", "choose_encoder", "prepare", "read_finished", "train"]

TRAINERS = {"recipe": "trainer.recipe:Recipe", "dry_run": "trainer.dry_run:DryRun"}
Material = tuple[Dataset, Leakage]
"""What may be trained on, and what it shares with the evaluation sets."""
FINISHED = "training.json"
STARTED = "started.json"


@dataclass(frozen=True)
class Prepared:
    """The data of a training, as rows; `exact` is false where token counts are estimates."""

    dataset: Dataset
    split: Split
    train: Rows
    validation: Rows
    exact: bool
    leakage: Leakage
    targets: Targets


def train(config: TrainConfig, output_dir: Path, *, resume: bool, on_step: OnStep | None = None) -> Adapter | None:
    """Train into `output_dir`; `None` when a finished adapter of this configuration is there and `resume` is set.

    What can be checked is checked before anything is loaded. A finished adapter never resumes, so its checkpoints
    are removed. Raises `UsageError` for a folder that would be overwritten, a resume of another configuration or a
    missing GPU; `DataError` and `ModelError` for what is not there; `RunError` when the training breaks, `Stopped`
    (one of them) when a signal ends it.
    """
    trainer: Trainer = plugins.resolve(TRAINERS, config.trainer, "trainer")(config)
    if _check_folder(config, output_dir, resume=resume):
        _tidy(output_dir)
        return None
    source = {"source": config.model.path or config.model.id, "hub_id": config.model.id, "sha256": None}
    encoder, positions, data = estimating_encoder(), 0, None
    if config.trainer != "dry_run":
        models: Any = importlib.import_module("trainer.models")
        models.check_machine(config)
        weights = models.resolve_base(config)
        source["sha256"] = weights.sha256
        # Before the weights: reading a tokeniser can take a minute.
        data = _load_material(config)
        encoder = models.make_encoder(models.load_tokenizer(weights))
        positions = _check_embedding(config, _shape(config, weights)).positions
    prepared = prepare(config, encoder, positions, data)
    if not prepared.train.rows:
        raise DataError(f"{config.data.path}: no example is left to train on; raise prompt.max_tokens or data.fraction")
    data_hashes = hashes(prepared.dataset)
    sources = {"data": data_hashes, "weights": source["sha256"], "left_out": list(prepared.leakage.left_out)}
    _begin(config, output_dir, sources, resume=resume)
    eda = statistics(
        prepared.dataset.examples, prepared.dataset.schemas, fraction=config.data.fraction, seed=config.data.seed
    )
    _write_json(output_dir / "eda.json", eda)
    adapter = trainer.train(prepared.train.rows, prepared.validation.rows, output_dir, resume=resume, on_step=on_step)
    about = write_card(config, prepared_summary(prepared, data_hashes), source, adapter)
    # Written last: its existence means that the adapter is complete.
    _write_json(output_dir / FINISHED, about)
    _tidy(output_dir)
    return adapter


def _tidy(output_dir: Path) -> None:
    remove_checkpoints(output_dir)
    (output_dir / STARTED).unlink(missing_ok=True)


def prepare(config: TrainConfig, encoder: Encoder, positions: int, material: Material | None = None) -> Prepared:
    """Read (or take what was read), sample, split and tokenise; `positions` is the model's limit (0: unknown).

    Raises `DataError` for data that is not there, and for databases that an evaluation set has as well.
    """
    dataset, leakage = material or _load_material(config)
    split, targets = _teach(split_dataset(dataset, config.data), dataset, config)
    limits = [limit for limit in (config.train.max_tokens, positions) if limit]
    shuffled = shuffled_schemas(dataset.schemas, config.data, config.train.epochs)
    build: Callable[..., Rows] = lambda examples, *orders: build_rows(  # noqa: E731 - the same four arguments twice
        examples, dataset.schemas, config.prompt, encoder, min(limits, default=0), *orders
    )
    rows, validation = build(split.train, shuffled), build(split.validation)
    return Prepared(dataset, split, rows, validation, encoder.exact, leakage, targets)


def _teach(split: Split, dataset: Dataset, config: TrainConfig) -> tuple[Split, Targets]:
    taught, targets = qualify_targets((*split.train, *split.validation), dataset.schemas, config.data)
    border = len(split.train)
    return replace(split, train=taught[:border], validation=taught[border:]), targets


def _load_material(config: TrainConfig) -> Material:
    path = config.data.path
    if path != datasets.MINI and not Path(path).exists():
        name = Path(path).name
        raise DataError(
            f"{path}: the training data is not there; fetch it with `t2s data fetch {name}`, or name a folder with "
            "--set data=PATH"
        )
    dataset = datasets.load(path, config.data.split, descriptions=config.prompt.descriptions)
    return check_leakage(dataset, config.data)


def choose_encoder(config: TrainConfig) -> tuple[Encoder, Shape | None, str]:
    """Return the tokeniser's encoder, or the estimating one where none is to be had, with the shape and the reason."""
    try:
        models: Any = importlib.import_module("trainer.models")
        weights = models.resolve_base(config)
        encoder = models.make_encoder(models.load_tokenizer(weights))
    except (MissingDependency, ModelError) as error:
        shape = known_shape(config.model.id)
        return estimating_encoder(), shape and _check_embedding(config, shape), str(error)
    return encoder, _check_embedding(config, _shape(config, weights)), ""


def _check_embedding(config: TrainConfig, shape: Shape) -> Shape:
    if config.model.embedding_on_cpu and shape.tied:
        problem = "model.embedding_on_cpu: the input embedding is the head too (tied), which stays on the GPU"
        raise ConfigError(config.model.id, [f"{problem}; set it to false"])
    return shape


def _shape(config: TrainConfig, weights: Any) -> Shape:
    """Return the shape of the weights that are named; raises `ModelError` when `model.id` is another model."""
    models: Any = importlib.import_module("trainer.models")
    known = known_shape(config.model.id)
    if known is not None and not config.model.path:
        return known
    found: Shape = models.read_shape(weights)
    if known is not None and not same_model(found, known):
        raise ModelError(
            f"{config.model.path}: holds another model than model.id ({config.model.id}): {found.layers} layers of "
            f"{found.hidden}, not {known.layers} of {known.hidden}; set model.id to the model of these weights"
        )
    return found


def prepared_summary(prepared: Prepared, data_hashes: dict[str, str]) -> dict[str, Any]:
    """Return what the card and `training.json` say of the data."""
    train, split = prepared.train, prepared.split
    return {
        "name": prepared.dataset.name,
        "split": prepared.dataset.split,
        "examples": len(prepared.dataset.examples),
        "hashes": data_hashes,
        "rows": len(train.rows),
        "validation_rows": len(prepared.validation.rows),
        "tokens": train.tokens,
        "completion_tokens": train.completion_tokens,
        "databases": sorted({row.db_id for row in train.rows}),
        "validation_databases": list(split.validation_databases),
        "evidence_buckets": [{"words": name, "before": a, "after": b} for name, a, b in split.buckets],
        "shortened": [*train.shortened, *prepared.validation.shortened],
        "left_out": [*train.left_out, *prepared.validation.left_out],
        "targets": asdict(prepared.targets),
        "leakage": {"summary": prepared.leakage.headlines, **asdict(prepared.leakage)},
    }


def read_finished(output_dir: Path) -> dict[str, Any] | None:
    """Return `training.json` of a finished adapter, `None` where none is."""
    path = output_dir / FINISHED
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _check_folder(config: TrainConfig, output_dir: Path, *, resume: bool) -> bool:
    """Return whether the folder holds what is asked for already."""
    if output_dir.exists() and not output_dir.is_dir():
        raise UsageError(f"{output_dir}: is a file; choose another --out")
    finished = read_finished(output_dir)
    if finished is not None and resume:
        if finished["config_sha256"] != identity(config):
            raise UsageError(f"{output_dir}: finished with another configuration; choose another --out")
        elsewhere = finished["config"]["data"]["path"] != config.data.path
        if elsewhere and finished["data"]["hashes"] != hashes(_load_material(config)[0]):
            raise UsageError(f"{output_dir}: finished with other data; choose another --out")
        return True
    if finished is not None:
        raise UsageError(f"{output_dir}: holds a finished adapter; choose another --out, or remove the folder first")
    if not resume and unfinished_checkpoints(output_dir):
        raise UsageError(
            f"{output_dir}: holds an unfinished training; go on with --resume, choose another --out, or remove it"
        )
    return False


def _begin(config: TrainConfig, output_dir: Path, sources: dict[str, Any], *, resume: bool) -> None:
    started = output_dir / STARTED
    now = {"config_sha256": identity(config), **sources}
    if resume and unfinished_checkpoints(output_dir):
        if not started.is_file():
            raise UsageError(
                f"{started}: is missing, so nobody knows what its checkpoints were trained with; choose another --out"
            )
        before = {"left_out": [], **json.loads(started.read_text(encoding="utf-8"))}
        names = {
            "data": "other data",
            "left_out": "other databases left out",
            "weights": "other weights",
            "config_sha256": "another configuration",
        }
        for key, name in names.items():
            if before.get(key) != now[key]:
                raise UsageError(f"{output_dir}: was started with {name}; restore that, or choose another --out")
    _write_json(started, now | {"config": asdict(config)})


def _write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, default=str) + "\n", advice=RESUME)
