"""The train TOML as dataclasses; presets are files of the same shape that another file can start from."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from harness.config import STRICT, PromptConfig, apply_overrides, build, digest, read_toml
from harness.errors import ConfigError

__all__ = [
    "AdapterConfig",
    "BaseModelConfig",
    "OptimizationConfig",
    "PackingConfig",
    "TrainConfig",
    "TrainDataConfig",
    "identity",
    "load",
    "preset_names",
]

MIN_VRAM_GIB, MAX_VRAM_GIB = 1.0, 1024.0
"""Less is no more than CUDA's context and a batch's scratch; more is likely meant in other units."""
SHORT_FORMS = {"model": "model.path", "data": "data.path"}
LATER = {"later": True}
"""Marks an option that came after the first trainings: at its default it is no part of their `identity`."""


@dataclass(frozen=True)
class BaseModelConfig:
    """`[model]`: the base's hub `id`, and a local `path` (folder or `.gguf`) where the weights come from a file.

    With `embedding_on_cpu` the input embedding stays in CPU memory, where it is not the head too.
    """

    __pydantic_config__ = STRICT
    id: str
    path: str = ""
    quantization: Literal["nf4", "fp4", "none"] = "nf4"
    double_quant: bool = True
    compute_dtype: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    embedding_on_cpu: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True)
class AdapterConfig:
    """`[lora]`: rank, scale, dropout and the linear layers that get an adapter, by the end of their names.

    `use_rslora` scales by alpha/√r instead of alpha/r (Kalajdzievski 2023, arXiv 2312.03732); `use_dora` learns the
    norm of each output's weights beside their direction (Liu et al. 2024, arXiv 2402.09353).
    """

    __pydantic_config__ = STRICT
    r: int = 32
    alpha: int = 64
    dropout: float = 0.05
    target_modules: tuple[str, ...] = ("q_proj", "v_proj")
    use_rslora: bool = field(default=False, metadata=LATER)
    use_dora: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True)
class TrainDataConfig:
    """`[data]`: a data folder (or `mini`), the share of it to train on, and the databases held out for validation.

    `fraction` is sampled so that the distribution over evidence-length buckets is kept. `validation_databases` is
    a number of databases, or, below 1, a share of them; 0 trains on all and evaluates nothing. With
    `shuffle_schemas` tables and columns come in another order in every epoch but the first. `qualifiers`: columns are
    taught as the golds have them, with the table's name where those have its alias, or with it always
    (`trainer.qualifying`). Databases that the sets of `evaluation` (not given: those beside the training data, see
    `trainer.leakage`) have as well are refused, left out or allowed.
    """

    __pydantic_config__ = STRICT
    path: str
    split: str = "train"
    fraction: float = 0.45
    seed: int = 42
    validation_databases: float = 0.1
    shuffle_schemas: bool = field(default=False, metadata=LATER)
    qualifiers: Literal["as_written", "tables", "always"] = field(default="as_written", metadata=LATER)
    evaluation: tuple[str, ...] | None = None
    leakage: Literal["refuse", "exclude", "allow"] = "refuse"


@dataclass(frozen=True)
class OptimizationConfig:
    """`[train]`: an optimizer step sees `batch_size` × `gradient_accumulation_steps` examples.

    `max_steps` = 0 trains `epochs` epochs. `save_steps` = 0 saves at the end of each epoch only. Examples above
    `max_tokens` are left out and counted (0: above the model's positions); nothing is ever truncated. With `keep_best`
    the adapter is the one of the epoch with the lowest validation loss, else that of the last step. B's learning rate
    is `loraplus_lr_ratio` times A's (Hayou et al. 2024, arXiv 2402.12354; 0: the same).
    """

    __pydantic_config__ = STRICT
    batch_size: int = 2
    eval_batch_size: int = 2
    gradient_accumulation_steps: int = 8
    learning_rate: float = 2e-5
    epochs: int = 3
    max_steps: int = 0
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    logging_steps: int = 10
    save_steps: int = 0
    max_tokens: int = 0
    seed: int = 42
    keep_best: bool = True
    loraplus_lr_ratio: float = field(default=0.0, metadata=LATER)

    @property
    def step_examples(self) -> int:
        """The examples of one optimizer step."""
        return self.batch_size * self.gradient_accumulation_steps


@dataclass(frozen=True)
class PackingConfig:
    """`[packing]`: up to `group_size` questions of a database share its schema in one sequence (1: none do).

    Groups are computed together up to `micro_batch_tokens` (0: what the memory budget allows; on a CPU each group
    alone). `vram_budget_gib` is enforced on a GPU; more than the card has is no limit. What it leaves is spent on speed
    with `use_spare_memory`; without, the footprint is the smallest. `gradient_checkpointing` set to true recomputes all
    layers, false none, whatever is to spare.
    `group_size` divides the examples of an optimizer step; the others change nothing that is learnt.
    """

    __pydantic_config__ = STRICT
    group_size: int = 8
    micro_batch_tokens: int = 0
    vram_budget_gib: float = 6.0
    gradient_checkpointing: Literal["auto"] | bool = "auto"
    use_spare_memory: bool = True


@dataclass(frozen=True)
class TrainConfig:
    """The whole train file. `trainer` is a name of `trainer.job.TRAINERS` or `package.module:Class`."""

    __pydantic_config__ = STRICT
    model: BaseModelConfig
    data: TrainDataConfig
    lora: AdapterConfig = field(default_factory=AdapterConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    train: OptimizationConfig = field(default_factory=OptimizationConfig)
    packing: PackingConfig = field(default_factory=PackingConfig)
    trainer: str = "recipe"
    base: str = ""


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that are shipped."""
    files = resources.files("trainer").joinpath("presets").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def load(ref: str, overrides: Iterable[str] = ()) -> TrainConfig:
    """Read a preset by name or a TOML file, `base` merged underneath and `--set` overrides on top.

    Raises `ConfigError` with every problem found: keys, types, ranges and combinations.
    """
    tree = apply_overrides(_read(ref, seen=()), overrides, SHORT_FORMS)
    config = build(TrainConfig, tree, ref)
    if problems := _problems(config):
        raise ConfigError(ref, problems)
    return replace(config, base="")


def identity(config: TrainConfig) -> str:
    """Return the sha256 of all that shapes what is learnt, but for the weights and the data, which have their own.

    Where those lie is no part of it, nor are memory's limits, nor how often is logged and saved.
    """
    packing = PackingConfig(group_size=config.packing.group_size)
    model, data = replace(config.model, path="", embedding_on_cpu=False), replace(config.data, path="")
    if data.leakage != "exclude":
        # What is only compared with changes nothing that is learnt.
        data = replace(data, evaluation=None, leakage="refuse")
    train = replace(config.train, logging_steps=1, save_steps=0)
    return digest(_written(replace(config, model=model, data=data, train=train, packing=packing)))


def _written(part: Any) -> dict[str, Any]:
    """Return a dataclass as a tree; a training from before there was a choice (`LATER`) stays what it is."""
    tree = {}
    for one in fields(part):
        value = getattr(part, one.name)
        if not (one.metadata.get("later") and value == one.default):
            tree[one.name] = _written(value) if is_dataclass(value) else value
    return tree


def _read(ref: str, seen: tuple[str, ...]) -> dict[str, Any]:
    if ref in seen:
        raise ConfigError(ref, [f"base: runs in a circle: {' → '.join((*seen, ref))}"])
    if ref in preset_names():
        with resources.as_file(resources.files("trainer").joinpath("presets", f"{ref}.toml")) as path:
            tree = read_toml(path)
    elif Path(ref).suffix == ".toml":
        tree = read_toml(Path(ref))
    else:
        raise ConfigError(ref, [f"neither a preset nor a .toml file; presets: {', '.join(preset_names())}"])
    base = tree.get("base", "")
    return _merge(_read(str(base), (*seen, ref)), tree) if base else tree


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merge(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _problems(config: TrainConfig) -> list[str]:
    train, data, lora, packing = config.train, config.data, config.lora, config.packing
    positive = {
        "train.batch_size": train.batch_size,
        "train.eval_batch_size": train.eval_batch_size,
        "train.gradient_accumulation_steps": train.gradient_accumulation_steps,
        "train.learning_rate": train.learning_rate,
        "train.epochs": train.epochs,
        "train.logging_steps": train.logging_steps,
        "lora.r": lora.r,
        "lora.alpha": lora.alpha,
        "packing.group_size": packing.group_size,
        "prompt.max_tokens": config.prompt.max_tokens,
    }
    not_negative = {
        "train.max_steps": train.max_steps,
        "train.save_steps": train.save_steps,
        "train.max_tokens": train.max_tokens,
        "train.weight_decay": train.weight_decay,
        "train.max_grad_norm": train.max_grad_norm,
        "data.validation_databases": data.validation_databases,
        "packing.micro_batch_tokens": packing.micro_batch_tokens,
    }
    problems = [f"{key}: must be above 0 (got {value})" for key, value in positive.items() if not value > 0]
    problems += [f"{key}: must not be negative (got {value})" for key, value in not_negative.items() if value < 0]
    return problems + _combinations(config)


def _combinations(config: TrainConfig) -> list[str]:
    train, data, lora, packing = config.train, config.data, config.lora, config.packing
    problems = []
    if not 0 < data.fraction <= 1:
        problems.append(f"data.fraction: must be above 0 and at most 1 (got {data.fraction})")
    if data.validation_databases > 1 and data.validation_databases % 1:
        problems.append(
            f"data.validation_databases: a share below 1 or a whole number of databases (got "
            f"{data.validation_databases})"
        )
    if not 0 <= train.warmup_ratio < 1:
        problems.append(f"train.warmup_ratio: must be at least 0 and below 1 (got {train.warmup_ratio})")
    if train.loraplus_lr_ratio and not 1 <= train.loraplus_lr_ratio < math.inf:
        problems.append(
            f"train.loraplus_lr_ratio: must be 0 (off) or at least 1 (got {train.loraplus_lr_ratio}); B learns faster "
            "than A, not slower"
        )
    if not 0 <= lora.dropout < 1:
        problems.append(f"lora.dropout: must be at least 0 and below 1 (got {lora.dropout})")
    if not MIN_VRAM_GIB <= packing.vram_budget_gib <= MAX_VRAM_GIB:
        problems.append(
            f"packing.vram_budget_gib: must be between {MIN_VRAM_GIB:g} and {MAX_VRAM_GIB:g} "
            f"(got {packing.vram_budget_gib}); a budget above the card's memory is no limit"
        )
    if not lora.target_modules or "lm_head" in lora.target_modules or "embed_tokens" in lora.target_modules:
        problems.append("lora.target_modules: name linear layers inside the blocks; head and embedding stay frozen")
    if packing.group_size > 0 and train.step_examples > 0 and train.step_examples % packing.group_size:
        problems.append(
            f"packing.group_size: {packing.group_size} does not divide an optimizer step of {train.step_examples} "
            "examples (train.batch_size × train.gradient_accumulation_steps); every step would split a group"
        )
    return problems
