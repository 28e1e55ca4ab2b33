"""`t2s eval CONFIG`: one run, or with `--adapters DIR` one for the base model and each adapter in the folder."""

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
from harness.config import EvalConfig, load
from harness.errors import DataError, UsageError
from harness.run import Place, evaluate_config

__all__ = ["eval_app", "find_preset", "plan_runs"]

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
    for one in plan_runs(wanted, adapters) if adapters else [wanted]:
        label = Path(str(one.generator.get("adapter") or one.generator.get("model") or "run")).name
        with progress(label, "questions") as update:
            run = evaluate_config(one, Place(folder=out, resume=resume, limit=limit, command=command), update)
        print_run(run)
        typer.echo(f"{run.path}", err=True)
    if adapters:
        _say_what_is_missing(adapters)


def find_preset(ref: str) -> Path:
    """Return the TOML file that `ref` names: a preset that is shipped, or a path."""
    shipped = resources.files("harness") / "presets" / f"{ref}.toml"
    with resources.as_file(shipped) as path:
        return path if path.is_file() and not Path(ref).exists() else Path(ref)


def plan_runs(config: EvalConfig, adapters: Path) -> list[EvalConfig]:
    """Return the base model of `config`, then every adapter in `adapters` behind the base model it was made for.

    An adapter is evaluated on the model of `config` when that is its base, on the base that it names otherwise.
    Raises `DataError` for a folder whose `adapter_config.json` cannot be read.
    """
    plan = [config]
    for folder in _adapter_folders(adapters):
        base = _base_of(folder)
        generator: dict[str, Any] = dict(config.generator)
        if not _names_base(config.generator, base):
            generator = {**generator, "model": base, "hub_id": ""}
            if not any(one.generator.get("model") == base for one in plan):
                plan.append(replace(config, generator=generator))
        plan.append(replace(config, generator={**generator, "adapter": str(folder)}))
    return plan


def _adapter_folders(adapters: Path) -> Iterator[Path]:
    if adapters.is_dir():
        yield from (path.parent for path in sorted(adapters.glob("*/adapter_config.json")))


def _base_of(folder: Path) -> str:
    path = folder / "adapter_config.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: names no base model ({error}); train the adapter again or remove it") from error


def _names_base(generator: dict[str, Any], base: str) -> bool:
    # `hub_id` says what a local file holds; without one a path is taken for the base that the user means.
    named = generator.get("hub_id") or generator.get("model", "")
    return bool(named == base or (not generator.get("hub_id") and Path(str(named)).exists()))


def _say_what_is_missing(adapters: Path) -> None:
    trained = {folder.name for folder in _adapter_folders(adapters)}
    missing = [preset for preset in ("qwen", "falcon") if preset not in trained]
    for preset in missing:
        typer.echo(
            f"{preset}: not run, {adapters / preset} holds no adapter; make one with `tox -e train-{preset}`", err=True
        )
