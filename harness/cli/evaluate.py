"""`t2s eval CONFIG`: one run, or with `--adapters DIR` one for the base model and each adapter in the folder."""

import importlib
import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.progress import progress
from harness.cli.table import print_run
from harness.config import EvalConfig, PromptConfig, build, load
from harness.errors import DataError, ModelError, UsageError
from harness.run import Place, evaluate_config

__all__ = ["eval_app", "find_preset", "plan_runs"]

ABOUT = "training.json"
SHORT_FORMS = {"model": "generator.model", "data": "data.path"}

eval_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@eval_app.command()
def evaluate(
    config: Annotated[str, typer.Argument(help="A TOML file, or a preset: mini-dev, demo.")],
    *,
    settings: Annotated[list[str] | None, typer.Option("--set", help="e.g. model=PATH or prompt.template=chat")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the run, instead of a numbered one.")] = None,
    adapters: Annotated[Path | None, typer.Option(help="Evaluate the base and every adapter of this folder.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run; skip complete ones.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N questions.")] = None,
) -> None:
    """Evaluate a model as a configuration says."""
    if adapters and out:
        raise UsageError("t2s eval: --adapters makes several runs and --out names one; give one of the two")
    wanted = load(find_preset(config), EvalConfig, settings or [], SHORT_FORMS)
    command = shlex.join(["t2s", *sys.argv[1:]])
    own_prompts = not any(setting.startswith("prompt.") for setting in settings or [])
    place = Place(folder=out, resume=resume, limit=limit, command=command)
    for one in plan_runs(wanted, adapters, own_prompts=own_prompts) if adapters else [wanted]:
        try:
            _evaluate(one, place)
        except ModelError as error:
            if _same_base(one.generator, wanted.generator):
                raise
            # The weights of another adapter's base: without them the rest is evaluated all the same.
            typer.echo(f"{_label(one)}: not run, {error}", err=True)
    if adapters:
        _say_what_is_missing(adapters)


def _evaluate(config: EvalConfig, place: Place) -> None:
    with progress(_label(config), "questions") as update:
        run = evaluate_config(config, place, update)
    print_run(run)
    typer.echo(f"{run.path}", err=True)


def _label(config: EvalConfig) -> str:
    return Path(str(config.generator.get("adapter") or config.generator.get("model") or "run")).name


def find_preset(ref: str) -> Path:
    """Return the TOML file that `ref` names: a preset that is shipped, or a path."""
    shipped = resources.files("harness") / "presets" / f"{ref}.toml"
    with resources.as_file(shipped) as path:
        return path if path.is_file() and not Path(ref).is_file() else Path(ref)


def plan_runs(config: EvalConfig, adapters: Path, *, own_prompts: bool = True) -> list[EvalConfig]:
    """Return the base model of `config`, then every adapter in `adapters` behind the base model it was made for.

    An adapter is evaluated on the model of `config` when that is its base, on its own base otherwise, and with
    `own_prompts` on the prompts that it was trained with. Raises `DataError` for a folder that names no base, and
    `UsageError` where nobody can say whether the model of `config` is the base.
    """
    plan = [config]
    for folder in _adapter_folders(adapters):
        about = _read_about(folder)
        generator = {**config.generator, **_base_of(folder, about, config.generator)}
        if not any(_same_base(one.generator, generator) for one in plan):
            plan.append(replace(config, generator=generator))
        prompt = about.get("config", {}).get("prompt") if own_prompts else None
        plan.append(
            replace(
                config,
                generator={**generator, "adapter": str(folder)},
                prompt=build(PromptConfig, prompt, str(folder / ABOUT)) if prompt else config.prompt,
            )
        )
    return plan


def _adapter_folders(adapters: Path) -> Iterator[Path]:
    if adapters.is_dir():
        yield from (path.parent for path in sorted(adapters.glob("*/adapter_config.json")))


def _read_about(folder: Path) -> dict[str, Any]:
    """Read what the trainer wrote down, with the base model's id; an adapter of somebody else has only the id."""
    try:
        base = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8")) if (folder / ABOUT).exists() else {}
        return {"weights": {}, **about, "base": str(base)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: names no base model ({error}); train the adapter again or remove it") from error


def _base_of(folder: Path, about: dict[str, Any], generator: dict[str, Any]) -> dict[str, str]:
    """Return `model` and `hub_id` of the weights that an adapter belongs to."""
    base, weights, model = about["base"], about["weights"], str(generator.get("model", ""))
    given = {"model": model, "hub_id": base}
    if base in (model, generator.get("hub_id")):
        return given
    if Path(model).exists() and weights.get("sha256") and weights["sha256"] == _sha256(model):
        return given
    if weights.get("source") and Path(weights["source"]).exists():
        return {"model": str(weights["source"]), "hub_id": base}
    if Path(model).exists() and not generator.get("hub_id") and not weights.get("sha256"):
        raise UsageError(f"{folder}: is {model} its base, {base}? say what it holds with --set generator.hub_id=ID")
    return {"model": base, "hub_id": base}


def _sha256(model: str) -> str | None:
    models = importlib.import_module("harness.models")  # torch: only where local weights must be told apart
    digest: str | None = models.resolve(model).sha256
    return digest


def _same_base(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one.get("model") == other.get("model"))


def _say_what_is_missing(adapters: Path) -> None:
    trained = {folder.name for folder in _adapter_folders(adapters)}
    missing = [preset for preset in ("qwen", "falcon") if preset not in trained]
    for preset in missing:
        typer.echo(
            f"{preset}: not run, {adapters / preset} holds no adapter; make one with `tox -e train-{preset}`", err=True
        )
