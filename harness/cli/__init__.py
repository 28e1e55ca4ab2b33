"""The command line: one literal table of commands, each imported when it is called and not before."""

import errno
import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from harness.errors import ExitCode, T2SError

__all__ = ["COMMANDS", "main"]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "data": ("harness.cli.data:app", "List, fetch, check and describe data sets."),
    "eval": ("harness.cli.evaluate:eval_app", "Evaluate a model as a configuration says."),
    "score": ("harness.cli.score:app", "Score a predictions file."),
    "show": ("harness.cli.show:app", "Show a run as a table."),
    "verify": ("harness.cli.verify:app", "Execute a run's SQL again and reproduce every number."),
    "publish": ("harness.cli.publish:app", "Write what of a run is fit to be committed: ids, our SQL, scores."),
    "gate": ("harness.cli.gate:app", "Fail when a run breaks a limit or falls behind a baseline."),
    "doctor": ("harness.cli.doctor:app", "Say what this machine has and what is missing for what."),
    "train": ("trainer.cli:train_app", "Train an adapter from a preset or a configuration."),
    "plan": ("trainer.cli:plan_app", "Predict rows, tokens, steps and memory of a training."),
    "report": ("reports.cli:app", "Render runs as one offline HTML page."),
    "compare": ("reports.cli:compare_app", "Compare two runs question by question."),
}
RESUMABLE = ("eval", "score", "train")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `t2s` and leave the process with an exit code of `harness.errors.ExitCode`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    try:
        if words and words[0] in COMMANDS:
            return _call(words[0], words[1:])
        return _invoke(_overview(), words, "t2s")
    except T2SError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(words)
    except Exception as error:  # noqa: BLE001  (a traceback that leaves with 1 would read as a failed gate)
        return _unforeseen(error)


def _unforeseen(error: Exception) -> int:
    named = isinstance(error, OSError) and (error.filename or error.errno in (errno.ENOSPC, errno.EDQUOT))
    if isinstance(error, OSError) and named:
        _say(f"{error.filename or 'output'}: {error.strerror}; check the path, or choose another place")
    else:
        traceback.print_exception(error)
        _say("this is a defect of text2sql-harness, not of your input; please report it with the lines above")
    return ExitCode.RUN


def _interrupted(words: list[str]) -> int:
    goes_on = bool(words) and words[0] in RESUMABLE
    _say("interrupted; what was finished is kept" + (", the same command with --resume goes on" if goes_on else ""))
    return ExitCode.INTERRUPTED


def _call(name: str, words: list[str]) -> int:
    module, _, attribute = COMMANDS[name][0].partition(":")
    app: typer.Typer = getattr(importlib.import_module(module), attribute)
    return _invoke(app, words, f"t2s {name}")


def _invoke(app: typer.Typer, words: list[str], name: str) -> int:
    command = typer.main.get_command(app)
    try:
        command.main(args=words, prog_name=name, standalone_mode=True)
    except SystemExit as leaving:
        if leaving.code == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt from leaving
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return ExitCode.OK


def _overview() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback(help="Score text-to-SQL models, and train the adapters that are scored.")(_options)
    for name, (_, text) in COMMANDS.items():
        # Never called: a known name is dispatched before; this is what `--help` and typing errors see.
        app.command(name, help=text)(lambda: None)
    return app


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (the library's signature)
    if wanted:
        import importlib.metadata  # noqa: PLC0415  (not needed for anything else)

        typer.echo(importlib.metadata.version("text2sql-harness"))
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Carry the options that stand before any command."""


def _say(message: str) -> None:
    typer.echo(message, err=True)
